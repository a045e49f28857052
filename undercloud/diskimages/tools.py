"""Running the programs that make images: one door, with a log and a clock that stands still."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from undercloud.diagnostics import UndercloudError
from undercloud.images.assembly import ToolFailedError
from undercloud.images.store import Store

EPOCH = 1735689600
"""The time (2025-01-01) that every image calls its making, so that the same files give the same bytes."""

_BYTECODE = struct.Struct("<4sIII")
_CLOCK = {"SOURCE_DATE_EPOCH": str(EPOCH), "E2FSPROGS_FAKE_TIME": str(EPOCH)}


PACKAGES = {
    "buildah": "buildah",
    "cpio": "cpio",
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "grub-mkimage": "grub-common",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mmdebstrap": "mmdebstrap",
    "parted": "parted",
    "sgdisk": "gdisk",
    "zstd": "zstd",
}
"""The programs that make images, and Debian's packages that bring them."""

GRUB_MODULES = Path("/usr/lib/grub/x86_64-efi")
"""What GRUB for UEFI is put together from; Debian's package grub-efi-amd64-bin."""


def check() -> None:
    """Raise UndercloudError IMG-011 with all packages that making images needs and this machine lacks."""
    missing = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
    if not GRUB_MODULES.is_dir():
        missing.add("grub-efi-amd64-bin")
    if missing:
        names = " ".join(sorted(missing))
        raise UndercloudError.of(
            "IMG-011",
            f"images cannot be made without these packages: {names}",
            fix=f"apt-get install {names}",
        )


@dataclass(frozen=True)
class Tools:
    """Programs at work for one image; what they say goes to ``log``, and ``store.stop`` ends them."""

    store: Store
    log: TextIO

    def run(self, *words: str | Path) -> None:
        """Run one program. Raises ToolFailedError if it fails, UndercloudError IMG-011 if it is missing."""
        if self.store.run([str(word) for word in words], self.log, _CLOCK):
            raise ToolFailedError(str(words[0]))

    def said(self, *words: str | Path) -> str:
        """What a program says; the log hears it only if it fails. Raises as :meth:`run` does."""
        with tempfile.TemporaryFile("w+", dir=self.store.root / "tmp") as answer:
            status = self.store.run([str(word) for word in words], answer, _CLOCK)
            answer.seek(0)
            text = answer.read()
        if status:
            self.log.write(text)
            raise ToolFailedError(str(words[0]))
        return text

    @contextmanager
    def tree(self, reference: str) -> Iterator[Path]:
        """A copy of a tree in the store, mounted and writable; changes go away with the block."""
        policy = f"--signature-policy={self.store.root / 'policy.json'}"
        container = self.store.output("buildah", "from", "--pull-never", policy, reference).strip()
        try:
            yield Path(self.store.output("buildah", "mount", container).strip())
        finally:
            self.store.output("buildah", "rm", container)


def kernel_version(root: Path) -> str:
    """The version of the one kernel in a tree."""
    (modules,) = (root / "lib" / "modules").iterdir()
    return modules.name


def write(root: Path, path: str, text: str) -> None:
    """Make a file of a tree, in place of whatever was there."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")


def everything(root: Path) -> Iterator[Path]:
    """A directory and all that is below it; links are not followed."""
    yield root
    for directory, directories, files in os.walk(root):
        yield from (Path(directory, name) for name in (*files, *directories))


def settle_times(root: Path) -> None:
    """No file is younger than the image calls itself: when it was built must not show in it."""
    for path in everything(root):
        if path.suffix == ".pyc" and path.is_file() and not path.is_symlink():
            _settle_bytecode(path)
        if path.lstat().st_mtime > EPOCH:
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def _settle_bytecode(path: Path) -> None:
    """Let bytecode say the new time of its source, else Python compiles the source anew at each use.

    The header is that of https://peps.python.org/pep-0552/: magic number, flags, the source's time and size.
    """
    with path.open("r+b") as file:
        header = file.read(_BYTECODE.size)
        if len(header) < _BYTECODE.size:
            return
        magic, flags, time, size = _BYTECODE.unpack(header)
        if flags == 0 and time > EPOCH:
            file.seek(0)
            file.write(_BYTECODE.pack(magic, flags, EPOCH, size))


def sized(file: Path, mib: int) -> None:
    """Make an empty file of so many MiB, which takes no room yet."""
    with file.open("wb") as stream:
        stream.truncate(mib * 1024**2)
