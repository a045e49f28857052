"""Fencing devices and Ironic's hardware."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.topology.machines import MAC
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import cidrs, control_plane, enabled
from undercloud.validation.checks.neutron import entries, finding
from undercloud.validation.ranges import Network, Range, address, network
from undercloud.validation.subject import Subject

# Which implementations each hardware type of Ironic supports, by interface (Ironic's documentation of drivers).
HARDWARE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ipmi": {"power": ("ipmitool",), "management": ("ipmitool", "noop")},
    "redfish": {"power": ("redfish",), "management": ("redfish",)},
    "ilo": {"power": ("ilo",), "management": ("ilo",)},
    "ilo5": {"power": ("ilo",), "management": ("ilo5",)},
    "idrac": {
        "power": ("idrac", "idrac-redfish", "idrac-wsman"),
        "management": ("idrac", "idrac-redfish", "idrac-wsman"),
    },
    "irmc": {"power": ("irmc", "ipmitool"), "management": ("irmc",)},
    "xclarity": {"power": ("xclarity",), "management": ("xclarity", "noop")},
    "snmp": {"power": ("snmp",), "management": ("noop", "fake")},
    "ibmc": {"power": ("ibmc",), "management": ("ibmc",)},
    "intel-ipmi": {"power": ("ipmitool",), "management": ("intel-ipmitool", "ipmitool", "noop")},
    "manual-management": {"power": ("agent", "fake"), "management": ("noop", "fake")},
    "staging-ovirt": {"power": ("staging-ovirt",), "management": ("staging-ovirt",)},
    "fake-hardware": {"power": ("fake",), "management": ("fake",)},
}
_INTERFACES = (
    "Boot",
    "Deploy",
    "Inspect",
    "Network",
    "Rescue",
    "Raid",
    "Storage",
    "Management",
    "Power",
    "Bios",
    "Vendor",
    "Console",
)


@check(
    {
        "HA-101": "A fencing device belongs to a node",
        "HA-102": "A fencing device has its agent and settings",
        "HA-103": "A fencing device is described once",
        "HA-104": "Each member of the cluster can be fenced",
    },
    reads=("FencingConfig", "EnableFencing"),
    source="description of FencingConfig",
)
def fencing(subject: Subject) -> Iterator[Finding]:
    """The devices of FencingConfig; by levels too, where that form is used."""
    composition, name = subject.composition, "FencingConfig"
    config = composition.value(name)
    if not isinstance(config, Mapping):
        return
    described = {
        str(device.get("host_mac") or "").lower()
        for _, devices in _device_lists(config)
        for device in devices
        if isinstance(device, Mapping)
    }
    members = composition.nodes_of("Pacemaker")
    if config and composition.value("EnableFencing") is True and len(described) < members:
        roles = sorted(composition.running["Pacemaker"])
        text = f"{name} has devices for {len(described)} of the {members} members of the cluster"
        names = [name, *(f"{role}Count" for role in roles)]
        yield finding(composition, "HA-104", text, "Describe a device for each.", names)
    for where, devices in _device_lists(config):
        seen: dict[str, int] = {}
        for index, device in enumerate(devices, 1):
            which = f"device {index}{where}"
            if not isinstance(device, Mapping):
                yield finding(
                    composition,
                    "HA-102",
                    f"{name}: {which} is no map",
                    "Write agent, host_mac, params.",
                    [name],
                )
                continue
            mac = str(device.get("host_mac") or "").lower()
            if not MAC.fullmatch(mac):
                text = f"{name}: {which} has {'no host_mac' if not mac else f'the host_mac {mac}, no MAC address'}"
                fix = "Give the MAC address of the node's provisioning interface: it tells whose device this is."
                yield finding(composition, "HA-101", text, fix, [name, "host_mac"])
            elif seen.setdefault(mac, index) != index and devices[seen[mac] - 1] != device:
                text = f"{name}: devices {seen[mac]} and {index}{where} have the same host_mac {mac}"
                yield finding(composition, "HA-103", text, "Give each node's own.", [name, "host_mac", mac])
            for key, kind in (("agent", str), ("params", dict)):
                if not isinstance(device.get(key), kind):
                    text = f"{name}: {which} has no {key}"
                    yield finding(composition, "HA-102", text, f"Add {key}.", [name, key])
            agent, settings = str(device.get("agent") or ""), device.get("params")
            if agent and not agent.startswith("fence_"):
                text = f"{name}: {which} has the agent {agent}; the names of agents begin with fence_"
                yield finding(composition, "HA-102", text, f"Write fence_{agent}.", [name, "agent"])
            if _REMOTE_AGENT.match(agent) and isinstance(settings, Mapping) and not _addressed(settings):
                text = f"{name}: {which} has no address (ip) for {agent}"
                yield finding(composition, "HA-102", text, "Add ip to params.", [name, "params", "ip"])


_REMOTE_AGENT = re.compile(r"fence_(ipmilan|ilo\d?|idrac|drac|imm|rsa|redfish|apc|rhevm|vmware)")
"""Agents that reach something over the network."""


def _addressed(settings: Mapping[str, Any]) -> bool:
    return any(settings.get(key) not in (None, "") for key in ("ip", "ipaddr", "ipaddress"))


def _device_lists(config: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    devices = config.get("devices")
    if isinstance(devices, list):
        yield "", devices
    elif isinstance(devices, Mapping):
        yield from ((f" of {level}", listed) for level, listed in devices.items() if isinstance(listed, list))


@check(
    {
        "IRO-101": "An enabled hardware type can be used",
        "IRO-102": "A default interface is enabled",
        "IRO-103": "Hardware types are known",
    },
    reads=(
        "IronicEnabledHardwareTypes",
        *(f"IronicEnabled{each}Interfaces" for each in _INTERFACES),
        *(f"IronicDefault{each}Interface" for each in _INTERFACES),
    ),
    source="Ironic documentation: drivers, hardware types and interfaces",
)
def ironic(subject: Subject) -> Iterator[Finding]:
    """Hardware types and interfaces of the bare metal service (checked wherever the parameters are set)."""
    composition = subject.composition
    if not composition.has("IronicConductor") and not any(
        name.startswith("Ironic") for name in composition.given
    ):
        return

    def value(name: str) -> list[str]:
        return entries(composition.value(name, default=composition.template_default(name)))

    types = value("IronicEnabledHardwareTypes")
    for kind in types:
        if kind not in HARDWARE:
            text = f"IronicEnabledHardwareTypes has {kind}, which Ironic does not have"
            fix = did_you_mean(kind, HARDWARE) or f"Known are {', '.join(HARDWARE)}."
            yield _softly(finding(composition, "IRO-103", text, fix, ["IronicEnabledHardwareTypes", kind]))
        for interface, supported in HARDWARE.get(kind, {}).items():
            name = f"IronicEnabled{interface.capitalize()}Interfaces"
            enabled = value(name)
            if enabled and not set(enabled) & set(supported):
                text = f"{kind} is enabled, and {name} ({', '.join(enabled)}) has nothing that it supports"
                fix = f"Add {supported[0]} to {name}, or remove {kind} from IronicEnabledHardwareTypes."
                yield finding(composition, "IRO-101", text, fix, ["IronicEnabledHardwareTypes", name, kind])
    for interface in _INTERFACES:
        default, name = f"IronicDefault{interface}Interface", f"IronicEnabled{interface}Interfaces"
        wanted = composition.value(default, default=composition.template_default(default))
        enabled = value(name)
        if (
            wanted
            and enabled
            and str(wanted) not in enabled
            and (composition.settings(default) or composition.settings(name))
        ):
            text = f"{default} is {wanted}, and {name} ({', '.join(enabled)}) does not have it"
            yield finding(composition, "IRO-102", text, f"Add {wanted} to {name}.", [default, name])


def _softly(error: Finding) -> Finding:
    return Finding(error.code, error.message, error.fix, Severity.WARNING, error.locations, error.parameters)


@check(
    {"OCT-101": "The network of load balancers holds its gateway and its addresses"},
    reads=(
        "OctaviaControlSubnetCidr",
        "OctaviaControlSubnetGateway",
        "OctaviaControlSubnetPoolStart",
        "...PoolEnd",
    ),
    source="deployment/octavia/octavia-deployment-config.j2.yaml",
)
def load_balancers(subject: Subject) -> Iterator[Finding]:
    """The subnet that Octavia makes for its instances."""
    composition, prefix = subject.composition, "OctaviaControlSubnet"
    whole = network(composition.value(f"{prefix}Cidr"))
    if whole is None or not composition.has("OctaviaApi"):
        return
    places = {
        part: address(composition.value(f"{prefix}{part}")) for part in ("Gateway", "PoolStart", "PoolEnd")
    }
    for part, place in places.items():
        if place is not None and place not in whole:
            names = [f"{prefix}{part}", f"{prefix}Cidr"]
            text = f"{names[0]} is {place}, which is not in {names[1]} ({whole})"
            yield finding(composition, "OCT-101", text, f"Take it from {whole}.", names)
    yield from _overlapping(subject, whole, f"{prefix}Cidr")
    pool = Range.of(str(places["PoolStart"]), str(places["PoolEnd"]))
    if pool and pool.first > pool.last:
        names = [f"{prefix}PoolStart", f"{prefix}PoolEnd"]
        yield finding(composition, "OCT-101", f"{names[0]} comes after {names[1]}", "Exchange them.", names)
    elif pool and places["Gateway"] in pool:
        names = [f"{prefix}Gateway", f"{prefix}PoolStart"]
        text = f"{names[0]} {places['Gateway']} is among the addresses that are handed out ({pool})"
        yield finding(composition, "OCT-101", text, "Leave it out of the pool.", names)


def _overlapping(subject: Subject, whole: Network, name: str) -> Iterator[Finding]:
    """The controllers have an address in it, beside their own networks."""
    listed = [
        (net.name, cidr) for net in enabled(subject) for each in net.subnets.values() for cidr in cidrs(each)
    ]
    for title, cidr in [*listed, *control_plane(subject).items()]:
        if cidr.version == whole.version and cidr.overlaps(whole):
            text = f"{name} ({whole}) overlaps {title} ({cidr}), which the controllers are on as well"
            yield finding(subject.composition, "OCT-101", text, "Take another range.", [name, title])
