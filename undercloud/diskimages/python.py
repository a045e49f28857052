"""Python packages for a tree, from the package index that this machine's pip uses."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.definitions import DiskImage, PythonPackages
from undercloud.diskimages.tools import Tools


def install(image: DiskImage, packages: PythonPackages, root: Path, tools: Tools, edition: str) -> None:
    """Put the packages into the tree at ``root``, compiled by the tree's own Python.

    What was fetched is kept in the store and used again for the same ``edition``. Raises ToolFailedError, and
    UndercloudError IMG-042 where this Python is of another version than the tree's: pip would fetch what does
    not run there.
    """
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not (root / "usr/bin" / ours).exists():
        theirs = ", ".join(sorted(path.name for path in (root / "usr/bin").glob("python3.?*"))) or "none"
        raise UndercloudError.of(
            "IMG-042",
            f"undercloud runs with {ours}, the tree {image.tree!r} has {theirs}",
            fix="Build images with an undercloud that was installed with Debian 12's python3.",
            location=image.location,
        )
    content = json.dumps([ours, packages.requirements, edition]).encode()
    kept = tools.store.root / "cache" / "python" / hashlib.sha256(content).hexdigest()[:12]
    if not kept.exists():
        _fetch(packages, kept, tools)
    target = root / packages.directory.lstrip("/")
    shutil.copytree(kept, target, symlinks=True, dirs_exist_ok=True)
    # Checked by content, never by time: the times in an image are not those of its making.
    compiling = ("-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash")
    tools.run("chroot", root, f"/usr/bin/{ours}", *compiling, packages.directory)


def _fetch(packages: PythonPackages, kept: Path, tools: Tools) -> None:
    fetched = kept.with_name(f".{kept.name}.new")
    shutil.rmtree(fetched, ignore_errors=True)
    fetched.parent.mkdir(parents=True, exist_ok=True)
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off")
    tools.run(*pip, "--no-compile", "--target", fetched, *packages.requirements)
    fetched.rename(kept)
