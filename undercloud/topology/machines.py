"""Registered machines: the fields that each has, and what two of them may not have in common.

The format is that of TripleO's instackenv.json.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.topology.networks import is_address

_TABLES: Mapping[str, Any] = yaml.load(
    importlib.resources.files("undercloud.topology").joinpath("data/machines.yaml").read_text("utf-8"),
    Loader=yaml.CSafeLoader,
)
_FIELDS = frozenset(_TABLES["fields"])
DRIVER_FIELDS: tuple[str, ...] = tuple(_TABLES["driver_fields"])
"""What the fields of a driver's own begin with."""
_PORT_FIELDS: tuple[str, ...] = tuple(_TABLES["port_fields"])
_TYPES: Mapping[str, list[str]] = _TABLES["power_types"]
_HINTS: tuple[str, ...] = tuple(_TABLES["hints"])
_ARCHITECTURES: tuple[str, ...] = tuple(_TABLES["architectures"])
_INTERFACES: Mapping[str, list[str]] = _TABLES["interfaces"]
MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
"""The address of a network card."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REMOVED: Mapping[str, list[str]] = _TABLES["removed_interfaces"]
_FAMILIES: Mapping[str, list[str]] = _TABLES["interface_families"]
_VALUES: Mapping[str, list[str]] = _TABLES["capability_values"]
_NAME = re.compile(r"[A-Za-z0-9._~-]+")
_TRUTH = ("true", "false", "yes", "no", "1", "0")
_TRAIT = re.compile(r"[A-Z0-9_]{1,255}")
_CAPABILITY = re.compile(r"[^:,\s]+:[^,]*\S[^,]*|[^:,\s]+:")

DEFAULT_CLASS = "baremetal"
"""The resource class of a machine that names none."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """What deployment asks of one registered machine."""

    name: str
    uuid: str
    resource_class: str
    capabilities: Mapping[str, str]
    traits: frozenset[str] = frozenset()


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
        yield from _names(report, node)
        yield from _hints(report, node)
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
        if key in _FIELDS or str(key).startswith(DRIVER_FIELDS):
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
        prefixed = any(str(key).startswith(DRIVER_FIELDS) for key in node)
        if node.get(field) in (None, "") and not prefixed:
            yield report.error("BM-003", f"it has no {field}, which {kind} needs", f"Add {field}.", field)
    port = node.get("pm_port")
    if port not in (None, "") and not (str(port).isdecimal() and 0 < int(port) < 65536):
        yield report.error("BM-011", f"pm_port {port} is no port", "Write a number.", "pm_port")
    where = str(node.get("pm_addr") or "")
    if where and re.fullmatch(r"[0-9.]+", where) and not is_address(where):
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
            link, boots = port.get("local_link_connection"), port.get("pxe_enabled")
            if link not in (None, "") and not isinstance(link, Mapping):
                text = f"local_link_connection {link} of a port is no map"
                fix = "Write switch_id, port_id and switch_info."
                yield report.error("BM-012", text, fix, "ports", "local_link_connection")
            if boots is not None and str(boots).lower() not in _TRUTH:
                text = f"pxe_enabled {boots} of a port is neither true nor false"
                yield report.error("BM-012", text, "Write true or false.", "ports", "pxe_enabled")
            if not port.get("address"):
                yield report.error(
                    "BM-004", "a port has no address", "Add its MAC address.", "ports", "address"
                )
    if not _own_macs(node) and not ports and node.get("pm_type") not in (None, "manual-management"):
        text = "it has no ports: nothing tells which machine boots"
        fix = "Add ports: [{address: MAC}] of the provisioning interface."
        yield report.error("BM-012", text, fix, "ports", "mac", severity=Severity.WARNING)
    for mac in _own_macs(node):
        if MAC.fullmatch(mac) and (int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00"):
            text = f"{mac} is the address of a group or of none, not of a network card"
            yield report.error("BM-004", text, "Write the card's own address.", "ports", mac)
        if not MAC.fullmatch(mac):
            text = f"{mac} is no MAC address"
            yield report.error("BM-004", text, "Write six pairs of hexadecimal digits.", "ports", mac)


def _properties(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    for key in ("cpu", "memory", "disk"):
        value = node.get(key)
        if value not in (None, "") and not (str(value).isdecimal() and int(value) > 0):
            yield report.error("BM-011", f"{key} {value} is no number above zero", "Write a number.", key)
    arch = node.get("arch")
    if arch not in (None, "") and arch not in _ARCHITECTURES:
        fix = did_you_mean(str(arch), _ARCHITECTURES) or f"Known are {', '.join(_ARCHITECTURES)}."
        yield report.error("BM-011", f"arch {arch} is not known", fix, "arch")
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
    for key, value in profiled(node).items():
        if key in _VALUES and value.lower() not in _VALUES[key]:
            text = f"the capability {key} is {value}, which is not one of {', '.join(_VALUES[key])}"
            yield report.error("BM-007", text, f"Write {key}:{_VALUES[key][0]}.", "capabilities", key, value)


def _names(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    """What a machine is called, its traits and the interfaces of its driver."""
    uuid = node.get("uuid")
    if uuid not in (None, "") and not _UUID.fullmatch(str(uuid)):
        yield report.error("BM-011", f"uuid {uuid} is no UUID", "Remove it, or write one.", "uuid")
    name = str(node.get("name") or "")
    if name and not _NAME.fullmatch(name):
        fix = "Use letters, digits, hyphens, dots and underscores."
        yield report.error("BM-011", f"name {name!r} is no name of a machine", fix, "name")
    traits = node.get("traits")
    wrong = (
        [each for each in traits if not _TRAIT.fullmatch(str(each))] if isinstance(traits, list) else traits
    )
    if wrong:
        fix = "Write a list of names as CUSTOM_FAST or HW_CPU_X86_VMX."
        yield report.error("BM-011", f"traits has {wrong!r}, which is no list of traits", fix, "traits")
    for key, known in _INTERFACES.items():
        value = node.get(f"{key}_interface")
        if value and value not in known and (near := did_you_mean(str(value), known)):
            text = f"{key}_interface {value} is not known"
            yield report.error("BM-010", text, near, f"{key}_interface", str(value))
        elif value in _REMOVED.get(key, ()):
            text = f"{key}_interface {value} is no longer part of Ironic"
            yield report.error("BM-010", text, f"Use {known[0]}.", f"{key}_interface", str(value))
        kind, family = node.get("pm_type"), re.split(r"-|tool", str(value or ""))[0]
        if kind in _TYPES and kind not in _FAMILIES.get(family, (kind,)):
            text = f"{key}_interface {value} is not one of pm_type {kind}"
            names = (f"{key}_interface", "pm_type", str(value))
            yield report.error("BM-010", text, f"Remove it, or use {_FAMILIES[family][0]}.", *names)


def _hints(report: _Told, node: Mapping[Any, Any]) -> Iterator[Finding]:
    """Which disk is the machine's first."""
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
        elif hint == "rotational" and str(value).lower() not in _TRUTH:
            text = f"the hint rotational is {value!r}, neither true nor false"
            names = ("root_device", "rotational")
            yield report.error("BM-008", text, "Write true or false.", *names, at=names)
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
                    str(node.get("resource_class") or DEFAULT_CLASS),
                    profiled(node),
                    frozenset(map(str, traits if isinstance(traits := node.get("traits"), list) else ())),
                )
            )
    return found


def capabilities_of(data: Mapping[Any, Any]) -> dict[str, str]:
    """The capabilities of a machine, which are a map, or text as ``profile:compute,boot_option:local``."""
    given = data.get("capabilities")
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    parts = (part.partition(":") for part in given.split(",")) if isinstance(given, str) else ()
    return {key.strip(): value.strip() for key, _, value in parts if key.strip()}


def written(capabilities: Mapping[str, str]) -> str:
    """Capabilities as Ironic keeps them: text."""
    return ",".join(f"{key}:{value}" for key, value in capabilities.items())


def profiled(node: Mapping[Any, Any]) -> dict[str, str]:
    """The capabilities of a machine of the file, with its profile."""
    found = capabilities_of(node)
    if node.get("profile"):
        found["profile"] = str(node["profile"])
    return found
