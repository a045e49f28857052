"""Running the programs that make images: one door, with a log and a clock that stands still."""

from __future__ import annotations

import shutil
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

_CLOCK = {"SOURCE_DATE_EPOCH": str(EPOCH), "E2FSPROGS_FAKE_TIME": str(EPOCH)}


PACKAGES = {
    "buildah": "buildah",
    "cpio": "cpio",
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
