"""Where a BMC may be, and what was found there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from undercloud.diagnostics import Finding, Severity, UndercloudError

REDFISH, IPMI = "redfish", "ipmi"
PORTS: Mapping[str, int] = {REDFISH: 443, IPMI: 623}
"""The protocols that are spoken, the better one first, with their ports."""
_LARGEST = 4096


@dataclass(frozen=True)
class Place:
    """Where to ask: by which protocol, on which address and port; or below a URL, for Redfish."""

    protocol: str
    address: str
    port: int
    url: str = ""

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return self.url or f"{self.address} port {self.port}"


@dataclass(frozen=True)
class Found:
    """What a place has: entries of a file of machines, or why none can be; neither where nobody answers."""

    place: Place
    entries: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    finding: Finding | None = None


def refused(place: Place) -> Found:
    """A BMC that takes none of the passwords."""
    text = f"{place.title} is a BMC ({place.protocol}) and takes none of the user names and passwords"
    fix = "Add its own: --credentials USER:PASSWORD"
    return Found(place, finding=Finding("BM-129", text, fix, Severity.WARNING))


def strange(place: Place, why: str) -> Found:
    """A BMC that cannot be understood."""
    text = f"{place.title} answers as a BMC ({place.protocol}) and cannot be used: {why}"
    fix = "Look at the BMC, or register its machine by hand."
    return Found(place, finding=Finding("BM-130", text, fix, Severity.WARNING))


def expanded(addresses: Sequence[str]) -> list[str]:
    """Every address of addresses and ranges (CIDR), once; URLs stay. BM-121 with all that are neither."""
    wrong: list[Finding] = []
    found = [each for address in addresses for each in _expand(address, wrong)]
    if wrong:
        raise UndercloudError(*wrong)
    return list(dict.fromkeys(found))


def places(address: str, protocols: Sequence[str], ports: Sequence[int]) -> Iterator[Place]:
    """Where to ask at an address or a URL, the better protocol first; no ``ports`` are the usual ones."""
    if "://" in address:
        yield Place(REDFISH, "", 0, address.rstrip("/"))
        return
    host = f"[{address}]" if ":" in address else address
    for protocol, usual in PORTS.items():
        for port in (ports or (usual,)) if protocol in protocols else ():
            suffix = "" if port == usual else f":{port}"
            yield Place(protocol, address, port, f"https://{host}{suffix}" if protocol == REDFISH else "")


def _expand(address: str, wrong: list[Finding]) -> Iterator[str]:
    if "://" in address:
        yield address
        return
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError as error:
        text = f"{address} is neither an address nor a range: {error}"
        wrong.append(Finding("BM-121", text, "Write 192.0.2.0/26."))
        return
    if network.num_addresses > _LARGEST:
        text = f"{address} has {network.num_addresses} addresses, and {_LARGEST} are looked at at once"
        wrong.append(Finding("BM-121", text, "Take a smaller range."))
        return
    yield from map(str, list(network.hosts()) or [network.network_address])
