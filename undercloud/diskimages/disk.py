"""A tree as a whole disk: GPT, an EFI system partition, a root file system that grows at the first boot."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from undercloud.diskimages import esp, ext4
from undercloud.diskimages.definitions import DiskImage
from undercloud.diskimages.tools import Tools, kernel_version, sized, write

ROOT_LABEL = "img-rootfs"
"""The label that TripleO's images give their root file system."""

_ESP_MIB = 40
_NAMESPACE = uuid.UUID("5d7d6a5c-0c6f-4b52-9d0b-2f6f0f3f5a11")


@dataclass(frozen=True)
class Identity:
    """The numbers of an image's disk, which follow from its tag: no two images have the same."""

    tag: str

    def number(self, of: str) -> str:
        """A UUID for one thing of the disk."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.tag}/{of}"))

    @property
    def root(self) -> str:
        """The UUID of the root file system."""
        return self.number("root")

    @property
    def volume(self) -> str:
        """The serial number of the ESP's volume: eight hexadecimal digits."""
        return self.number("volume")[:8].upper()


def pack(image: DiskImage, tag: str, root: Path, place: Path, tools: Tools) -> dict[str, Path]:
    """Make ``disk`` (raw, for UEFI) of the tree at ``root``, which is changed; ``place`` takes all files.

    Raises ToolFailedError.
    """
    identity = Identity(tag)
    _prepare(image, identity, root)
    system, boot, disk = place / "root.img", place / "esp.img", place / "disk.raw"
    config = esp.finds_filesystem(identity.root, "boot/grub/grub.cfg")
    esp.make(tools, boot, config=config, kib=_ESP_MIB * 1024, serial=identity.volume)
    numbers = {"uuid": identity.root, "seed": identity.number("hash")}
    size = ext4.make(tools, system, root, label=ROOT_LABEL, **numbers, spare_mib=image.spare_mib)
    sized(disk, 1 + _ESP_MIB + size + 1)
    _partition(tools, identity, disk, size)
    for part, offset in ((boot, 1), (system, 1 + _ESP_MIB)):
        where = (f"if={part}", f"of={disk}", f"seek={offset}")
        tools.run("dd", *where, "bs=1M", "conv=notrunc,sparse", "status=none")
    return {"disk": disk}


def _prepare(image: DiskImage, identity: Identity, root: Path) -> None:
    """What only the machine's own boot may decide, and what follows from the disk's layout."""
    version = kernel_version(root)
    write(root, "etc/machine-id", "")
    write(root, "etc/hostname", "localhost\n")
    write(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    (root / "boot/efi").mkdir(parents=True, exist_ok=True)
    volume = f"{identity.volume[:4]}-{identity.volume[4:]}"
    write(
        root,
        "etc/fstab",
        f"UUID={identity.root} / ext4 defaults,noatime 0 1\n"
        f"UUID={volume} /boot/efi vfat umask=0077,nofail 0 2\n",
    )
    write(
        root,
        "boot/grub/grub.cfg",
        "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
        f"set timeout=0\nmenuentry '{image.description}' {{\n"
        f"  linux /boot/vmlinuz-{version} root=UUID={identity.root} ro {image.kernel_arguments}\n"
        f"  initrd /boot/initrd.img-{version}\n}}\n",
    )


def _partition(tools: Tools, identity: Identity, disk: Path, size: int) -> None:
    """The table of both partitions: one MiB before them is its own, one after them its copy's."""
    tools.run(
        *("sgdisk", "-U", identity.number("disk")),
        *("-n", f"1:2048:+{_ESP_MIB}M", "-t", "1:ef00", "-c", "1:ESP", "-u", f"1:{identity.number('esp')}"),
        *("-n", f"2:0:+{size}M", "-t", "2:8304", "-c", "2:root", "-u", f"2:{identity.number('part')}"),
        disk,
    )
    # sgdisk ends well even where it made nothing; parted does not
    tools.run("parted", "--script", disk, "print")
