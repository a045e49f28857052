"""network_data.yaml (version 2, and what is left of version 1) and vip_data.yaml."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location, Report
from undercloud.plan.documents import Document
from undercloud.plan.entries import NOWHERE, Entry, Keys, brief

_SUBNET_KEYS: Keys = {
    "ip_subnet": (str,),
    "ipv6_subnet": (str,),
    "gateway_ip": (str,),
    "gateway_ipv6": (str,),
    "allocation_pools": (list,),
    "ipv6_allocation_pools": (list,),
    "routes": (list,),
    "routes_ipv6": (list,),
    "vlan": (int, str),
    "ipv6_address_mode": (str,),
    "ipv6_ra_mode": (str,),
    "enable_dhcp": (bool,),
    "physical_network": (str,),
    "network_type": (str,),
    "segmentation_id": (int,),
    "dns_nameservers": (list,),
}
_NETWORK_KEYS: Keys = {
    "name": (str,),
    "name_lower": (str,),
    "vip": (bool,),
    "ipv6": (bool,),
    "mtu": (int,),
    "dns_domain": (str,),
    "enabled": (bool,),
    "external_resource_network_id": (str,),
    "external_resource_subnet_id": (str,),
    "external_resource_segment_id": (str,),
    "external_resource_vip_id": (str,),
    "service_net_map_replace": (str,),
    "compat_name": (str,),
    "admin_state_up": (bool,),
    "shared": (bool,),
    "subnets": (dict,),
    # Version 1 describes the network's one subnet at the network itself.
    **_SUBNET_KEYS,
}
_VIP_KEYS: Keys = {
    "network": (str,),
    "name": (str,),
    "ip_address": (str,),
    "subnet": (str,),
    "dns_name": (str,),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclasses.dataclass(frozen=True)
class Pool:
    """Addresses from ``start`` to ``end``, both included; as the file writes them."""

    start: str
    end: str


@dataclasses.dataclass(frozen=True)
class Route:
    """A static route that a subnet's hosts get."""

    destination: str
    nexthop: str


@dataclasses.dataclass(frozen=True)
class Subnet:
    """One subnet; the values are the file's, whether they make sense together is for validation to say."""

    name: str
    cidr: str = ""
    cidr_v6: str = ""
    gateway: str = ""
    gateway_v6: str = ""
    pools: tuple[Pool, ...] = ()
    pools_v6: tuple[Pool, ...] = ()
    routes: tuple[Route, ...] = ()
    routes_v6: tuple[Route, ...] = ()
    vlan: int | None = None
    physical_network: str = ""
    dns_nameservers: tuple[str, ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    location: Location = NOWHERE


@dataclasses.dataclass(frozen=True)
class Network:
    """One network. ``data`` is what templates see as ``network``: the file's map with name_lower and idx."""

    name: str
    name_lower: str
    index: int = 0
    vip: bool = False
    ipv6: bool = False
    mtu: int = 1500
    dns_domain: str = ""
    enabled: bool = True
    service_net_map_replace: str = ""
    compat_name: str = ""
    subnets: Mapping[str, Subnet] = dataclasses.field(default_factory=dict)
    version: int = 2
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    location: Location = NOWHERE


@dataclasses.dataclass(frozen=True)
class Vip:
    """One virtual address: on which network, and what of it is fixed."""

    network: str
    name: str = ""
    ip_address: str = ""
    subnet: str = ""
    dns_name: str = "overcloud"
    location: Location = NOWHERE


def read_networks(document: Document, report: Report) -> tuple[Network, ...]:
    """The networks of a file, disabled ones too; findings are added to the report.

    An empty file means no networks. PLAN-020 no list of maps, PLAN-021 a network without a usable name,
    PLAN-022 a network twice, PLAN-023 an unknown key, PLAN-024 a value of the wrong type. A faulty
    value counts as left out, a network without a name is left out.
    """
    networks: list[Network] = []
    seen: dict[str, Location] = {}
    for entry, data in _entries(Entry(document, (), "a networks file", "PLAN-02", report), "network"):
        network = _network(entry, data, index=int(entry.path[-1]))
        if network is None:
            continue
        keys = {network.name.lower(), network.name_lower}
        twice = sorted(keys & seen.keys())
        if twice:
            text = f"the network {network.name} ({network.name_lower}) stands twice"
            entry.error("2", text, "Give every network its own name and name_lower.", seen[twice[0]])
        else:
            seen |= dict.fromkeys(keys, network.location)
            networks.append(network)
    return tuple(networks)


def read_vips(document: Document, report: Report) -> tuple[Vip, ...]:
    """The virtual addresses of a file; findings are added to the report.

    An empty file means none. PLAN-030 no list of maps, PLAN-031 no network named, PLAN-033 an unknown key,
    PLAN-034 a value of the wrong type.
    """
    vips: list[Vip] = []
    for entry, data in _entries(Entry(document, (), "a file of VIPs", "PLAN-03", report), "virtual address"):
        good = entry.checked(data, _VIP_KEYS)
        if "network" in good:
            vips.append(Vip(**good, location=entry.location))
        elif data.get("network") is None:
            fix = "Add 'network: NAME' with the network's name_lower, or ctlplane."
            entry.error("1", f"{entry.what} does not say its network", fix)
    return tuple(vips)


def _entries(file: Entry, what: str) -> Iterator[tuple[Entry, dict[Any, Any]]]:
    """The maps of the list that a file is; an empty file has none."""
    value = file.document.value
    if not isinstance(value, list | None):
        fix = "Start each entry with '- ' at the left margin; an empty file means none."
        file.error("0", f"{file.what} is a list", fix)
        return
    for index, data in enumerate(value or []):
        entry = file.at(index).called(f"{what} {index + 1}")
        if isinstance(data, dict):
            yield entry, data
        else:
            entry.error("0", f"{entry.what} is not a map", "Write it as '- key: value'.")


def _network(entry: Entry, data: Mapping[Any, Any], index: int) -> Network | None:
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = (
            f"the network name {brief(name)} is not usable" if "name" in data else f"{entry.what} has no name"
        )
        fix = "A name begins with a letter and has letters, digits, - and _, as in 'name: InternalApi'."
        entry.at("name").error("1", text, fix)
        return None
    entry = entry.called(f"the network {name}")
    good = entry.checked(data, _NETWORK_KEYS)
    lower = good.get("name_lower") or name.lower()
    version = 1 if {"ip_subnet", "ipv6_subnet"} & good.keys() else 2
    subnets = _subnets(entry.at("subnets"), good.get("subnets", {}))
    if version == 1:
        own = {key: value for key, value in good.items() if key in _SUBNET_KEYS}
        subnets = {f"{lower}_subnet": _subnet(entry, f"{lower}_subnet", own), **subnets}
    return Network(
        name=name,
        name_lower=lower,
        index=index,
        vip=good.get("vip", False),
        ipv6=good.get("ipv6", False),
        mtu=good.get("mtu", 1500),
        dns_domain=good.get("dns_domain", ""),
        enabled=good.get("enabled", True),
        service_net_map_replace=good.get("service_net_map_replace", ""),
        compat_name=good.get("compat_name", ""),
        subnets=subnets,
        version=version,
        data=_template_data(data, lower, index),
        location=entry.location,
    )


def _template_data(data: Mapping[Any, Any], lower: str, index: int) -> dict[Any, Any]:
    """TripleO counts disabled networks in idx, but completes name_lower for enabled ones only."""
    completed = {**data, "idx": index}
    if data.get("enabled") is not False and not data.get("name_lower"):
        completed["name_lower"] = lower
    return completed


def _subnets(entry: Entry, value: Mapping[Any, Any]) -> dict[str, Subnet]:
    subnets: dict[str, Subnet] = {}
    for name, data in value.items():
        place = entry.at(name).called(f"the subnet {name}")
        if isinstance(name, str) and isinstance(data, dict):
            subnets[name] = _subnet(place, name, place.checked(data, _SUBNET_KEYS))
        else:
            place.wrong(data, "a map", "Write the subnet's keys below its name.")
    return subnets


def _subnet(entry: Entry, name: str, data: Mapping[str, Any]) -> Subnet:
    """``data`` holds known keys of the right types only."""

    def pairs(key: str, first: str, second: str) -> Iterator[tuple[str, str]]:
        for number, item in enumerate(data.get(key, [])):
            values = (item.get(first), item.get(second)) if isinstance(item, dict) else (None, None)
            if isinstance(values[0], str) and isinstance(values[1], str):
                yield values[0], values[1]
            else:
                place = entry.at(key, number).called(f"an entry of {key} of {entry.what}")
                place.wrong(
                    item, f"a map of {first} and {second}", f"Write '{first}: ADDRESS', '{second}: ADDRESS'."
                )

    return Subnet(
        name=name,
        cidr=data.get("ip_subnet", ""),
        cidr_v6=data.get("ipv6_subnet", ""),
        gateway=data.get("gateway_ip", ""),
        gateway_v6=data.get("gateway_ipv6", ""),
        pools=tuple(Pool(*pair) for pair in pairs("allocation_pools", "start", "end")),
        pools_v6=tuple(Pool(*pair) for pair in pairs("ipv6_allocation_pools", "start", "end")),
        routes=tuple(Route(*pair) for pair in pairs("routes", "destination", "nexthop")),
        routes_v6=tuple(Route(*pair) for pair in pairs("routes_ipv6", "destination", "nexthop")),
        vlan=_vlan(entry.at("vlan"), data.get("vlan")),
        physical_network=data.get("physical_network", ""),
        dns_nameservers=tuple(str(server) for server in data.get("dns_nameservers", [])),
        data=data,
        location=entry.location,
    )


def _vlan(entry: Entry, value: int | str | None) -> int | None:
    """A quoted number is a number too."""
    if isinstance(value, str):
        if not value.isascii() or not value.isdecimal() or len(value) > 5:
            entry.called(f"vlan of {entry.what}").wrong(value, "a number", "Write 1 to 4094.")
            return None
        return int(value)
    return value
