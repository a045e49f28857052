"""The directory that `plan compile` writes: replaced part by part, never half written, and nobody else's."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Location, UndercloudError

MARK = "plan.json"
"""The file by which an earlier output is known; it is among those of every compilation."""
STATE = "state.json"


def check(out: Path) -> None:
    """Raise UndercloudError (CLI-030) unless ``out`` is free, empty, or an earlier output."""
    try:
        there = {path.name for path in out.iterdir()} if out.is_dir() else set()
        foreign = bool(there) if out.is_dir() else out.exists()
    except OSError as problem:
        raise _unwritable(out, problem) from problem
    if foreign and not there & {MARK, STATE}:
        raise UndercloudError.of(
            "CLI-030",
            f"{out} holds something else than the output of an earlier plan compile",
            fix="name a new or an empty directory with --output-dir",
        )


def replace(out: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write files (relative path → content and mode) into ``out`` (0700).

    Each entry at the top of ``files`` takes the place of the one of that name as a whole, once all of them
    are written; other entries of ``out`` stay. Raises UndercloudError (CLI-005) where that is impossible, and
    the earlier output is then still there.
    """
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        out.chmod(0o700)
        staging = Path(tempfile.mkdtemp(dir=out, prefix=".new-"))
        try:
            _write_all(staging / "new", files)
            _exchange(out, staging, sorted({path.split("/", 1)[0] for path in files}))
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as problem:
        raise _unwritable(out, problem) from problem


def read_json(file: Path) -> Any:
    """A file of an earlier output; raises UndercloudError (CLI-031) where it is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        why = problem.strerror or str(problem)
    except (ValueError, RecursionError):
        why = "it is not valid JSON"
    raise foreign(file, why)


def foreign(path: Path, why: str) -> UndercloudError:
    """That a directory, or a file in it, is not what `plan compile` wrote (CLI-031)."""
    return UndercloudError.of(
        "CLI-031",
        f"this is no output of plan compile: {why}",
        fix="name a directory that `openstack overcloud plan compile` wrote with --output-dir",
        location=Location(str(path)),
    )


def _exchange(out: Path, staging: Path, names: Sequence[str]) -> None:
    """Put the new entries in the places of the old ones; if that fails, everything back."""
    new, old = staging / "new", staging / "old"
    old.mkdir()
    done: list[str] = []
    try:
        for name in names:
            done.append(name)
            if (out / name).exists():
                (out / name).rename(old / name)
            (new / name).rename(out / name)
    except OSError:
        for name in done:
            if (old / name).exists():
                shutil.rmtree(out / name, ignore_errors=True)
                (old / name).rename(out / name)
        raise


def _write_all(root: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    made: set[Path] = set()

    def directory(path: Path) -> Path:
        if path not in made:
            if path != root:
                directory(path.parent)
            path.mkdir(mode=0o700)
            made.add(path)
        return path

    for path, (content, mode) in files.items():
        folder, _, name = path.rpartition("/")
        handle = os.open(directory(root / folder) / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)


def _unwritable(out: Path, problem: OSError) -> UndercloudError:
    return UndercloudError.of(
        "CLI-005",
        f"{problem.filename or out} cannot be written: {problem.strerror}",
        fix="choose a directory that you may write to and that has room",
    )
