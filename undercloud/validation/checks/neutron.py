"""Lists of Neutron's whose entries have parts: ranges, mappings, bandwidths, devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.composition import Composition
from undercloud.validation.subject import Subject

_VLANS = (1, 4094)
_VNIS = (1, 2**24 - 1)


def entries(value: Any) -> list[str]:
    """The entries of a list, or of text with commas; empty ones are left out."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(part).strip() for part in parts if str(part).strip()]


def scopes(composition: Composition, *names: str) -> Iterator[str]:
    """The plan as a whole (empty), and each role with nodes that has a value of its own for one of the names."""
    yield ""
    for role in composition.plan.roles:
        if composition.counts.get(role.name, 0) > 0 and composition.role_parameters(role.name).keys() & set(
            names
        ):
            yield role.name


def finding(
    composition: Composition, code: str, text: str, fix: str, names: Sequence[str], role: str = ""
) -> Finding:
    """An error about parameters, at every place where they are set."""
    own = [name for name in names if composition.settings(name) or name in composition.role_parameters(role)]
    places = dict.fromkeys(place for name in own for place in composition.locate(name, role))
    return Finding(code, text, fix, Severity.ERROR, tuple(places), (*names, *((role,) if role else ())))


def physical_networks(composition: Composition, name: str) -> set[str]:
    """The physical networks that a parameter of mappings names, on all roles together."""
    found: set[str] = set()
    for role in scopes(composition, name):
        found |= {entry.partition(":")[0] for entry in entries(composition.value(name, role))}
    return found


@check(
    {
        "NTR-101": "VLAN ranges have the form NAME:FIRST:LAST with ids from 1 to 4094",
        "NTR-102": "Ranges of tunnel ids have the form FIRST:LAST",
        "NTR-103": "Mappings have the form NAME:VALUE, each name once",
    },
    reads=(
        "NeutronNetworkVLANRanges",
        "NeutronTunnelIdRanges",
        "NeutronVniRanges",
        "NeutronBridgeMappings",
        "NeutronPhysicalDevMappings",
    ),
    source="Neutron configuration reference: ml2_type_vlan, ml2_type_vxlan, ovs, sriov_nic",
)
def forms(subject: Subject) -> Iterator[Finding]:
    """Entries that cannot be read."""
    composition = subject.composition
    name = "NeutronNetworkVLANRanges"
    for role in scopes(composition, name):
        for entry in entries(composition.value(name, role)):
            wrong = vlan_range(entry)
            if wrong:
                fix = "Write NAME:FIRST:LAST, or NAME alone for provider networks."
                yield finding(composition, "NTR-101", f"{name}: {entry!r}: {wrong}", fix, [name], role)
    for name, limits in (("NeutronTunnelIdRanges", _VNIS), ("NeutronVniRanges", _VNIS)):
        for entry in entries(composition.value(name)):
            wrong = _range(entry.split(":"), limits)
            if wrong:
                yield finding(
                    composition, "NTR-102", f"{name}: {entry!r}: {wrong}", "Write FIRST:LAST.", [name]
                )
    for name in ("NeutronBridgeMappings", "NeutronPhysicalDevMappings"):
        for role in scopes(composition, name):
            yield from _mappings(composition, name, role)


def vlan_range(entry: str) -> str:
    """What is wrong with one entry of VLAN ranges; empty if nothing is."""
    name, *limits = entry.split(":")
    if not name:
        return "it does not begin with the name of a physical network"
    return _range(limits, _VLANS) if limits else ""


def _range(parts: Sequence[str], limits: tuple[int, int]) -> str:
    if len(parts) != 2:
        return "a range has a first and a last id, with a colon between them"
    if not all(part.strip().isascii() and part.strip().isdecimal() for part in parts):
        return "the ids are no numbers"
    first, last = (int(part) for part in parts)
    if not (limits[0] <= first and last <= limits[1]):
        return f"ids are from {limits[0]} to {limits[1]}"
    return "the first id is more than the last" if first > last else ""


def _mappings(composition: Composition, name: str, role: str) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for entry in entries(composition.value(name, role)):
        key, colon, value = entry.partition(":")
        if not colon or not key.strip() or not value.strip() or ":" in value:
            text = f"{name}: {entry!r} is no mapping"
            yield finding(composition, "NTR-103", text, "Write PHYSICAL_NETWORK:NAME.", [name], role)
        elif name == "NeutronBridgeMappings":
            yield from _bridge(composition, name, role, key, value, seen)


def _bridge(
    composition: Composition, name: str, role: str, key: str, bridge: str, seen: dict[str, str]
) -> Iterator[Finding]:
    """One mapping beside those before it: ``seen`` is physical network → bridge."""
    first = seen.setdefault(key, bridge)
    shared = next((each for each, other in seen.items() if each != key and other == bridge), "")
    text, fix = "", "Keep one."
    if first != bridge:
        text = f"{name}: the physical network {key} is mapped to {first} and to {bridge}"
    elif bridge == composition.value("OVNIntegrationBridge", default="br-int"):
        text, fix = f"{name}: {bridge} is the bridge of the instances themselves", "Name a bridge of its own."
    elif shared and composition.has("NeutronOvsAgent", "ComputeNeutronOvsAgent"):
        text = f"{name}: {shared} and {key} are mapped to one bridge {bridge}, which the agent refuses"
        fix = "Give each its own."
    if text:
        yield finding(composition, "NTR-103", text, fix, [name], role)


@check(
    {
        "NTR-104": "A flat network's physical network is mapped",
        "NTR-105": "A bridge with bandwidth is mapped",
        "NTR-106": "A device with bandwidth or exclusions is mapped",
        "NTR-107": "Physical networks of PCI devices are mapped by the SR-IOV agent",
        "NTR-108": "Physical networks with VLANs are mapped",
        "NTR-109": "A bandwidth has the form NAME:EGRESS:INGRESS",
    },
    reads=(
        "NeutronFlatNetworks",
        "NeutronBridgeMappings",
        "NeutronPhysicalDevMappings",
        "NeutronOvsResourceProviderBandwidths",
        "NeutronSriovResourceProviderBandwidths",
        "NeutronExcludeDevices",
        "NovaPCIPassthrough",
        "NeutronNetworkVLANRanges",
    ),
    source="descriptions of these parameters; Neutron: flat and VLAN type drivers",
)
def references(subject: Subject) -> Iterator[Finding]:
    """Names in one list that another one has to have."""
    composition = subject.composition
    if not composition.has("NeutronApi", "NeutronOvsAgent", "OVNController", "NeutronSriovAgent"):
        return
    bridged = physical_networks(composition, "NeutronBridgeMappings")
    devices = physical_networks(composition, "NeutronPhysicalDevMappings")
    linux = physical_networks(composition, "PhysicalInterfaceMapping")
    mapped = bridged | devices | linux
    names = ["NeutronFlatNetworks", "NeutronBridgeMappings"]
    for network in entries(composition.value("NeutronFlatNetworks")):
        if network != "*" and mapped and network not in mapped:
            text = f"NeutronFlatNetworks offers the physical network {network}, and no bridge mapping connects it"
            fix = did_you_mean(network, mapped) or f"Add {network}:BRIDGE to NeutronBridgeMappings."
            yield finding(composition, "NTR-104", text, fix, names)
    names = ["NeutronNetworkVLANRanges", "NeutronBridgeMappings", "NeutronPhysicalDevMappings"]
    for entry in entries(composition.value("NeutronNetworkVLANRanges")):
        network = entry.partition(":")[0]
        if (
            network
            and mapped
            and network not in mapped
            and "NeutronNetworkVLANRanges" in composition.set_by_operator
        ):
            text = f"NeutronNetworkVLANRanges has the physical network {network}, and no node maps it"
            fix = did_you_mean(network, mapped) or f"Add {network}:BRIDGE to NeutronBridgeMappings."
            yield finding(composition, "NTR-108", text, fix, names)
    yield from _bandwidths(composition)
    yield from _devices(composition)


def _bandwidths(composition: Composition) -> Iterator[Finding]:
    for name, other, code in (
        ("NeutronOvsResourceProviderBandwidths", "NeutronBridgeMappings", "NTR-105"),
        ("NeutronSriovResourceProviderBandwidths", "NeutronPhysicalDevMappings", "NTR-106"),
    ):
        for role in scopes(composition, name, other):
            known = {entry.partition(":")[2] for entry in entries(composition.value(other, role))}
            for entry in entries(composition.value(name, role)):
                thing, *rates = entry.split(":")
                if len(rates) != 2 or not all(rate == "" or rate.isdecimal() for rate in rates):
                    text = f"{name}: {entry!r} is no bandwidth"
                    yield finding(
                        composition, "NTR-109", text, "Write NAME:EGRESS:INGRESS in kbit/s.", [name], role
                    )
                elif thing not in known:
                    text = f"{name} gives {thing} a bandwidth, and {other} does not have it"
                    fix = did_you_mean(thing, known) or f"Add it to {other}."
                    yield finding(composition, code, text, fix, [name, other], role)


def _devices(composition: Composition) -> Iterator[Finding]:
    name, other = "NeutronExcludeDevices", "NeutronPhysicalDevMappings"
    for role in scopes(composition, name, other, "NovaPCIPassthrough"):
        if role and not composition.running.get("NeutronSriovAgent", frozenset()) & {role}:
            continue
        mappings = entries(composition.value(other, role))
        devices = {entry.partition(":")[2] for entry in mappings}
        for entry in entries(composition.value(name, role)):
            device = entry.partition(":")[0]
            if device not in devices:
                text = f"{name} excludes functions of {device}, which {other} does not map"
                fix = did_you_mean(device, devices) or f"Add it to {other}, or remove it."
                yield finding(composition, "NTR-106", text, fix, [name, other], role)
        physical = {entry.partition(":")[0] for entry in mappings}
        if not physical or not composition.has("NeutronSriovAgent"):
            continue
        for offered in passthrough(composition.value("NovaPCIPassthrough", role)):
            net = str(offered.get("physical_network") or "")
            if net and net not in physical:
                text = f"NovaPCIPassthrough offers a device on the physical network {net}, which {other} does not map"
                fix = did_you_mean(net, physical) or f"Add {net}:DEVICE to {other}."
                yield finding(composition, "NTR-107", text, fix, ["NovaPCIPassthrough", other, net], role)


def passthrough(value: Any) -> list[dict[str, Any]]:
    """The entries of a list of PCI devices that are maps."""
    listed = value if isinstance(value, list) else [value]
    return [entry for entry in listed if isinstance(entry, dict)]
