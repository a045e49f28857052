"""What the demo needs of the machine, looked at before anything is made, and told all at once."""

import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.demo.cloud import GIB, Needs

OWN_LINKS = "ul"  # bridges and cables of lab and rack begin so


@dataclass(frozen=True)
class Facts:
    """What was seen: bytes free on the demo's disk and in memory, `addresses` as (link, CIDR)."""

    disk: int
    memory: int
    loop_devices: bool
    addresses: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way, and how to mend it."""

    text: str
    fix: str


def look(directory: Path) -> Facts:
    """Look at this machine; `directory` is where the demo's files will be."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    disk = os.statvfs(there)
    memory = Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()
    listed = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=False).stdout
    links = json.loads(listed or "[]")
    return Facts(
        disk=disk.f_bavail * disk.f_frsize,
        memory=int(memory[0]) * 1024 if memory else sys.maxsize,
        loop_devices=Path("/dev/loop-control").exists(),
        addresses=[
            (str(link["ifname"]), f"{each['local']}/{each['prefixlen']}")
            for link in links
            for each in link.get("addr_info", [])
            if each.get("family") == "inet"
        ],
    )


def problems(facts: Facts, subnets: Sequence[str], needs: Needs, *, first: bool) -> list[Problem]:
    """What stands in the way of a demo on these subnets (CIDR); `first`: nothing is built yet."""
    found = []
    wanted = needs.first_disk if first else needs.next_disk
    if facts.disk < wanted:
        text = f"{facts.disk / GIB:.1f} GiB are free on this disk, and {wanted / GIB:.0f} GiB are wanted"
        found.append(Problem(text, "make room, or clone undercloud to a bigger disk"))
    if first and facts.memory < needs.memory:
        text = f"{facts.memory / GIB:.1f} GiB of memory are free, and {needs.memory / GIB:.0f} GiB are wanted"
        found.append(Problem(text, "end other programs, or take a bigger machine"))
    if needs.loop_devices and not facts.loop_devices:
        text = "there is no /dev/loop-control, and the nodes' disks are files"
        found.append(
            Problem(text, "load the module loop, or give the container that this is its loop devices")
        )
    for subnet in subnets:
        found += [_in_use(subnet, *one) for one in facts.addresses if _overlaps(subnet, *one)]
    return found


def _overlaps(subnet: str, link: str, address: str) -> bool:
    here = ipaddress.IPv4Interface(address).network
    return not link.startswith(OWN_LINKS) and here.overlaps(ipaddress.IPv4Network(subnet))


def _in_use(subnet: str, link: str, address: str) -> Problem:
    return Problem(
        f"the demo's network {subnet} is in use: {link} has the address {address}",
        "give it another: make demo DEMO_OPTIONS='--ctlplane 192.168.124.0/24'",
    )


def others_there(kinds: Sequence[str]) -> list[Problem]:
    """A demo of another kind has the network and the state that this one wants."""
    fix = "remove it: make clean-demo"
    return [Problem(f"the demo on {kind} is there, and both want the same network", fix) for kind in kinds]
