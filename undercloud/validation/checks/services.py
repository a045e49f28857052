"""Fencing devices, Ironic's hardware, and lists of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import entries, finding
from undercloud.validation.ranges import address, network
from undercloud.validation.subject import Subject

MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")

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

# Parameters that are lists of addresses: everything in them has to be one.
_ADDRESSES = ("DnsServers", "OVNDnsServers", "NeutronDhcpAgentDnsmasqDnsServers", "DesignateBackendListenIPs")
_HOSTS = ("NtpServer", "NtpPool")
_NETWORKS = ("UnboundAllowedCIDRs",)


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
    {
        "ADR-001": "A list of addresses holds addresses",
        "ADR-002": "A list of hosts has one in each entry",
        "ADR-003": "A list of networks holds networks",
    },
    reads=(*_ADDRESSES, *_HOSTS, *_NETWORKS),
    source="descriptions of these parameters; Heat: comma delimited lists",
)
def addresses(subject: Subject) -> Iterator[Finding]:
    """Every entry of lists of addresses, hosts and networks."""
    composition = subject.composition
    for name in (*_ADDRESSES, *_HOSTS, *_NETWORKS):
        if not composition.settings(name):
            continue
        for entry in entries(composition.value(name, default=composition.given.get(name))):
            spaced = len(entry.split()) > 1
            fix = "Separate entries with commas." if spaced else "Write an address."
            if name in _ADDRESSES and address(entry) is None:
                yield finding(composition, "ADR-001", f"{name}: {entry!r} is no address", fix, [name])
            elif name in _HOSTS and spaced:
                yield finding(composition, "ADR-002", f"{name}: {entry!r} is not one host", fix, [name])
            elif name in _NETWORKS and network(entry) is None:
                yield finding(composition, "ADR-003", f"{name}: {entry!r} is no network", fix, [name])
