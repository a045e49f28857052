"""Registered machines, and whether they suffice for what is to be deployed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.checks.services import MAC
from undercloud.validation.matching import unmatched
from undercloud.validation.ranges import address
from undercloud.validation.subject import Subject

# The fields of a machine, by tripleo-common's documentation of instackenv.json.
_FIELDS = frozenset(
    [
        "name",
        "uuid",
        "description",
        "pm_type",
        "pm_addr",
        "pm_user",
        "pm_password",
        "pm_port",
        "pm_system_id",
        "pm_service_profile",
        "pm_relay_id",
        "pm_vm_name",
        "pm_vendor",
        "pm_snmp_version",
        "pm_snmp_community",
        "pm_outlet_id",
        "mac",
        "ports",
        "arch",
        "cpu",
        "memory",
        "disk",
        "capabilities",
        "profile",
        "root_device",
        "resource_class",
        "kernel_id",
        "ramdisk_id",
        "platform",
        "conductor_group",
        "owner",
        "lessee",
        "traits",
        "properties",
        "driver_info",
        "extra",
        "automated_clean",
        "physical_network",
        "switches",
        "rack",
        "_comment",
        "bios_interface",
        "boot_interface",
        "console_interface",
        "deploy_interface",
        "inspect_interface",
        "management_interface",
        "network_interface",
        "power_interface",
        "raid_interface",
        "rescue_interface",
        "storage_interface",
        "vendor_interface",
    ]
)
_DRIVER_FIELDS = (
    "ipmi_",
    "redfish_",
    "ilo_",
    "irmc_",
    "drac_",
    "idrac_",
    "snmp_",
    "xclarity_",
    "deploy_",
    "agent_",
)
_PORT_FIELDS = (
    "address",
    "physical_network",
    "local_link_connection",
    "pxe_enabled",
    "is_smartnic",
    "extra",
    "name",
)
_TYPES = {
    "ipmi": ("pm_addr", "pm_user", "pm_password"),
    "ipmitool": ("pm_addr", "pm_user", "pm_password"),
    "pxe_ipmitool": ("pm_addr", "pm_user", "pm_password"),
    "intel-ipmi": ("pm_addr", "pm_user", "pm_password"),
    "redfish": ("pm_addr", "pm_user", "pm_password"),
    "ilo": ("pm_addr", "pm_user", "pm_password"),
    "ilo5": ("pm_addr", "pm_user", "pm_password"),
    "idrac": ("pm_addr", "pm_user", "pm_password"),
    "drac": ("pm_addr", "pm_user", "pm_password"),
    "pxe_drac": ("pm_addr", "pm_user", "pm_password"),
    "pxe_ilo": ("pm_addr", "pm_user", "pm_password"),
    "irmc": ("pm_addr", "pm_user", "pm_password"),
    "pxe_irmc": ("pm_addr", "pm_user", "pm_password"),
    "xclarity": ("pm_addr", "pm_user", "pm_password"),
    "ibmc": ("pm_addr", "pm_user", "pm_password"),
    "snmp": ("pm_addr",),
    "staging-ovirt": ("pm_addr", "pm_user", "pm_password", "pm_vm_name"),
    "manual-management": (),
    "fake-hardware": (),
    "fake": (),
}
_HINTS = (
    "model",
    "vendor",
    "serial",
    "size",
    "wwn",
    "wwn_with_extension",
    "wwn_vendor_extension",
    "rotational",
    "hctl",
    "name",
    "by_path",
)
_CAPABILITY = re.compile(r"[^:,\s]+:[^,]*\S[^,]*|[^:,\s]+:")
_DEFAULT_CLASS = "baremetal"


@dataclasses.dataclass(frozen=True)
class Machine:
    """What deployment asks of one registered machine."""

    name: str
    uuid: str
    resource_class: str
    capabilities: Mapping[str, str]


def listed(document: Document) -> tuple[list[Any], tuple[str | int, ...]]:
    """The machines of a file, and the path that leads to their list."""
    value = document.value
    if isinstance(value, Mapping) and isinstance(value.get("nodes"), list):
        return value["nodes"], ("nodes",)
    return (value, ()) if isinstance(value, list) else ([], ())


def registered(document: Document) -> Iterator[Finding]:
    """What is wrong with the file of machines itself: BM-001 … BM-012."""
    nodes, path = listed(document)
    if not nodes:
        text = "the file of machines has no list of nodes"
        fix = "Write nodes: and begin each machine with '- name: NAME'."
        yield Finding("BM-001", text, fix, Severity.ERROR, (document.locate(),), ("nodes",))
        return
    seen: dict[tuple[str, str], int] = {}
    for index, node in enumerate(nodes):
        place = (*path, index)
        if not isinstance(node, Mapping):
            text = f"machine {index + 1} is no map"
            yield Finding(
                "BM-001",
                text,
                "Begin it with '- name: NAME'.",
                Severity.ERROR,
                (document.locate(*place),),
                ("nodes",),
            )
            continue
        what = str(node.get("name") or node.get("uuid") or f"machine {index + 1}")
        report = _Told(document, place, what)
        yield from _fields(report, node)
        yield from _power(report, node)
        yield from _ports(report, node)
        yield from _properties(report, node)
        for kind, value in _identities(node):
            first = seen.setdefault((kind, value), index)
            if first != index or (kind == "ports" and _own_macs(node).count(value) > 1):
                other = document.locate(*path, first)
                text = (
                    f"{kind} {value} stands at two machines"
                    if first != index
                    else f"{kind} {value} stands twice"
                )
                yield report.error("BM-005", text, "Give each its own.", kind, value, other=other)


@dataclasses.dataclass(frozen=True)
class _Told:
    """Makes the findings about one machine."""

    document: Document
    path: tuple[str | int, ...]
    what: str

    def error(
        self,
        code: str,
        text: str,
        fix: str,
        *names: str,
        at: tuple[str | int, ...] = (),
        severity: Severity = Severity.ERROR,
        other: Location | None = None,
    ) -> Finding:
        places = (self.document.locate(*self.path, *(at or names[:1])), *((other,) if other else ()))
        return Finding(code, f"{self.what}: {text}", fix, severity, places, names)


def _own_macs(node: Mapping[Any, Any]) -> list[str]:
    ports = node.get("ports")
    found = (
        [port.get("address") for port in ports if isinstance(port, Mapping)]
        if isinstance(ports, list)
        else []
    )
    macs = node.get("mac")
    found += macs if isinstance(macs, list) else []
    return [str(mac).lower() for mac in found if mac]


def _identities(node: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """What two machines may not have in common."""
    yield from (("ports", mac) for mac in dict.fromkeys(_own_macs(node)))
    for key in ("name", "uuid"):
        if node.get(key):
            yield key, str(node[key])
    if node.get("pm_addr"):
        parts = [str(node.get(key) or "") for key in ("pm_addr", "pm_port", "pm_system_id", "pm_vm_name")]
        yield "pm_addr", " ".join(part for part in parts if part)


def _fields(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    for key in node:
        if key in _FIELDS or str(key).startswith(_DRIVER_FIELDS):
            continue
        near = did_you_mean(str(key), _FIELDS)
        names = (str(key), *re.findall(r"mean (\w+)", near))
        yield report.error("BM-002", f"{key} is no field of a machine", near or "Remove it.", *names)


def _power(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    kind = node.get("pm_type")
    if not kind:
        yield report.error("BM-003", "it has no pm_type", "Add pm_type: ipmi or redfish.", "pm_type")
        return
    if kind not in _TYPES:
        fix = did_you_mean(str(kind), _TYPES) or f"Known are {', '.join(sorted(_TYPES))}."
        yield report.error("BM-010", f"pm_type {kind} is not known", fix, "pm_type", str(kind))
    for field in _TYPES.get(str(kind), ()):
        prefixed = any(str(key).startswith(_DRIVER_FIELDS) for key in node)
        if node.get(field) in (None, "") and not prefixed:
            yield report.error("BM-003", f"it has no {field}, which {kind} needs", f"Add {field}.", field)
    port = node.get("pm_port")
    if port not in (None, "") and not (str(port).isdecimal() and 0 < int(port) < 65536):
        yield report.error("BM-011", f"pm_port {port} is no port", "Write a number.", "pm_port")
    where = str(node.get("pm_addr") or "")
    if where and re.fullmatch(r"[0-9.]+", where) and address(where) is None:
        yield report.error("BM-004", f"pm_addr {where} is no address", "Write an address.", "pm_addr")


def _ports(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    ports = node.get("ports", [])
    if not isinstance(ports, list) or not all(isinstance(port, Mapping) for port in ports):
        fix = "Write ports: [{address: 52:54:00:00:00:01}]."
        yield report.error("BM-012", "ports is no list of maps", fix, "ports")
    else:
        for port in ports:
            for key in port:
                if key not in _PORT_FIELDS:
                    fix = did_you_mean(str(key), _PORT_FIELDS) or "Remove it."
                    yield report.error("BM-002", f"{key} is no field of a port", fix, "ports", str(key))
            if not port.get("address"):
                yield report.error(
                    "BM-004", "a port has no address", "Add its MAC address.", "ports", "address"
                )
    for mac in _own_macs(node):
        if not MAC.fullmatch(mac):
            text = f"{mac} is no MAC address"
            yield report.error("BM-004", text, "Write six pairs of hexadecimal digits.", "ports", mac)


def _properties(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    for key in ("cpu", "memory", "disk"):
        value = node.get(key)
        if value not in (None, "") and not (str(value).isdecimal() and int(value) > 0):
            yield report.error("BM-011", f"{key} {value} is no number above zero", "Write a number.", key)
    given = node.get("capabilities")
    if isinstance(given, str):
        for part in given.split(","):
            if part.strip() and not _CAPABILITY.fullmatch(part.strip()):
                text = f"the capability {part.strip()!r} is no key and value with a colon between them"
                yield report.error("BM-007", text, "Write profile:compute,boot_option:local.", "capabilities")
    elif given is not None and not isinstance(given, Mapping):
        yield report.error(
            "BM-007", "capabilities are neither text nor a map", "Write profile:compute.", "capabilities"
        )
    hints = node.get("root_device")
    if hints is not None and not isinstance(hints, Mapping):
        yield report.error(
            "BM-008", "root_device is no map of hints", "Write root_device: {name: /dev/sda}.", "root_device"
        )
    for hint, value in hints.items() if isinstance(hints, Mapping) else ():
        if hint not in _HINTS:
            fix = did_you_mean(str(hint), _HINTS) or f"Known are {', '.join(_HINTS)}."
            text = f"the hint {hint} for the root device is not known"
            yield report.error("BM-008", text, fix, "root_device", str(hint), at=("root_device", hint))
        elif hint == "size" and not re.fullmatch(
            r"\s*(?:(?:[<>=!]=|[<>=])?\s*\d+|s[<>=!]+.*|<or>.*)", str(value)
        ):
            text = f"the hint size is {value!r}, no number of GiB"
            yield report.error(
                "BM-008", text, "Write a number.", "root_device", "size", at=("root_device", "size")
            )


def machines(document: Document) -> list[Machine]:
    """The machines that can be told apart, with what deployment asks of them."""
    found = []
    for index, node in enumerate(listed(document)[0]):
        if isinstance(node, Mapping):
            found.append(
                Machine(
                    str(node.get("name") or f"#{index}"),
                    str(node.get("uuid") or ""),
                    str(node.get("resource_class") or _DEFAULT_CLASS),
                    _capabilities(node),
                )
            )
    return found


def _capabilities(node: Mapping[Any, Any]) -> dict[str, str]:
    given = node.get("capabilities")
    found: dict[str, str] = {}
    if isinstance(given, str):
        found = {
            key.strip(): value.strip()
            for key, _, value in (part.partition(":") for part in given.split(","))
            if key
        }
    elif isinstance(given, Mapping):
        found = {str(key): str(value) for key, value in given.items()}
    if node.get("profile"):
        found["profile"] = str(node["profile"])
    return found


@dataclasses.dataclass(frozen=True)
class _Demand:
    """One node that a role wants."""

    role: str
    resource_class: str
    capabilities: tuple[tuple[str, str], ...]
    machine: str = ""
    path: tuple[str | int, ...] = ()

    def fits(self, machine: Machine) -> bool:
        if self.machine:
            return self.machine in (machine.name, machine.uuid)
        if machine.resource_class != self.resource_class:
            return False
        return all(machine.capabilities.get(key) == value for key, value in self.capabilities)

    def without_capabilities(self) -> _Demand:
        return dataclasses.replace(self, capabilities=())


def _demands(subject: Subject) -> list[_Demand]:
    """Every node that has to be provisioned."""
    baremetal = subject.plan.baremetal
    if baremetal is None:
        return [
            _Demand(role, _DEFAULT_CLASS, ())
            for role, count in subject.composition.counts.items()
            for _ in range(max(0, count))
        ]
    found = []
    for index, role in enumerate(baremetal.value if isinstance(baremetal.value, list) else ()):
        if isinstance(role, Mapping) and isinstance(role.get("name"), str):
            found += list(_of_role(role, index))
    return found


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
            str(data.get("resource_class") or _DEFAULT_CLASS),
            tuple(sorted((str(key), str(value)) for key, value in capabilities.items())),
            str(given.get("name") or "") if given.get("hostname") else "",
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
    lacking = _unplaced([each.without_capabilities() for each in wanted], known)
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
        asked = ", ".join(f"{key}:{value}" for key, value in first.capabilities)
        text = (
            f"the role {role} wants machines with {asked}, and there are {len(demands)} fewer than it needs"
        )
        values = [value for _, value in first.capabilities]
        names = [key for key, _ in first.capabilities]
        yield _short(
            subject,
            "BM-022",
            text,
            "Give more machines that profile.",
            demands,
            *names,
            "capabilities",
            *values,
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
    },
    reads=("baremetal_deployment", "networks"),
    source="tripleo-ansible: module_utils/baremetal_deploy.py",
)
def deployment(subject: Subject) -> Iterator[Finding]:
    """What the deployment file says of single nodes."""
    baremetal = subject.plan.baremetal
    for index, role in enumerate(baremetal.value if baremetal and isinstance(baremetal.value, list) else ()):
        if not isinstance(role, Mapping):
            continue
        defaults = role.get("defaults") if isinstance(role.get("defaults"), Mapping) else {}
        assert baremetal is not None, "its roles are gone through"
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


def _attached(subject: Subject, document: Document, role: Mapping[str, Any], index: int) -> Iterator[Finding]:
    networks = {net.name_lower: net for net in subject.plan.networks if net.enabled}
    networks |= {net.name: net for net in subject.plan.networks if net.enabled}
    instances = role.get("instances")
    parts: list[tuple[tuple[str | int, ...], Any]] = [((index, "defaults"), role.get("defaults"))]
    parts += [
        ((index, "instances", n), each)
        for n, each in enumerate(instances if isinstance(instances, list) else ())
    ]
    for path, data in parts:
        listed_ports = data.get("networks") if isinstance(data, Mapping) else None
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
