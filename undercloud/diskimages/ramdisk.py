"""A tree as a ramdisk: kernel, initramfs, and the boot loader with which Ironic makes boot media."""

from __future__ import annotations

import shutil
from pathlib import Path

from undercloud.diskimages import esp
from undercloud.diskimages.definitions import DiskImage
from undercloud.diskimages.tools import Tools, kernel_version, settle_times, write

_ESP_KIB = 2880
"""El Torito boot images of this size (a floppy disk's) are understood by every firmware."""

_ARCHIVE = (
    'cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z'
    " | cpio --null --create --format=newc --reproducible --quiet"
    ' | zstd -q -T0 -12 -o "$2"'
)


def pack(image: DiskImage, tag: str, root: Path, place: Path, tools: Tools) -> dict[str, Path]:
    """Make ``kernel``, ``initramfs`` and ``esp`` of the tree at ``root``, which is changed.

    ``place`` takes all files. Raises ToolFailedError.
    """
    kernel, initramfs, loader = place / "kernel", place / "initramfs", place / "esp"
    shutil.copyfile(root / "boot" / f"vmlinuz-{kernel_version(root)}", kernel)
    _prepare(image, root)
    tools.run("bash", "-euo", "pipefail", "-c", _ARCHIVE, "bash", root, initramfs)
    config = esp.finds_file(esp.RAMDISK_CONFIG)
    esp.make(tools, loader, config=config, kib=_ESP_KIB, serial=tag[:8].upper())
    return {"kernel": kernel, "initramfs": initramfs, "esp": loader}


def _prepare(image: DiskImage, root: Path) -> None:
    for directory in ("boot", "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / directory, ignore_errors=True)
        (root / directory).mkdir(parents=True)
    for link in (*root.glob("initrd.img*"), *root.glob("vmlinuz*")):
        link.unlink()
    write(root, "etc/machine-id", "")
    write(root, "etc/fstab", "")
    write(root, "etc/resolv.conf", "")
    write(root, "etc/hostname", f"{image.name}\n")
    write(root, "etc/hosts", f"127.0.0.1 localhost {image.name}\n")
    settle_times(root)
