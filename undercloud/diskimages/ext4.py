"""Root file systems of a tree of files: ext4 made without mounting it, the same bytes for the same files."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from undercloud.diskimages.tools import EPOCH, Tools, everything, settle_times, sized

_JOURNAL_MIB = 64  # as for a file system of the size that it will grow to
_MIB = 1024**2
_BLOCK = 4096
_SPARE = 20  # one part in this many for what describes the files
_ROOT = 2  # the number of the root directory; below 11 all others are the file system's own
_FIRST = 11


def make(tools: Tools, file: Path, root: Path, *, label: str, uuid: str, seed: str, spare_mib: int) -> int:
    """Write the tree at ``root``, whose times are settled, to ``file``; how many MiB it is.

    ``seed`` (a UUID) is what names of directories are hashed with; ``spare_mib`` is what stays free. What
    comes in between lies beside the file. Raises ToolFailedError.
    """
    settle_times(root)
    mib = _needed_mib(root) + spare_mib
    sized(file, mib)
    tools.run(
        *("mke2fs", "-q", "-t", "ext4", "-b", str(_BLOCK), "-L", label, "-U", uuid, "-m", "1"),
        *("-J", f"size={_JOURNAL_MIB}", "-O", "^metadata_csum_seed"),
        *("-E", f"hash_seed={seed},lazy_itable_init=1", "-d", root, file),
    )
    _settle_inodes(tools, file)
    return mib


def _needed_mib(root: Path) -> int:
    """Room for the tree, its journal and what describes it; counted by files, as du depends on the host."""
    blocks: dict[tuple[int, int], int] = {}
    for path in everything(root):
        found = path.lstat()
        size = found.st_size if stat.S_ISREG(found.st_mode) else _BLOCK
        blocks[found.st_dev, found.st_ino] = -(-size // _BLOCK)
    used = -(-sum(blocks.values()) * _BLOCK // _MIB)
    return used + used // _SPARE + _JOURNAL_MIB + 32


def _settle_inodes(tools: Tools, file: Path) -> None:
    """Set the times that a tree cannot be given: mke2fs copies when files were changed and read."""
    commands = file.with_suffix(".times")
    with commands.open("w") as stream:
        for number in _inodes(tools.said("dumpe2fs", file)):
            stream.writelines(f"sif <{number}> {field} @{EPOCH}\n" for field in ("ctime", "atime"))
    tools.said("debugfs", "-w", "-f", commands, file)


def _inodes(told: str) -> list[int]:
    """The numbers of the inodes that hold files, from what dumpe2fs says of those that are free."""
    counts = re.findall(r"^Inode count: +(\d+)$", told, re.MULTILINE)
    used = {_ROOT, *range(_FIRST, int(counts[0]) + 1)}
    for line in re.findall(r"^  Free inodes: (.+)$", told, re.MULTILINE):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            used.difference_update(range(int(first), int(last or first) + 1))
    return sorted(used)
