"""Files and directories on the node: looked at, written whole or not at all, removed, kept as they were."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.undercloud.deploy.plugins.module_utils import errors
from ansible_collections.undercloud.deploy.plugins.module_utils.model import PathFact, unfinished

CHUNK = 1 << 20


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn the operating system's errors into findings (NODE-010, NODE-014)."""
    try:
        yield
    except OSError as error:
        raise errors.from_os_error(error, doing) from error


def look(path: str, *, follow: bool = False, hashed: bool = False, listed: bool = False) -> PathFact | None:
    """What lies at a path, or None. ``follow`` looks through a symbolic link to a directory."""
    try:
        status = os.stat(path) if follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = _kind(status.st_mode)
    entries = tuple(sorted(os.listdir(path))) if listed and kind == "directory" else None
    return PathFact(
        kind=kind,
        owner=status.st_uid,
        group=status.st_gid,
        mode=stat.S_IMODE(status.st_mode),
        sha256=digest(path) if hashed and kind == "file" else "",
        identity=f"{status.st_ino}:{status.st_mtime_ns}" if kind == "file" else "",
        target=os.readlink(path) if kind == "link" else "",
        entries=entries,
    )


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def digest(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    sum_ = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(CHUNK):
            sum_.update(chunk)
    return sum_.hexdigest()


def write(path: str, content: bytes, owner: int, group: int, mode: int) -> None:
    """Put a file in place whole: written and synced under a temporary name, then renamed over."""
    temporary = unfinished(path)
    with explained(f"writing {path}"):
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                os.fchown(handle, owner, group)
                os.fchmod(handle, mode)
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.rename(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_directory(os.path.dirname(path))


def link(path: str, target: str) -> None:
    """Put a symbolic link in place, over what is there."""
    temporary = unfinished(path)
    with explained(f"linking {path}"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(target, temporary)
        os.rename(temporary, path)
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make a directory's entries last through a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_attributes(path: str, owner: int, group: int, mode: int) -> None:
    """Set owner, group and mode (in this order: a change of owner clears set-id bits)."""
    with explained(f"setting owner and mode of {path}"):
        os.chown(path, owner, group)
        os.chmod(path, mode)


def make_directory(path: str, owner: int, group: int, mode: int) -> None:
    """Make a directory, or take the one that is there."""
    with explained(f"making the directory {path}"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        os.chown(path, owner, group)
        os.chmod(path, mode)


def remove(path: str) -> None:
    """Remove a file, and what a killed run may have left of it."""
    remove_unfinished(path)
    with explained(f"removing {path}"), contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def remove_unfinished(path: str) -> None:
    """Remove what a killed run may have left beside a file."""
    with explained(f"tidying up beside {path}"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(unfinished(path))


def remove_directory(path: str, *, recursive: bool) -> None:
    """Remove a directory; with its content only if ``recursive``, and never beyond its file system."""
    with explained(f"removing the directory {path}"):
        try:
            if recursive:
                _refuse_mounts(path)
                shutil.rmtree(path)
            else:
                os.rmdir(path)
        except FileNotFoundError:
            return


def _refuse_mounts(path: str) -> None:
    device = os.lstat(path).st_dev
    for parent, directories, _files in os.walk(path):
        for name in directories:
            inner = os.path.join(parent, name)
            if not os.path.islink(inner) and os.lstat(inner).st_dev != device:
                raise errors.NodeError.of(
                    errors.FILE,
                    f"{path} is not removed: {inner} is mounted in it",
                    f"Unmount it ('umount {inner}'), and try again.",
                )


class Versions:
    """Contents of files that may have to come back, by their SHA-256; mode 0600 in a directory of 0700."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def keep(self, path: str) -> str:
        """Keep a file's present content; returns its SHA-256."""
        with explained(f"keeping a copy of {path}"):
            content = Path(path).read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            os.makedirs(self._directory, 0o700, exist_ok=True)
            if not self.has(sha256):
                write(self._path(sha256), content, os.geteuid(), os.getegid(), 0o600)
        return sha256

    def has(self, sha256: str) -> bool:
        """Whether a content is kept."""
        return bool(sha256) and os.path.exists(self._path(sha256))

    def read(self, sha256: str) -> bytes:
        """A kept content."""
        with explained("reading a kept copy"):
            return Path(self._path(sha256)).read_bytes()

    def prune(self, needed: set[str]) -> None:
        """Drop what is not needed any more."""
        with explained("removing kept copies"), contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._directory):
                if name not in needed:
                    os.unlink(self._path(name))

    def _path(self, sha256: str) -> str:
        return os.path.join(self._directory, sha256)
