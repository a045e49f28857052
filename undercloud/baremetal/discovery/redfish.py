"""Asking a place by Redfish (DMTF DSP0266)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import requests

from undercloud.baremetal.discovery.places import Found, Place, refused, strange

_TIMEOUT = (2, 10)  # seconds to connect, seconds to answer
_ROOT = "/redfish/v1/"
_UNUSABLE = re.compile(r"[^A-Za-z0-9._~-]")
"""What Ironic has in no name."""


class _StrangeError(Exception):
    """Something else than Redfish's documents says."""


def look(place: Place, credentials: Sequence[tuple[str, str]]) -> Found:
    """What one BMC has. Its certificate is its own: nobody has said yet which one to trust."""
    with requests.Session() as session:
        session.verify = False
        session.trust_env = False  # neither a proxy nor a .netrc has to do with a BMC
        try:
            root = _document(session, place.url + _ROOT)
        except (_StrangeError, requests.RequestException):
            return Found(place)  # something else is there, or nobody
        if not root or "RedfishVersion" not in root:
            return Found(place)
        try:
            for login in credentials:
                session.auth = login
                listed = _document(session, f"{place.url}{_ROOT}Systems")
                if listed is not None:
                    return Found(place, tuple(_entries(session, place, login, listed)))
        except (_StrangeError, requests.RequestException) as error:
            return strange(place, str(error))
    return refused(place)


def _entries(
    session: requests.Session, place: Place, login: tuple[str, str], listed: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for member in listed.get("Members") or ():
        path = _link(member)
        system = _wanted(session, place.url + path)
        name = _UNUSABLE.sub("-", str(system.get("Name") or "").strip()).strip("-")
        entry = {
            "name": name,
            "pm_type": "redfish",
            "pm_addr": place.url,
            "pm_user": login[0],
            "pm_password": login[1],
            "pm_system_id": path,
            "redfish_verify_ca": False,
            "mac": list(_macs(session, place, system)),
        }
        yield {key: value for key, value in entry.items() if value not in ("", [])}


def _macs(session: requests.Session, place: Place, system: Mapping[str, Any]) -> Iterator[str]:
    cards = system.get("EthernetInterfaces")
    if not isinstance(cards, Mapping):
        return
    for member in _wanted(session, place.url + _link(cards)).get("Members") or ():
        card = _wanted(session, place.url + _link(member))
        mac = card.get("MACAddress") or card.get("PermanentMACAddress")
        if mac:
            yield str(mac).lower()


def _link(member: Any) -> str:
    path = member.get("@odata.id") if isinstance(member, Mapping) else None
    if not isinstance(path, str) or not path.startswith("/"):
        raise _StrangeError(f"a link is {str(member)[:80]!r}")
    return path


def _wanted(session: requests.Session, url: str) -> dict[str, Any]:
    found = _document(session, url)
    if found is None:
        raise _StrangeError(f"{url} is kept from the user that may see what is above it")
    return found


def _document(session: requests.Session, url: str) -> dict[str, Any] | None:
    """The JSON object at a place; None where we are not let in."""
    answer = session.get(url, timeout=_TIMEOUT, headers={"Accept": "application/json"})
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return None
    try:
        found = answer.json() if answer.ok else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _StrangeError(f"{url}: status {answer.status_code}, and no JSON object")
    return found
