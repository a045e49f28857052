"""Asking many places at once; every machine is found once, whatever number of doors it has."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from urllib3.exceptions import InsecureRequestWarning

from undercloud.baremetal.discovery import ipmi, redfish
from undercloud.baremetal.discovery.places import REDFISH, Found, places

_WORKERS = 64
Entry = Mapping[str, Any]


def discover(
    addresses: Sequence[str],
    protocols: Sequence[str],
    ports: Sequence[int],
    credentials: Sequence[tuple[str, str]],
) -> list[Found]:
    """What answers at addresses and URLs (``places.expanded``).

    Where Redfish lets us in, IPMI is not asked: it would be the same BMC.
    """
    if not addresses:
        return []

    def look(address: str) -> list[Found]:
        seen: list[Found] = []
        for place in places(address, protocols, ports):
            if place.protocol == REDFISH:
                seen.append(redfish.look(place, credentials))
            elif not any(one.entries for one in seen if one.place.protocol == REDFISH):
                seen.append(ipmi.look(place, credentials))
        return seen

    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(min(_WORKERS, len(addresses)), thread_name_prefix="discover") as pool,
    ):
        warnings.simplefilter("ignore", InsecureRequestWarning)
        return [found for answers in pool.map(look, addresses) for found in answers]


def distinct(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """The entries of a file of machines, each machine once, by its MAC addresses; and no two of one name."""
    seen: set[str] = set()
    entries: list[dict[str, Any]] = []
    for entry in map(dict, found):
        macs = set(entry.get("mac") or ())
        if not macs & seen:
            entries.append(entry)
        seen |= macs
    names = Counter(entry.get("name") for entry in entries)
    for entry in entries:
        if not entry.get("name") or names[entry["name"]] > 1:
            entry["name"] = _name(entry)  # many a BMC calls its system just so
    return entries


def _name(entry: Entry) -> str:
    parts = (str(entry.get("name") or "bmc"), *_address(entry))
    return "-".join(part for part in parts if part)


def _address(entry: Entry) -> Iterator[str]:
    for key in ("pm_addr", "pm_system_id"):
        text = str(entry.get(key) or "").partition("://")[2] or str(entry.get(key) or "")
        yield "".join(letter if letter.isalnum() else "-" for letter in text.rpartition("/")[2]).strip("-")
