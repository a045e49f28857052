"""Looking at a node's networks: addresses, who answers, how large a packet may be, who else has an address.

Raw sockets (the module runs as root) instead of programs, so that all probes of all networks wait together.
ICMP: RFC 792 and RFC 4443; probing for an address: RFC 5227; constants of ip(7), ipv6(7), packet(7).
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import commands

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23
PMTUDISC_PROBE = 3  # don't fragment, and don't believe an MTU that was learned earlier
ECHO_ENDS = (
    0.3,
    0.8,
    1.5,
)  # seconds after the start at which what did not answer is asked again, or given up
ARP_ENDS = (0.2, 0.5)
ETH_P_ARP = 0x0806
SMALL = 56  # bytes, as ping sends


def addresses() -> tuple[dict[str, Any], dict[str, Any]]:
    """Links by name (mtu, up, mac, vlan) and addresses (link, prefix, duplicate); all from iproute2."""
    done = commands.run(["ip", "-json", "-details", "address", "show"], timeout=10)
    if not done.ok:
        raise OSError(errno.EIO, f"ip: {done.last_error}")
    links: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for link in json.loads(done.output or "[]"):
        name = link.get("ifname")
        if not name:
            continue
        data = (link.get("linkinfo") or {}).get("info_data") or {}
        flags = link.get("flags") or []
        links[name] = {
            "mtu": link.get("mtu"),
            "up": "UP" in flags and "NO-CARRIER" not in flags,
            "mac": link.get("address", ""),
            "vlan": data.get("id") if (link.get("linkinfo") or {}).get("info_kind") == "vlan" else None,
        }
        for entry in link.get("addr_info") or []:
            if entry.get("local"):
                failed = bool(entry.get("dadfailed"))
                found[entry["local"]] = {"link": name, "prefix": entry["prefixlen"], "duplicate": failed}
    return links, found


def echoes(networks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """How the peers of networks answer: ``ok``, ``small`` (a full-sized packet does not), ``silent``.

    ``networks`` is name → ``mtu`` and ``peers`` (addresses).
    """
    waiting: dict[tuple[str, str], set[int]] = {}
    for name, network in networks.items():
        for peer in network["peers"]:
            waiting[name, peer] = {SMALL, _full(peer, network["mtu"])}
    asked = {key: set(sizes) for key, sizes in waiting.items()}
    for family in (socket.AF_INET, socket.AF_INET6):
        keys = [key for key in waiting if _family(key[1]) == family]
        if keys:
            _ask(family, keys, waiting)
    result: dict[str, dict[str, str]] = {name: {} for name in networks}
    for (name, peer), left in waiting.items():
        how = "ok" if not left else "silent" if left == asked[name, peer] else "small"
        result[name][peer] = how
    return result


def _full(peer: str, mtu: int) -> int:
    """The payload of an echo whose packet is as large as the MTU."""
    return mtu - (20 if _family(peer) == socket.AF_INET else 40) - 8


def _family(address: str) -> int:
    four = ipaddress.ip_address(address).version == 4
    return socket.AF_INET if four else socket.AF_INET6


def _ask(family: int, keys: list[tuple[str, str]], waiting: dict[tuple[str, str], set[int]]) -> None:
    """Send echoes of all sizes until they are answered or the time is over; answered sizes are taken out."""
    four = family == socket.AF_INET
    protocol = socket.IPPROTO_ICMP if four else socket.IPPROTO_ICMPV6
    pairs = [(key, size) for key in keys for size in sorted(waiting[key])]
    with socket.socket(family, socket.SOCK_RAW, protocol) as door:
        level = socket.IPPROTO_IP if four else socket.IPPROTO_IPV6
        door.setsockopt(level, IP_MTU_DISCOVER if four else IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
        asking = _Echoes(door, four, pairs, waiting)
        begin = time.monotonic()
        for end in ECHO_ENDS:
            asking.send()
            if asking.hear(begin + end):
                return


class _Echoes:
    """Echoes of one address family that are on their way; their numbers count from 1."""

    def __init__(
        self,
        door: socket.socket,
        four: bool,
        pairs: Sequence[tuple[tuple[str, str], int]],
        waiting: Mapping[tuple[str, str], set[int]],
    ) -> None:
        self._door = door
        self._four = four
        self._identity = os.getpid() & 0xFFFF
        self._numbers = dict(enumerate(pairs, 1))
        self._waiting = waiting

    def send(self) -> None:
        """Send those that are not answered yet."""
        for number, (key, size) in self._numbers.items():
            if size in self._waiting[key]:
                head = struct.pack("!BBHHH", 8 if self._four else 128, 0, 0, self._identity, number)
                body = bytes(size)
                # The kernel fills in the checksum of ICMPv6.
                check = _checksum(head + body) if self._four else 0
                packet = head[:2] + struct.pack("!H", check) + head[4:] + body
                with contextlib.suppress(OSError):  # too large for our own interface, or no route: no answer
                    self._door.sendto(packet, (key[1], 0))

    def hear(self, deadline: float) -> bool:
        """Take answers until all are there (True) or the deadline is past."""
        keys = {key for key, _ in self._numbers.values()}
        while any(self._waiting[key] for key in keys):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._door], [], [], left)[0]:
                return False
            packet, sender = self._door.recvfrom(65536)
            offset = (packet[0] & 15) * 4 if self._four else 0
            if len(packet) < offset + 8:
                continue
            kind, _, _, identity, number = struct.unpack("!BBHHH", packet[offset : offset + 8])
            if kind == (0 if self._four else 129) and identity == self._identity and number in self._numbers:
                key, size = self._numbers[number]
                if sender[0] == key[1]:
                    self._waiting[key].discard(size)
        return True


def _checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def claims(wanted: Mapping[str, str], links: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Who answers for addresses: address → MACs, other than this node's. ``wanted`` is address → link.

    IPv6 is not asked here: the kernel probes its own addresses, and marks those that somebody has.
    """
    by_link: dict[str, list[str]] = {}
    for address, link in wanted.items():
        if _family(address) == socket.AF_INET and len(str(links[link].get("mac", ""))) == 17:
            by_link.setdefault(link, []).append(address)
    own = {str(link.get("mac")) for link in links.values()}
    doors: dict[socket.socket, tuple[str, list[str]]] = {}
    found: dict[str, set[str]] = {}
    try:
        for link, listed in by_link.items():
            door = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
            doors[door] = (link, listed)
            door.bind((link, ETH_P_ARP))
        begin = time.monotonic()
        for end in ARP_ENDS:
            for door, (link, listed) in doors.items():
                for address in listed:
                    _probe(door, str(links[link]["mac"]), address)
            _collect(doors, found, own, begin + end)
    finally:
        for door in doors:
            door.close()
    return {address: sorted(macs) for address, macs in found.items()}


def _probe(door: socket.socket, mac: str, address: str) -> None:
    source = bytes.fromhex(mac.replace(":", ""))
    ethernet = b"\xff" * 6 + source + struct.pack("!H", ETH_P_ARP)
    request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    with contextlib.suppress(OSError):  # the interface is down: told elsewhere
        door.send(ethernet + request + source + bytes(4) + bytes(6) + socket.inet_aton(address))


def _collect(
    doors: Mapping[socket.socket, tuple[str, list[str]]],
    found: dict[str, set[str]],
    own: Iterable[str],
    deadline: float,
) -> None:
    while doors:
        left = deadline - time.monotonic()
        ready = select.select(list(doors), [], [], left)[0] if left > 0 else []
        if not ready:
            return
        for door in ready:
            try:
                frame = door.recv(2048)
            except OSError:
                continue
            if len(frame) < 42 or struct.unpack("!H", frame[20:22])[0] != 2:
                continue
            mac = ":".join(f"{byte:02x}" for byte in frame[22:28])
            address = socket.inet_ntoa(frame[28:32])
            if address in doors[door][1] and mac not in own:
                found.setdefault(address, set()).add(mac)


def neighbours() -> dict[str, str]:
    """The MACs of the machines that were spoken to, by address."""
    done = commands.run(["ip", "-json", "neighbour", "show"], timeout=10)
    listed = json.loads(done.output or "[]") if done.ok else []
    return {one["dst"]: one["lladdr"] for one in listed if one.get("lladdr")}
