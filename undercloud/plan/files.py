"""Reading the operator's files from the disk: the only place in the compiler that does."""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan.names import nearest
from undercloud.plan.nodes import MAX_BYTES

MAX_FILES = 50_000
_CHUNK = 256 * 1024


def read_file(path: str) -> bytes:
    """The contents of one file.

    Raises UndercloudError: PLAN-050 it is not there, PLAN-051 it cannot be read, PLAN-053 it is too large.
    """
    data = bytearray()
    try:
        # Not through pathlib and buffers: that would make reading a tree five times as slow.
        with io.FileIO(path) as file:
            while len(data) <= MAX_BYTES and (chunk := file.read(_CHUNK)):
                data += chunk
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fix = "Name a file that you may read."
        text = f"the file cannot be read: {reason}"
        raise UndercloudError.of("PLAN-051", text, fix=fix, location=_place(path)) from None
    if len(data) > MAX_BYTES:
        text = f"the file is larger than {MAX_BYTES >> 20} MiB"
        raise UndercloudError.of("PLAN-053", text, fix="Split the file.", location=_place(path))
    return bytes(data)


def read_directory(root: str) -> dict[str, bytes]:
    """Every file of a template tree by its path relative to ``root``.

    Hidden files and those whose names are no UTF-8 are left out: no template names them.

    Raises UndercloudError: PLAN-050, PLAN-051 as ``read_file``, PLAN-053 more files than any tree has.
    """
    files: dict[str, bytes] = {}
    try:
        prefix = len(root.rstrip("/")) + 1
        for path in _walk(root):
            if len(files) >= MAX_FILES:
                text = f"the directory has more than {MAX_FILES} files: it is no tree of templates"
                fix = "Give --templates the directory that overcloud.j2.yaml lies in."
                raise UndercloudError.of("PLAN-053", text, fix=fix, location=_place(root))
            files[path[prefix:]] = read_file(path)
    except FileNotFoundError:
        raise missing(root) from None
    except (OSError, ValueError) as error:
        text = f"the directory cannot be read: {getattr(error, 'strerror', None) or error}"
        fix = "Give --templates a directory that you may read."
        raise UndercloudError.of("PLAN-051", text, fix=fix, location=_place(root)) from None
    return files


def _walk(root: str) -> Iterator[str]:
    """Regular files below a directory; links are followed, a directory is entered once."""
    waiting = [root]
    entered: set[tuple[int, int]] = set()
    while waiting:
        directory = waiting.pop()
        status = Path(directory).stat()
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(directory) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.name.startswith(".") or entry.name == "__pycache__" or not _is_text(entry.name):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                elif entry.is_file():
                    yield entry.path


def absolute(path: str) -> str:
    """The path as an absolute one, ``~`` and ``..`` worked out, links left alone."""
    # A name such as ~nobody-of-this-name may be meant as it stands.
    with contextlib.suppress(RuntimeError):
        path = str(Path(path).expanduser())
    return posixpath.normpath(str(Path(path).absolute()))


def real(path: str) -> str:
    """The absolute path with all links followed, as far as that goes."""
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError, ValueError):
        return path


def is_file(path: str) -> bool:
    """Whether there is something readable of that name: a file, a device such as /dev/null, a pipe."""
    try:
        return Path(path).exists() and not Path(path).is_dir()
    except (OSError, ValueError):
        return False


def is_directory(path: str) -> bool:
    """Whether there is a directory of that name."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def names_in(directory: str, suffix: str) -> list[str]:
    """The paths of a directory's files that end in ``suffix``, by name; raises as ``read_directory``."""
    try:
        return sorted(
            str(path) for path in Path(directory).iterdir() if path.name.endswith(suffix) and path.is_file()
        )
    except FileNotFoundError:
        raise missing(directory) from None
    except (OSError, ValueError) as error:
        text = f"the directory cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UndercloudError.of(
            "PLAN-051", text, fix="Name a directory.", location=_place(directory)
        ) from None


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8; Python keeps other bytes of a name as halves of pairs."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _place(path: str) -> Location:
    """A path fit to print."""
    return Location(path.encode("utf-8", "backslashreplace").decode())


def missing(path: str, *others: str) -> UndercloudError:
    """PLAN-050 for a path that is not there; ``others`` are places where it was looked for too.

    Says which file in those places has a similar name.
    """
    if is_directory(path):
        fix = "Name a file in it."
        return UndercloudError.of("PLAN-050", "this is a directory, no file", fix=fix, location=_place(path))
    there: dict[str, str] = {}
    for place in (path, *others):
        try:
            beside = sorted(Path(place).parent.iterdir())
        except (OSError, ValueError):
            continue
        there |= {each.stem: str(each) for each in beside if each.suffix == Path(path).suffix}
    match = nearest(Path(path).stem, there)
    rule = "A relative path is looked for where you are, then under the templates, then beside them."
    fix = f"Did you mean {there[match]}?" if match else rule
    return UndercloudError.of("PLAN-050", "there is no such file", fix=fix, location=_place(path))
