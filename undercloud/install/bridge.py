"""The bridge of the provisioning network, as TripleO's undercloud has it: made, and kept as it shall be.

``python -m undercloud.install.bridge NAME INTERFACE ADDRESS/LENGTH MTU`` is the process that looks every few
seconds whether it still is: after a boot, after a new card, after somebody else's hand. What to do follows
from what ``ip`` (ip-link(8), ip-address(8)) tells alone, so that it can be tested as data.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from undercloud.install import commands, keeping

MARK = "undercloud"
"""The alias that says a bridge is ours, so that another one is never changed or removed."""
_LONGEST = 15  # seconds that ip may take


@dataclass(frozen=True)
class Bridge:
    """What shall be: ``address`` with the length of its network, ``mtu`` in bytes."""

    name: str
    interface: str
    address: str
    mtu: int


Links = Sequence[Mapping[str, Any]]
"""What ``ip -json link show`` and ``ip -json address show`` tell of each interface."""


def links() -> Links:
    """All interfaces with their addresses; raises OSError."""
    shown = {link["ifname"]: link for link in json.loads(_ip("-json", "link", "show"))}
    found = json.loads(_ip("-json", "address", "show"))
    return [{**shown.get(link["ifname"], {}), **link} for link in found]  # each has what the other lacks


def named(found: Links, name: str) -> Mapping[str, Any] | None:
    """The interface of that name."""
    return next((link for link in found if link["ifname"] == name), None)


def addresses(link: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses of an interface that are not link-local, each as ``ADDRESS/LENGTH``."""
    listed = (f"{each['local']}/{each['prefixlen']}" for each in link.get("addr_info", ()) if "local" in each)
    return tuple(address for address in listed if not ipaddress.ip_interface(address).is_link_local)


def is_ours(link: Mapping[str, Any] | None) -> bool:
    """Whether we made it."""
    return link is not None and link.get("ifalias") == MARK


def missing(wanted: Bridge, found: Links) -> list[list[str]]:
    """The words after ``ip`` that bring what is found to what is wanted; none where it is so."""
    bridge, port = named(found, wanted.name), named(found, wanted.interface)
    words: list[list[str]] = []
    if bridge is None:
        words.append(["link", "add", wanted.name, "type", "bridge"])
        words.append(["link", "set", wanted.name, "alias", MARK])
        bridge = {}
    for name, link in ((wanted.interface, port), (wanted.name, bridge)):
        if link is None:
            continue  # the card is not there (yet)
        if link.get("mtu") != wanted.mtu:
            words.append(["link", "set", name, "mtu", str(wanted.mtu)])
        if name == wanted.interface and link.get("master") != wanted.name:
            words.append(["link", "set", name, "master", wanted.name])
        if "UP" not in link.get("flags", ()):
            words.append(["link", "set", name, "up"])
    if wanted.address not in addresses(bridge):
        words.append(["address", "add", wanted.address, "dev", wanted.name])
    return words


def ensure(wanted: Bridge) -> list[list[str]]:
    """Bring it to what is wanted; what had to be done. Raises OSError."""
    words = missing(wanted, links())
    for each in words:
        _ip(*each)
    return words


def remove(name: str) -> None:
    """Delete a bridge of ours; its port stays, without it."""
    if is_ours(named(links(), name)):
        _ip("link", "delete", name)


def _ip(*words: str) -> str:
    return commands.output(["ip", *words], _LONGEST)


def main() -> None:
    """Keep a bridge until this process is ended; it stays then."""
    name, interface, address, mtu = sys.argv[1:]
    wanted = Bridge(name, interface, address, int(mtu))
    keeping.keep(name, lambda: [f"ip {' '.join(words)}" for words in ensure(wanted)])


if __name__ == "__main__":
    main()
