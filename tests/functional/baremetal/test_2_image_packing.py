"""Packing with the real tools: a small tree as a disk and as a ramdisk, the same bytes each time."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from undercloud.diagnostics import Location
from undercloud.diskimages import disk, esp, ramdisk
from undercloud.diskimages.definitions import DiskImage
from undercloud.diskimages.tools import EPOCH, GRUB_MODULES, PACKAGES, Tools
from undercloud.images.store import Store, StoreSettings

TAG = "0123456789ab"

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(
        not GRUB_MODULES.is_dir() or not all(map(shutil.which, PACKAGES)),
        reason="images are made with what tools/bootstrap.sh --rack installs",
    ),
]


def image(kind: str) -> DiskImage:
    return DiskImage("small", "A small machine", Location("small.yaml"), "small", kind, spare_mib=256)  # type: ignore[arg-type]


def tree(root: Path) -> Path:
    for path in ("lib/modules/6.1.0-test", "boot", "etc", "usr/bin", "var/lib"):
        (root / path).mkdir(parents=True, exist_ok=True)
    (root / "boot/vmlinuz-6.1.0-test").write_bytes(b"kernel" * 1000)
    (root / "usr/bin/tool").write_text("#!/bin/sh\n")
    (root / "usr/bin/tool").chmod(0o755)
    (root / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    return root


def packed(kind: str, place: Path) -> dict[str, Path]:
    root = tree(place / "root")
    (place / "made").mkdir()
    store = Store(StoreSettings(place / "store"))
    store.prepare()
    packer = {"disk": disk.pack, "ramdisk": ramdisk.pack}[kind]
    with (place / "log").open("w") as log:
        return packer(image(kind), TAG, root, place / "made", Tools(store, log))


def said(*words: str | Path) -> str:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True).stdout


def root_of(made: Path, place: Path) -> Path:
    """The root file system of a disk, as a file of its own."""
    table = said("parted", "--script", "--machine", made, "unit", "MiB", "print").splitlines()
    start, _, size = (int(float(word.removesuffix("MiB"))) for word in table[3].split(":")[1:4])
    system = place / "root.img"
    said("dd", f"if={made}", f"of={system}", "bs=1M", f"skip={start}", f"count={size}", "status=none")
    return system


def test_a_disk_has_an_efi_partition_and_a_root(tmp_path: Path) -> None:
    made = packed("disk", tmp_path)["disk"]
    table = said("parted", "--script", "--machine", made, "unit", "MiB", "print").splitlines()
    assert table[1].split(":")[5] == "gpt"
    assert [row.split(":")[4:6] for row in table[2:]] == [["fat32", "ESP"], ["ext4", "root"]]
    assert "esp" in table[2]

    system = root_of(made, tmp_path)
    identity = disk.Identity(TAG)
    listed = said("dumpe2fs", "-h", system)
    assert identity.root in listed and disk.ROOT_LABEL in listed
    config = said("debugfs", "-R", "cat /boot/grub/grub.cfg", system)
    assert f"linux /boot/vmlinuz-6.1.0-test root=UUID={identity.root} ro" in config
    assert "Mode:  0755" in said("debugfs", "-R", "stat /usr/bin/tool", system)

    boot = f"{made}@@1M"
    assert "BOOTX64" in said("mdir", "-i", boot, "::EFI/BOOT")
    loader = tmp_path / "loader.efi"
    said("mcopy", "-i", boot, "::EFI/BOOT/BOOTX64.EFI", loader)
    assert identity.root.encode() in loader.read_bytes()


def test_a_ramdisk_has_the_tree_without_its_kernel(tmp_path: Path) -> None:
    made = packed("ramdisk", tmp_path)
    assert made["kernel"].read_bytes() == b"kernel" * 1000
    archive = tmp_path / "initramfs.cpio"
    said("zstd", "-dqo", archive, made["initramfs"])
    with archive.open("rb") as stream:
        listed = subprocess.run(["cpio", "-it", "--quiet"], stdin=stream, capture_output=True, check=True)
    names = listed.stdout.decode().splitlines()
    assert "./usr/bin/tool" in names or "usr/bin/tool" in names
    assert not [name for name in names if "vmlinuz" in name]
    loader = tmp_path / "loader.efi"
    said("mcopy", "-i", made["esp"], "::EFI/BOOT/BOOTX64.EFI", loader)
    assert esp.RAMDISK_CONFIG.encode() in loader.read_bytes()


@pytest.mark.parametrize("kind", ["ramdisk", "disk"])
def test_the_same_tree_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    """Also where its files were written, read and changed at other times, and in another order."""
    digests = []
    for number, order in (("one", 1), ("two", -1)):
        place = tmp_path / number
        more = place / "root" / "etc"
        more.mkdir(parents=True)
        for name in ("a file", 'a "quoted" one', "b", "c")[::order]:
            (more / name).write_text(name)
            (more / f"{name}.link").symlink_to(name)
            (more / name).chmod(0o600)
        made = packed(kind, place)
        digests.append({kind: hashlib.sha256(path.read_bytes()).hexdigest() for kind, path in made.items()})
        time.sleep(1.1)  # file systems keep seconds
    assert digests[0] == digests[1]


def test_a_disks_file_system_is_sound_and_has_the_room_that_was_wished(tmp_path: Path) -> None:
    made = packed("disk", tmp_path)["disk"]
    system = root_of(made, tmp_path)
    assert subprocess.run(["e2fsck", "-fn", system], capture_output=True, check=False).returncode == 0
    told = dict(line.split(":", 1) for line in said("dumpe2fs", "-h", system).splitlines() if ":" in line)
    assert int(told["Free blocks"]) * int(told["Block size"]) >= 256 * 1024**2
    times = said("debugfs", "-R", "stat /usr/bin/tool", system)
    assert times.count(f"{EPOCH:#x}:00000000") == 4, times  # changed, read, written, made
