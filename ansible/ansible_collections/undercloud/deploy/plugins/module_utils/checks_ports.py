"""Who listens on a node's ports: read from /proc (proc(5), tcp states of the kernel's tcp_states.h)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_TABLES = (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07"))
_CONTAINER = re.compile(r"libpod-([0-9a-f]{64})")
_UNIT = re.compile(r"/([^/]+\.(?:service|socket))(?:/|$)", re.MULTILINE)


def listeners(
    ports: Iterable[int], own_containers: Callable[[], Mapping[str, str]], proc: str = "/proc"
) -> list[dict[str, Any]]:
    """Those who listen on the ports: address, port, protocol, pid, program, unit, container, ``ours``.

    ``own_containers`` gives the ids of our containers; it is asked only where a container listens.
    """
    wanted = set(ports)
    found = [entry for entry in _table(Path(proc)) if entry["port"] in wanted]
    owners = _owners({entry["inode"] for entry in found}, proc)
    containers: Mapping[str, str] | None = None
    for entry in found:
        entry |= {"pid": 0, "program": "", "unit": "", "container": "", "ours": False}
        pid = owners.get(entry.pop("inode"))
        if pid is None:
            continue
        groups = _read(f"{proc}/{pid}/cgroup")
        container, unit = _CONTAINER.search(groups), _UNIT.search(groups)
        entry |= {"pid": pid, "program": _read(f"{proc}/{pid}/comm").strip()}
        if container:
            if containers is None:
                containers = own_containers()
            entry |= {"container": container[1], "ours": container[1] in containers}
        elif unit:
            entry["unit"] = unit[1]
    return found


def _table(proc: Path) -> Iterator[dict[str, Any]]:
    for name, state in _TABLES:
        for line in _read(str(proc / "net" / name)).splitlines()[1:]:
            words = line.split()
            if len(words) < 10 or words[3] != state:
                continue
            address, _, port = words[1].partition(":")
            yield {
                "address": _address(address),
                "port": int(port, 16),
                "protocol": name[:3],
                "inode": int(words[9]),
            }


def _address(text: str) -> str:
    """The kernel prints words of 32 bits in the machine's order."""
    words = [int(text[index : index + 8], 16) for index in range(0, len(text), 8)]
    packed = b"".join(struct.pack("=I", word) for word in words)
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _owners(inodes: set[int], proc: str) -> dict[int, int]:
    """Inode of a socket → a process that holds it."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in os.listdir(proc) if links else ():
        if not pid.isdecimal():
            continue
        with contextlib.suppress(OSError):
            for descriptor in os.scandir(f"{proc}/{pid}/fd"):
                with contextlib.suppress(OSError):
                    inode = links.get(os.readlink(descriptor.path))
                    if inode is not None:
                        found.setdefault(inode, int(pid))
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
