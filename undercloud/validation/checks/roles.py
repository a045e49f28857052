"""Roles: their nodes, names and services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.roles import Role, primary
from undercloud.topology.names import Naming
from undercloud.validation.checks import check
from undercloud.validation.composition import SERVICE, Composition
from undercloud.validation.subject import Subject

_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_EXCLUSIVE: tuple[tuple[str, str], ...] = (
    ("NovaLibvirt", "NovaLibvirtLegacy"),
    ("NovaLibvirtGuests", "NovaLibvirtLegacy"),
    ("Pacemaker", "PacemakerRemote"),
    ("OVNController", "NeutronOvsAgent"),
    ("OVNController", "NeutronLinuxbridgeAgent"),
    ("NeutronOvsAgent", "NeutronLinuxbridgeAgent"),
    ("NeutronOvsAgent", "ComputeNeutronOvsAgent"),
    ("ComputeNeutronOvsAgent", "ComputeNeutronOvsDpdk"),
    ("OVNController", "ComputeNeutronOvsDpdk"),
    ("SwiftProxy", "ExternalSwiftProxy"),
    ("SwiftProxy", "CephRgw"),
    ("OVNController", "ComputeNeutronOvsAgent"),
    ("NovaCompute", "NovaIronic"),
    ("RabbitMQ", "OsloMessagingRpc"),
    ("HAproxy", "HAproxyEdge"),
    ("GlanceApi", "GlanceApiEdge"),
    ("CinderVolume", "CinderVolumeEdge"),
    ("Docker", "Podman"),
)
"""Services that claim the same ports, sockets, bridges or processes of a node."""


@check(
    {
        "SVC-001": "A role has no fewer than zero nodes",
        "SVC-002": "The leading role has nodes",
        "SVC-003": "Host names of roles do not collide",
        "SVC-004": "A format of host names counts",
        "SVC-011": "The name of a role is letters and digits",
        "SVC-012": "A role's settings have values that they take",
        "SVC-013": "Names of nodes are names of hosts",
    },
    reads=("roles", "ROLECount", "ROLEHostnameFormat"),
    source="roles/README.rst; overcloud.j2.yaml",
)
def nodes(subject: Subject) -> Iterator[Finding]:
    """Counts and names."""
    composition = subject.composition
    for role in subject.plan.roles:
        count = composition.counts[role.name]
        if not _ROLE.fullmatch(role.name):
            text = f"the role's name {role.name!r} is more than letters and digits: parameters and groups are called by it"
            yield Finding(
                "SVC-011", text, "Write ComputeFast.", Severity.ERROR, (role.location,), ("name", role.name)
            )
        yield from _settings(role)
        if count < 0:
            text = f"the role {role.name} would have {count} nodes"
            names = (f"{role.name}Count", "CountDefault", role.name)
            places = (
                composition.locate(f"{role.name}Count") if names[0] in composition.given else (role.location,)
            )
            yield Finding("SVC-001", text, "Use 0 or more.", Severity.ERROR, places, names)
    leader = primary(subject.plan.roles)
    if (
        leader
        and composition.counts[leader.name] == 0
        and any(each > 0 for each in composition.counts.values())
    ):
        name = f"{leader.name}Count"
        text = f"{name} is 0: no node leads the deployment, or hosts what runs on {leader.name} alone"
        fix = f"Set {name} to 1 or 3, or tag another role primary and controller."
        places = composition.locate(name) if name in composition.given else (leader.location,)
        yield Finding("SVC-002", text, fix, Severity.ERROR, places, (name, leader.name))
    yield from _names(subject)


def _settings(role: Role) -> Iterator[Finding]:
    """What the reader of the file takes as it is."""
    serial = role.data.get("update_serial")
    if serial is not None and not (str(serial).isdecimal() and int(serial) > 0):
        text = f"update_serial of the role {role.name} is {serial!r}, not a number above 0"
        names = ("update_serial", role.name)
        yield Finding("SVC-012", text, "Write 1 or 25.", Severity.ERROR, (role.location,), names)
    listed = role.data.get("networks")
    for network, entry in listed.items() if isinstance(listed, Mapping) else ():
        for key in entry if isinstance(entry, Mapping) else ():
            if key != "subnet":
                text = f"the role {role.name} says {key} of the network {network}, where only subnet is known"
                found = (role.name, str(network), str(key), "subnet")
                yield Finding("SVC-012", text, "Write subnet: NAME.", Severity.ERROR, (role.location,), found)


def _names(subject: Subject) -> Iterator[Finding]:
    composition = subject.composition
    seen: dict[str, Role] = {}
    for role in subject.plan.roles:
        name = f"{role.name}HostnameFormat"
        form = str(composition.given.get(name) or role.hostname_format)
        count = composition.counts[role.name]
        if count < 1:
            continue
        places: tuple[Location, ...] = (
            composition.locate(name) if name in composition.given else (role.location,)
        )
        if count > 1 and "%index%" not in form:
            text = f"{name} is {form}, without %index%: all {count} nodes would have one name"
            yield Finding("SVC-004", text, "Add %index%.", Severity.ERROR, places, (name, role.name))
        made = Naming(subject.plan.name, form).name(count - 1)
        if not _HOST.fullmatch(made) or "%" in form.replace("%index%", "").replace("%stackname%", ""):
            text = f"{name} is {form}, and makes {made}, which is no name of a host"
            fix = "Use letters, digits and hyphens (at most 63), %stackname% and %index%."
            yield Finding("SVC-013", text, fix, Severity.ERROR, places, (name, role.name))
        first = seen.setdefault(Naming(subject.plan.name, form).name(0).lower(), role)
        if first is not role:
            other = f"{first.name}HostnameFormat"
            text = f"{first.name} and {role.name} give their nodes the same names ({form})"
            fix = f"Give {other} and {name} different values."
            others = composition.locate(other) if other in composition.given else (first.location,)
            parameters = (other, name, first.name, role.name)
            yield Finding(
                "SVC-003", text, fix, Severity.ERROR, tuple(dict.fromkeys((*places, *others))), parameters
            )


@check(
    {
        "SVC-005": "Services of a role do not exclude each other",
    },
    reads=("roles", "ROLEServices", "resource_registry"),
    source="overcloud-resource-registry-puppet.j2.yaml; roles/*.yaml",
)
def services(subject: Subject) -> Iterator[Finding]:
    """Which services run together on a node."""
    composition = subject.composition
    for role in subject.plan.roles:
        if composition.counts[role.name] < 1:
            continue
        running = {name for name, roles in composition.running.items() if role.name in roles}
        places = (
            composition.locate(f"{role.name}Services") if f"{role.name}Services" in composition.given else ()
        )
        places = places or (role.location,)
        for first, second in _EXCLUSIVE:
            if {first, second} <= running and not _are_one(composition, first, second):
                text = f"the role {role.name} runs {first} and {second}, which exclude each other on a node"
                names = (SERVICE + first, SERVICE + second, role.name)
                yield Finding(
                    "SVC-005", text, "Remove one of them from the role.", Severity.ERROR, places, names
                )


def _are_one(composition: Composition, first: str, second: str) -> bool:
    """Whether OVN is one of the two and the other is mapped to OVN's own variant, as with DPDK."""
    return first == "OVNController" and "ovn-" in composition.implementation_of(second).rpartition("/")[2]


@check(
    {"SVC-007": "Hieradata are maps"},
    reads=("ExtraConfig", "ROLEExtraConfig"),
    source="overcloud.j2.yaml",
)
def hieradata(subject: Subject) -> Iterator[Finding]:
    """The parameters whose values are merged with other maps."""
    composition = subject.composition
    names = [
        "ExtraConfig",
        "UndercloudExtraConfig",
        *(f"{role.name}ExtraConfig" for role in subject.plan.roles),
    ]
    names += [f"{role.name}Parameters" for role in subject.plan.roles]
    names += [f"{role.name}ExtraGroupVars" for role in subject.plan.roles]
    for name in names:
        value = composition.value(name, default=composition.given.get(name))
        if value in (None, "") or isinstance(value, Mapping):
            continue
        text = f"{name} is {'a list' if isinstance(value, list) else 'no map'}, and has to be one map"
        fix = f"Write {name}: {{KEY: VALUE, …}} without dashes."
        yield Finding("SVC-007", text, fix, Severity.ERROR, composition.locate(name), (name,))
