"""What is to be provisioned against the machines that are registered, and what is said of single nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network
from undercloud.topology.machines import DEFAULT_CLASS, Machine, listed, machines
from undercloud.topology.matching import unmatched
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import cidrs, enabled, unusable
from undercloud.validation.ranges import address
from undercloud.validation.subject import Subject

Path = tuple[str | int, ...]
"""Where something stands in a document."""


@dataclasses.dataclass(frozen=True)
class _Demand:
    """One node that a role wants."""

    role: str
    resource_class: str
    capabilities: tuple[tuple[str, str], ...]
    machine: str = ""
    traits: frozenset[str] = frozenset()
    path: Path = ()

    def fits(self, machine: Machine) -> bool:
        if self.machine:
            return self.machine in (machine.name, machine.uuid)
        if machine.resource_class != self.resource_class:
            return False
        has = machine.capabilities
        return self.traits <= machine.traits and all(
            has.get(key) == value for key, value in self.capabilities
        )

    def of_its_class(self) -> _Demand:
        """The same node without what else is asked of its machine."""
        return dataclasses.replace(self, capabilities=(), traits=frozenset())


def _demands(subject: Subject) -> list[_Demand]:
    """Every node that has to be provisioned."""
    baremetal = subject.plan.baremetal
    if baremetal is None:
        return [
            _Demand(role, DEFAULT_CLASS, ())
            for role, count in subject.composition.counts.items()
            for _ in range(max(0, count))
        ]
    found = []
    for index, role in enumerate(baremetal.value if isinstance(baremetal.value, list) else ()):
        if isinstance(role, Mapping) and isinstance(role.get("name"), str):
            found += list(_of_role(role, index))
    return found


def fitting(subject: Subject) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """A role and a registered machine, as the file has it, that fits one of its nodes: every such pair."""
    if subject.nodes is None:
        return
    wanted = _demands(subject)
    entries = [each for each in listed(subject.nodes)[0] if isinstance(each, Mapping)]
    for entry, machine in zip(entries, machines(subject.nodes), strict=True):
        for role in dict.fromkeys(each.role for each in wanted if each.fits(machine)):
            yield role, entry


def to_provision(subject: Subject) -> int:
    """How many nodes have to be provisioned."""
    return len(_demands(subject))


def described(subject: Subject) -> Iterator[tuple[Document, Path, Mapping[Any, Any]]]:
    """Every map of the deployment file that describes nodes: the roles' defaults, and the instances."""
    document = subject.plan.baremetal
    listed = document.value if document and isinstance(document.value, list) else []
    for index, role in enumerate(listed):
        for path, data in _parts(role, index) if isinstance(role, Mapping) else ():
            if document:
                yield document, path, data


def _of_role(role: Mapping[str, Any], index: int) -> Iterator[_Demand]:
    defaults = role.get("defaults") if isinstance(role.get("defaults"), Mapping) else {}
    count = role.get("count", 1)
    instances = [each for each in role.get("instances") or () if isinstance(each, Mapping)]
    wanted = [each for each in instances if each.get("provisioned", True) is not False]
    rest = max(0, (count if isinstance(count, int) else 1) - len(wanted))
    for number, given in enumerate([*wanted, *({} for _ in range(rest))]):
        data = {**(defaults or {}), **given}
        if data.get("managed", True) is False:
            continue
        capabilities = (
            dict(data.get("capabilities") or {}) if isinstance(data.get("capabilities"), Mapping) else {}
        )
        if data.get("profile"):
            capabilities["profile"] = data["profile"]
        yield _Demand(
            role["name"],
            str(data.get("resource_class") or DEFAULT_CLASS),
            tuple(sorted((str(key), str(value)) for key, value in capabilities.items())),
            str(given.get("name") or ""),
            frozenset(map(str, traits if isinstance(traits := data.get("traits"), list) else ())),
            (index, "instances", number) if number < len(wanted) else (index,),
        )


@check(
    {
        "BM-001": "The file of machines is a list of maps",
        "BM-002": "A machine has known fields",
        "BM-003": "A machine has what its power management needs",
        "BM-004": "Addresses of machines are addresses",
        "BM-005": "Machines have nothing in common that tells them apart",
        "BM-007": "Capabilities are keys and values",
        "BM-008": "Hints for the root device are known",
        "BM-010": "Power management is of a known type",
        "BM-011": "Sizes and ports are numbers",
        "BM-012": "Ports are a list of maps",
        "BM-020": "There are machines for all nodes",
        "BM-021": "There are machines of each resource class",
        "BM-022": "There are machines of each profile and capability",
        "BM-023": "Machines that are named are registered",
    },
    reads=("nodes", "baremetal_deployment", "ROLECount"),
    source="tripleo-common: utils/nodes.py; TripleO deployment guide: baremetal provisioning; Ironic: root device hints",
)
def enough(subject: Subject) -> Iterator[Finding]:
    """Registered machines against what is to be deployed."""
    if subject.nodes is None:
        return
    known, wanted = machines(subject.nodes), _demands(subject)
    if not known:
        return
    strangers = [each for each in wanted if each.machine and not any(each.fits(machine) for machine in known)]
    for each in strangers:
        text = f"the role {each.role} names the machine {each.machine}, which is not registered"
        fix = (
            did_you_mean(each.machine, [machine.name for machine in known]) or "Register it, or name another."
        )
        yield _short(subject, "BM-023", text, fix, [each], each.machine)
    wanted = [each for each in wanted if each not in strangers]
    if len(wanted) > len(known):
        parts = ", ".join(f"{count} {role}" for role, count in _per_role(wanted).items())
        text = (
            f"{len(wanted)} nodes are to be provisioned ({parts}), and {len(known)} machines are registered"
        )
        yield _short(subject, "BM-020", text, "Register more, or lower a count.", wanted, "count")
        return
    lacking = _unplaced([each.of_its_class() for each in wanted], known)
    for role, demands in lacking.items():
        first = demands[0]
        have = sum(machine.resource_class == first.resource_class for machine in known)
        text = f"the role {role} wants machines of the resource class {first.resource_class}, and {have} are registered"
        fix = "Register machines of that class, or change resource_class."
        yield _short(subject, "BM-021", text, fix, demands, "resource_class", first.resource_class)
    if lacking:
        return
    for role, demands in _unplaced(wanted, known).items():
        first = demands[0]
        asked = ", ".join([*(f"{key}:{value}" for key, value in first.capabilities), *sorted(first.traits)])
        text = (
            f"the role {role} wants machines with {asked}, and there are {len(demands)} fewer than it needs"
        )
        values = [value for _, value in first.capabilities]
        names = [key for key, _ in first.capabilities]
        yield _short(
            subject,
            "BM-022",
            text,
            "Give more machines what is asked for.",
            demands,
            *names,
            "capabilities",
            *values,
            *(("traits", *sorted(first.traits)) if first.traits else ()),
        )


def _unplaced(demands: list[_Demand], known: list[Machine]) -> dict[str, list[_Demand]]:
    """The demands that no machine is left for, by role."""
    choices = [[number for number, machine in enumerate(known) if each.fits(machine)] for each in demands]
    found: dict[str, list[_Demand]] = {}
    for index in unmatched(choices):
        found.setdefault(demands[index].role, []).append(demands[index])
    return found


def _per_role(demands: Iterable[_Demand]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in demands:
        counts[each.role] = counts.get(each.role, 0) + 1
    return counts


def _short(subject: Subject, code: str, text: str, fix: str, demands: list[_Demand], *names: str) -> Finding:
    roles = list(_per_role(demands))
    baremetal = subject.plan.baremetal
    if baremetal is not None:
        places = tuple(dict.fromkeys(baremetal.locate(*each.path) for each in demands))
    else:
        places = tuple(place for role in roles for place in subject.composition.locate(f"{role}Count"))
        names = (*names, *(f"{role}Count" for role in roles))
    return Finding(code, text, fix, Severity.ERROR, places[:5], (*names, *roles))


@check(
    {
        "BM-024": "A machine that is not managed has an address",
        "BM-025": "Nodes are on networks that are there",
        "BM-026": "A role is deployed that is there, in a number of 0 or more",
        "BM-027": "Networks of a node are given in one way",
        "BM-028": "Addresses of nodes are in their subnets, and differ",
        "BM-029": "A machine is named for one node",
        "BM-032": "The default route of a node is on one of its networks",
    },
    reads=("baremetal_deployment", "networks"),
    source="tripleo-ansible: module_utils/baremetal_deploy.py",
)
def deployment(subject: Subject) -> Iterator[Finding]:
    """What the deployment file says of single nodes."""
    baremetal = subject.plan.baremetal
    seen: dict[tuple[str, str], str] = {}
    for index, role in enumerate(baremetal.value if baremetal and isinstance(baremetal.value, list) else ()):
        if not isinstance(role, Mapping):
            continue
        defaults = role.get("defaults") if isinstance(role.get("defaults"), Mapping) else {}
        assert baremetal is not None, "its roles are gone through"
        yield from _role(subject, baremetal, role, index)
        yield from _single(subject, baremetal, role, index, seen)
        for number, given in enumerate(role.get("instances") or ()):
            data = {**(defaults or {}), **(given if isinstance(given, Mapping) else {})}
            if data.get("managed", True) is not False or data.get("provisioned", True) is False:
                continue
            ports = [*(data.get("networks") or ()), *(data.get("nics") or ())]
            if data.get("management_ip") or any(
                isinstance(port, Mapping) and port.get("fixed_ip") for port in ports
            ):
                continue
            what = data.get("hostname") or data.get("name") or f"instance {number + 1} of {role.get('name')}"
            text = f"{what} is not managed, and has neither a fixed_ip on a network nor a management_ip"
            place = baremetal.locate(index, "instances", number)
            names = ("managed", "fixed_ip", "management_ip", str(role.get("name")))
            yield Finding("BM-024", text, "Add one of the two.", Severity.ERROR, (place,), names)
        yield from _attached(subject, baremetal, role, index)


def _role(subject: Subject, document: Document, role: Mapping[str, Any], index: int) -> Iterator[Finding]:
    """Whether the role is one of the plan's, and its number is one."""
    known = [each.name for each in subject.plan.roles]
    name, count = role.get("name"), role.get("count", 1)
    if name not in known:
        text = f"nodes are to be deployed for the role {name}, which the roles file does not have"
        fix = did_you_mean(str(name), known) or f"The roles are {', '.join(known)}."
        yield Finding(
            "BM-026", text, fix, Severity.ERROR, (document.locate(index, "name"),), ("name", str(name))
        )
    if isinstance(count, int) and count < 0:
        text = f"{name} is to have {count} nodes"
        yield Finding(
            "BM-026",
            text,
            "Use 0 or more.",
            Severity.ERROR,
            (document.locate(index, "count"),),
            ("count", str(name)),
        )


def _by_either_name(subject: Subject) -> dict[str, Network]:
    """The networks by the two names under which a deployment file may call them."""
    found = enabled(subject)
    return {net.name_lower: net for net in found} | {net.name: net for net in found}


def _parts(role: Mapping[Any, Any], index: int) -> Iterator[tuple[Path, Mapping[Any, Any]]]:
    """A role's defaults and each of its instances, with their paths in the file; what is no map is left out."""
    defaults, instances = role.get("defaults"), role.get("instances")
    if isinstance(defaults, Mapping):
        yield (index, "defaults"), defaults
    for number, each in enumerate(instances if isinstance(instances, list) else ()):
        if isinstance(each, Mapping):
            yield (index, "instances", number), each


def _single(
    subject: Subject,
    document: Document,
    role: Mapping[str, Any],
    index: int,
    seen: dict[tuple[str, str], str],
) -> Iterator[Finding]:
    """What single nodes have that no other may have; both ways of giving networks at once."""
    networks = _by_either_name(subject)
    for path, data in _parts(role, index):
        what = str(data.get("hostname") or data.get("name") or f"{role.get('name')} ({path[-1]})")
        if data.get("networks") and data.get("nics"):
            text = f"{what}: networks and nics are both given"
            names = ("networks", "nics")
            yield Finding(
                "BM-027", text, "Keep networks.", Severity.ERROR, (document.locate(*path, "nics"),), names
            )
        machine = str(data.get("name") or "") if data.get("provisioned", True) else ""
        first = seen.setdefault(("name", machine), what) if machine else what
        if first != what:
            text = f"{first} and {what} name the same machine {machine}"
            yield Finding(
                "BM-029",
                text,
                "Give each its own.",
                Severity.ERROR,
                (document.locate(*path, "name"),),
                (machine, "name"),
            )
        ports = data.get("networks")
        yield from _connected(document, path, data, what)
        for number, port in enumerate(ports if isinstance(ports, list) else ()):
            fixed = str(port.get("fixed_ip") or "") if isinstance(port, Mapping) else ""
            if fixed:
                place = document.locate(*path, "networks", number)
                yield from _fixed(networks.get(str(port.get("network"))), fixed, what, place, seen)


def _connected(document: Document, path: Path, data: Mapping[Any, Any], what: str) -> Iterator[Finding]:
    """Each network once, and the default route on one of them."""
    ports = data.get("networks")
    names = (
        [str(port.get("network")) for port in ports if isinstance(port, Mapping)]
        if isinstance(ports, list)
        else []
    )
    for name in sorted({each for each in names if names.count(each) > 1}):
        text = f"{what} is on the network {name} twice"
        place = document.locate(*path, "networks")
        yield Finding("BM-027", text, "Keep one.", Severity.ERROR, (place,), ("networks", name))
    config = data.get("network_config")
    routes = config.get("default_route_network") if isinstance(config, Mapping) else None
    for route in routes if isinstance(routes, list) else []:
        if names and str(route).lower() not in (*map(str.lower, names), "ctlplane"):
            text = f"{what} has its default route on {route}, and is not on that network"
            place = document.locate(*path, "network_config")
            yield Finding(
                "BM-032",
                text,
                "Name one of its networks.",
                Severity.ERROR,
                (place,),
                ("default_route_network", str(route)),
            )


def _fixed(
    net: Network | None, fixed: str, what: str, place: Location, seen: dict[tuple[str, str], str]
) -> Iterator[Finding]:
    found = address(fixed)
    ranges = [whole for subnet in net.subnets.values() for whole in cidrs(subnet)] if net else []
    names = ("fixed_ip", fixed, net.name if net else "ctlplane")
    first = seen.setdefault(("fixed_ip", fixed), what)
    if first != what:
        text = f"{first} and {what} have the same fixed_ip {fixed}"
        yield Finding("BM-028", text, "Give each its own.", Severity.ERROR, (place,), names)
    if found is None or (ranges and not any(found in whole for whole in ranges)):
        text = f"{what}: fixed_ip {fixed} is not in {', '.join(map(str, ranges)) or 'any network'}"
        yield Finding("BM-028", text, "Take it from the subnet.", Severity.ERROR, (place,), names)
    elif net and (taken := unusable(net, found)):
        text = f"{what}: fixed_ip {fixed} is {taken} of {net.name}"
        yield Finding("BM-028", text, "Take another one.", Severity.ERROR, (place,), names)


def _attached(subject: Subject, document: Document, role: Mapping[str, Any], index: int) -> Iterator[Finding]:
    networks = _by_either_name(subject)
    for path, data in _parts(role, index):
        listed_ports = data.get("networks")
        for number, port in enumerate(listed_ports if isinstance(listed_ports, list) else ()):
            name = port.get("network") if isinstance(port, Mapping) else None
            if not name or name == "ctlplane":
                continue
            net, place = networks.get(name), document.locate(*path, "networks", number)
            if net is None:
                text = f"{role.get('name')} is on the network {name}, which the networks file does not have"
                fix = did_you_mean(str(name), networks) or f"The networks are {', '.join(networks)}."
                yield Finding("BM-025", text, fix, Severity.ERROR, (place,), ("network", str(name)))
            elif port.get("subnet") and port["subnet"] not in net.subnets:
                text = f"{role.get('name')} is on the subnet {port['subnet']}, which {net.name} does not have"
                fix = did_you_mean(str(port["subnet"]), net.subnets) or f"It has {', '.join(net.subnets)}."
                yield Finding("BM-025", text, fix, Severity.ERROR, (place,), ("subnet", str(port["subnet"])))
