"""Looking for machines: who answers as a Redfish BMC in a range, and which of the passwords fits."""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from urllib3.exceptions import InsecureRequestWarning

from undercloud.diagnostics import UndercloudError

_WORKERS = 64
_TIMEOUT = (2, 10)  # seconds to connect, seconds to answer
_LARGEST = 4096
_ROOT = "/redfish/v1/"


def discover(
    addresses: Iterable[str], ports: Sequence[int], credentials: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """The systems of all BMCs that let us in, as entries of a file of machines.

    An address may be a URL, an address or a range; raises BM-121 for anything else, or a range too large.
    """
    places = [place for address in addresses for place in _places(address, ports)]
    if not places:
        return []
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(min(_WORKERS, len(places)), thread_name_prefix="discover") as pool,
    ):
        warnings.simplefilter("ignore", InsecureRequestWarning)
        found = pool.map(lambda place: list(_systems(place, credentials)), places)
        return [entry for entries in found for entry in entries]


def _places(address: str, ports: Sequence[int]) -> Iterator[str]:
    if "://" in address:
        yield address.rstrip("/")
        return
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError as error:
        raise UndercloudError.of(
            "BM-121", f"{address} is neither an address nor a range: {error}", fix="Write 192.0.2.0/26."
        ) from None
    if network.num_addresses > _LARGEST:
        text = f"{address} has {network.num_addresses} addresses, and {_LARGEST} are looked at at once"
        raise UndercloudError.of("BM-121", text, fix="Take a smaller range.")
    hosts = list(network.hosts()) or [network.network_address]
    for host in hosts:
        name = f"[{host}]" if host.version == 6 else str(host)
        yield from (f"https://{name}{'' if port == 443 else f':{port}'}" for port in ports)


def _systems(place: str, credentials: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """What one BMC has. Its certificate is its own: nobody has said yet which one to trust."""
    with requests.Session() as session:
        session.verify = False
        root = _get(session, f"{place}{_ROOT}")
        if not root or "RedfishVersion" not in root:
            return
        for user, password in credentials:
            session.auth = (user, password)
            listed = _get(session, f"{place}{_ROOT}Systems")
            if listed is None:
                continue
            for member in listed.get("Members") or ():
                path = str(member.get("@odata.id"))
                system = _get(session, place + path) or {}
                yield _entry(place, path, (user, password), system, lambda link: _get(session, place + link))
            return


def _entry(
    place: str,
    path: str,
    login: tuple[str, str],
    system: dict[str, Any],
    get: Callable[[str], dict[str, Any] | None],
) -> dict[str, Any]:
    cards = get(str((system.get("EthernetInterfaces") or {}).get("@odata.id") or "")) or {}
    macs = []
    for member in cards.get("Members") or ():
        card = get(str(member.get("@odata.id"))) or {}
        mac = card.get("MACAddress") or card.get("PermanentMACAddress")
        if mac:
            macs.append(str(mac).lower())
    name = str(system.get("Name") or "").strip()
    usable = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-._~") else "-" for letter in name
    )
    entry = {
        "name": usable.strip("-"),
        "pm_type": "redfish",
        "pm_addr": place,
        "pm_user": login[0],
        "pm_password": login[1],
        "pm_system_id": path,
        "redfish_verify_ca": False,
        "mac": macs,
    }
    return {key: value for key, value in entry.items() if value not in ("", [])}


def _get(session: requests.Session, url: str) -> dict[str, Any] | None:
    """The JSON object at a place; None where there is none, or we are not let in."""
    try:
        answer = session.get(url, timeout=_TIMEOUT, headers={"Accept": "application/json"})
        found = answer.json() if answer.ok else None
    except (requests.RequestException, ValueError):
        return None
    return found if isinstance(found, dict) else None
