"""TripleO's file of machines: JSON, YAML or CSV, checked as a whole, as Ironic takes its entries.

Source: tripleo-common (utils/nodes.py), the documentation of instackenv.json, and of Ironic's drivers.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.baremetal.ironic import INTERFACES
from undercloud.diagnostics import Finding, Location, Severity, UndercloudError
from undercloud.plan import documents
from undercloud.plan.documents import Document
from undercloud.topology import machines
from undercloud.topology.machines import DEFAULT_CLASS

_CSV = ("pm_type", "pm_addr", "pm_user", "pm_password", "mac")
"""TripleO's columns; a first line with names may say others."""
_DRIVERS = {
    "ipmitool": "ipmi",
    "pxe_ipmitool": "ipmi",
    "drac": "idrac",
    "pxe_drac": "idrac",
    "pxe_ilo": "ilo",
    "pxe_irmc": "irmc",
    "fake": "fake-hardware",
}
_PREFIX = {"ipmi": "ipmi", "redfish": "redfish", "idrac": "drac", "ilo": "ilo", "ilo5": "ilo", "irmc": "irmc"}
_BOOT = {"redfish": "redfish-virtual-media", "idrac": "idrac-redfish-virtual-media"}
"""How machines boot whose file says nothing. Ironic would take iPXE where it has it, which needs DHCP."""
_SAME = ("resource_class", "conductor_group", "owner", "lessee", "description", "automated_clean", "extra")
_PROPERTIES = {"cpu": "cpus", "memory": "memory_mb", "disk": "local_gb", "arch": "cpu_arch"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A machine to be: ``values`` are Ironic's fields of a node, ``ports`` those of its ports."""

    name: str
    values: Mapping[str, Any] = dataclasses.field(repr=False)
    ports: tuple[Mapping[str, Any], ...]
    traits: tuple[str, ...] = ()
    location: Location | None = dataclasses.field(default=None, compare=False)

    @property
    def macs(self) -> tuple[str, ...]:
        """The addresses of its ports."""
        return tuple(port["address"] for port in self.ports)


def read(text: str, file: str) -> list[Entry]:
    """The machines of a file, as :func:`judged` reads it."""
    return judged(text, file)[0]


def judged(text: str, file: str) -> tuple[list[Entry], list[Finding]]:
    """The machines of a file, and warnings about them.

    Its name says the form: .json, .csv, anything else is YAML. UndercloudError with everything that is wrong
    with it (BM-001 … BM-012).
    """
    document = _document(text, file)
    found = list(machines.registered(document))
    if any(finding.severity is Severity.ERROR for finding in found):
        raise UndercloudError(*found)
    nodes, path = machines.listed(document)
    entries = [
        dataclasses.replace(entry(node, number), location=document.locate(*path, number, "pm_type"))
        for number, node in enumerate(nodes)
    ]
    return entries, found


def _document(text: str, file: str) -> Document:
    if file.endswith(".csv"):
        return _of_csv(text, file)
    # In JSON a tab may only stand between values, where YAML takes blanks.
    return documents.parse(text.replace("\t", " ") if file.endswith(".json") else text, file)


def _of_csv(text: str, file: str) -> Document:
    """The rows as a YAML list that has each of them on its own line, so that findings name it."""
    reader = csv.reader(io.StringIO(text))
    columns: tuple[str, ...] = _CSV
    lines: list[str] = []
    findings: list[Finding] = []
    for row in reader:
        cells = [cell.strip() for cell in row]
        named = reader.line_num == 1 and set(cells) & {*_CSV, "name"}
        if named:
            columns = tuple(cells)
        if named or not any(cells):
            lines.append("")
            continue
        if len(cells) > len(columns):
            text = f"row {reader.line_num} has {len(cells)} columns, and there are {len(columns)}"
            findings.append(Finding("BM-001", text, f"The columns are {', '.join(columns)}."))
        node: dict[str, Any] = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        if "mac" in node:
            node["mac"] = node["mac"].split()
        if "traits" in node:
            node["traits"] = node["traits"].split()
        lines += [""] * (reader.line_num - len(lines) - 1) + [f"- {json.dumps(node)}"]
    if findings:
        raise UndercloudError(*findings)
    return documents.parse("\n".join(lines), file)


def entry(node: Mapping[str, Any], number: int = 0) -> Entry:
    """One machine of a file that has been checked; its ``number`` names it where nothing else does."""
    driver = _DRIVERS.get(str(node["pm_type"]), str(node["pm_type"]))
    values: dict[str, Any] = {
        "driver": driver,
        "driver_info": _driver_info(node, driver),
        "properties": _properties(node),
        "resource_class": DEFAULT_CLASS,
    }
    if driver in _BOOT:
        values["boot_interface"] = _BOOT[driver]
    values |= {key: node[key] for key in _SAME if node.get(key) not in (None, "")}
    values |= {
        f"{kind}_interface": node[f"{kind}_interface"] for kind in INTERFACES if node.get(f"{kind}_interface")
    }
    if node.get("uuid"):
        values["uuid"] = str(node["uuid"])
    if node.get("platform") or node.get("rack"):
        more = {key: node[key] for key in ("platform", "rack") if node.get(key)}
        values["extra"] = {**(values.get("extra") or {}), **more}
    traits = tuple(map(str, node.get("traits") or ()))
    ports = tuple(_ports(node))
    return Entry(str(node.get("name") or _name(ports, number)), values, ports, traits)


def _name(ports: Sequence[Mapping[str, Any]], number: int) -> str:
    """The name of a machine that has none, the same in every file that has it."""
    return f"machine-{ports[0]['address'].replace(':', '')}" if ports else f"machine-{number}"


def _driver_info(node: Mapping[str, Any], driver: str) -> dict[str, Any]:
    """``pm_*`` by the driver's own names; what has a driver's prefix already stays as it is."""
    info = {
        str(key): value
        for key, value in node.items()
        if str(key).startswith(machines.DRIVER_FIELDS) and value not in (None, "")
    }
    prefix = _PREFIX.get(driver, driver.replace("-hardware", ""))
    address, port = str(node.get("pm_addr") or ""), str(node.get("pm_port") or "")
    if driver in ("redfish",):
        if address and "://" not in address:
            address = f"https://{address}"
        if address and port:
            address = f"{address.rstrip('/')}:{port}"
        port = ""
        if node.get("pm_system_id"):
            system = str(node["pm_system_id"])
            info["redfish_system_id"] = system if system.startswith("/") else f"/redfish/v1/Systems/{system}"
    names = {"pm_user": f"{prefix}_username", "pm_password": f"{prefix}_password"}
    info |= {name: str(node[key]) for key, name in names.items() if node.get(key) not in (None, "")}
    if address:
        info[f"{prefix}_address"] = address
    if port:
        info[f"{prefix}_port"] = port
    info |= {"deploy_kernel": node["kernel_id"]} if node.get("kernel_id") else {}
    info |= {"deploy_ramdisk": node["ramdisk_id"]} if node.get("ramdisk_id") else {}
    return {**info, **(node.get("driver_info") or {})}


def _properties(node: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: node[key] for key, name in _PROPERTIES.items() if node.get(key) not in (None, "")}
    capabilities = machines.profiled(node)
    if capabilities:
        found["capabilities"] = machines.written(capabilities)
    if node.get("root_device"):
        found["root_device"] = dict(node["root_device"])
    return {**found, **(node.get("properties") or {})}


def _ports(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = [dict(port) for port in node.get("ports") or ()]
    known = {str(port["address"]).lower() for port in given}
    given += [{"address": mac} for mac in node.get("mac") or () if str(mac).lower() not in known]
    network = node.get("physical_network")
    return [
        {
            **({"physical_network": network} if network else {}),
            **port,
            "address": str(port["address"]).lower(),
        }
        for port in given
    ]
