"""A node's disk: a sparse file with ext4, mounted through a loop device, so that it can really be full."""

import os
from contextlib import suppress
from pathlib import Path

from tools.lab.commands import run
from tools.lab.model import Lab, Node

FILLER = "/var/lab-fills-the-disk"


def image(lab: Lab, node: Node) -> Path:
    """The file that holds the disk."""
    return lab.node_directory(node) / "disk.img"


def mountpoint(lab: Lab, node: Node) -> Path:
    """Where the host mounts the disk; it is the node's /var."""
    return lab.node_directory(node) / "var"


def create(lab: Lab, node: Node, gib: int) -> None:
    """Make an empty disk of `gib` GiB (only what is written takes space) and mount it."""
    with image(lab, node).open("wb") as file:
        file.truncate(gib * 1024**3)
    options = ["-E", "lazy_itable_init=1,lazy_journal_init=1", "-m", "0"]
    run(["mkfs.ext4", "-q", "-F", *options, str(image(lab, node))])
    mount(lab, node)


def mount(lab: Lab, node: Node) -> None:
    """Mount the disk if it is not mounted (a reboot of the host unmounts it)."""
    target = mountpoint(lab, node)
    target.mkdir(exist_ok=True)
    if not os.path.ismount(target):
        run(
            ["mount", "-o", "loop,discard", str(image(lab, node)), str(target)],
            fix="nodes need loop devices (/dev/loop-control) and a kernel with ext4",
        )


def remove(lab: Lab, node: Node) -> None:
    """Unmount the disk and delete it; whatever is not there is not missed."""
    if os.path.ismount(mountpoint(lab, node)):
        run(["umount", str(mountpoint(lab, node))])
    image(lab, node).unlink(missing_ok=True)


def fill(lab: Lab, node: Node) -> None:
    """Leave no byte free on the node's /var. Costs no space on the host: the blocks are only reserved."""
    where = mountpoint(lab, node)
    free = os.statvfs(where)
    reserve = max(free.f_bavail * free.f_frsize - 8 * 1024**2, 0)
    filler = where / Path(FILLER).name
    if reserve:
        run(["fallocate", "-l", str(reserve), f"{filler}.reserved"])
    with filler.open("wb", buffering=0) as file:
        for size in (64 * 1024, 4096, 1):
            with suppress(OSError):  # no space is what is wanted
                while file.write(bytes(size)):
                    os.fsync(file.fileno())


def release(lab: Lab, node: Node) -> None:
    """Undo `fill`."""
    filler = mountpoint(lab, node) / Path(FILLER).name
    for path in (filler, Path(f"{filler}.reserved")):
        path.unlink(missing_ok=True)
