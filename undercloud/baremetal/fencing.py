"""How Pacemaker turns machines off: the parameter FencingConfig out of the file of machines.

The form is that of TripleO's parameter and of the agents: fence_ipmilan(8), fence_redfish(8).
"""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.baremetal.instackenv import Entry
from undercloud.diagnostics import Finding, UndercloudError

_IPMI = {"ipmi": "ipmi", "idrac": "drac", "ilo": "ilo", "ilo5": "ilo"}
"""Drivers whose BMC speaks IPMI, with the prefix of their fields."""
_HTTPS = 443


@dataclasses.dataclass(frozen=True)
class Wishes:
    """``delay`` is in seconds; 0, and an empty level, leave it to the agent, as a cipher of None does."""

    delay: int = 0
    lanplus: bool = True
    cipher: int | None = None
    level: str = ""


def environment(entries: Sequence[Entry], wishes: Wishes) -> dict[str, Any]:
    """The environment that turns fencing on with a device for each machine; it holds their passwords.

    Raises UndercloudError with all BM-134: machines that no agent speaks to, or without an address.
    """
    devices, findings = [], []
    for entry in entries:
        params = _parameters(entry, wishes)
        if params is None:
            findings.append(_unknown(entry))
            continue
        agent, values = params
        host = {"host_mac": entry.macs[0]} if entry.macs else {}
        devices.append({"agent": agent, **host, "params": values})
    if findings:
        raise UndercloudError(*findings)
    return {"parameter_defaults": {"EnableFencing": True, "FencingConfig": {"devices": devices}}}


def _parameters(entry: Entry, wishes: Wishes) -> tuple[str, dict[str, Any]] | None:
    """The agent of a machine and what it is told; None where there is none."""
    driver, info = str(entry.values["driver"]), entry.values["driver_info"]
    if driver == "redfish" and info.get("redfish_address"):
        return "fence_redfish", {**_redfish(info), **({"delay": wishes.delay} if wishes.delay else {})}
    prefix = _IPMI.get(driver)
    if prefix is None or not info.get(f"{prefix}_address"):
        return None
    given = {
        "ipaddr": info[f"{prefix}_address"],
        "ipport": info.get(f"{prefix}_port"),
        "login": info.get(f"{prefix}_username"),
        "passwd": info.get(f"{prefix}_password"),
        "lanplus": wishes.lanplus or None,
        "cipher": wishes.cipher,
        "privlvl": wishes.level or None,
        "delay": wishes.delay or None,
    }
    return "fence_ipmilan", {name: value for name, value in given.items() if value is not None}


def _redfish(info: Mapping[str, Any]) -> dict[str, Any]:
    address = urllib.parse.urlsplit(str(info["redfish_address"]))
    trusts = str(info.get("redfish_verify_ca", "true")).lower() not in {"false", "0", "no"}
    given = {
        "ipaddr": address.hostname,
        "ipport": address.port or _HTTPS,
        "login": info.get("redfish_username"),
        "passwd": info.get("redfish_password"),
        "systems_uri": info.get("redfish_system_id"),
        "ssl_insecure": "false" if trusts else "true",
    }
    return {name: value for name, value in given.items() if value is not None}


def _unknown(entry: Entry) -> Finding:
    driver = entry.values["driver"]
    return Finding(
        "BM-134",
        f"{entry.name} (driver {driver}) cannot be fenced: no agent speaks to it, or it has no address",
        f"Leave it out, or give it a BMC of: {', '.join(('redfish', *_IPMI))}.",
    )
