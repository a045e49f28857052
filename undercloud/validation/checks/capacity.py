"""What a plan takes against what there is: of the registered machines, and of the provisioning network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.topology.machines import listed
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import finding
from undercloud.validation.checks.nodes import described, to_provision
from undercloud.validation.checks.nova import LISTS, SETS, cpus, reserved_memory
from undercloud.validation.checks.undercloud_subnets import room
from undercloud.validation.subject import Subject


@check(
    {"NET-028": "The provisioning network has an address for every node"},
    reads=("undercloud_conf", "ROLECount", "baremetal_deployment"),
    source="TripleO's client: undercloud_config.py, allocation pools",
)
def provisioning(subject: Subject) -> Iterator[Finding]:
    """The nodes against what the undercloud hands out."""
    conf, composition = subject.undercloud, subject.composition
    if conf is None:
        return
    free = sum(room(conf, name) for name in conf.subnets)
    counts = {role: count for role, count in composition.counts.items() if count > 0}
    needed = to_provision(subject)
    if 0 < free < needed:
        parts = ", ".join(f"{count} {role}" for role, count in counts.items())
        text = f"the provisioning network has {free} addresses for nodes, and {needed} are needed ({parts})"
        names = ("dhcp_start", "dhcp_end", *(f"{role}Count" for role in counts))
        places = [conf.locate(name, subnet) for subnet in conf.subnets for name in names[:2]]
        places += [place for name in names[2:] for place in composition.locate(name)]
        fix = "Extend the range of dhcp_start and dhcp_end."
        yield Finding("NET-028", text, fix, Severity.ERROR, tuple(dict.fromkeys(places)), names)


@check(
    {
        "BM-030": "A machine has the memory that is reserved on it",
        "BM-031": "A machine has the CPUs that are named",
        "BM-033": "A machine has the disk for its root",
    },
    reads=("nodes", "baremetal_deployment", "NovaReservedHostMemory", "KernelArgs", *SETS, *LISTS),
    source="Ironic: properties of nodes; Nova configuration reference: reserved_host_memory_mb",
)
def capacity(subject: Subject) -> Iterator[Finding]:
    """Memory and CPUs of compute roles, where every machine says what it has."""
    if subject.nodes is None:
        return
    nodes = [node for node in listed(subject.nodes)[0] if isinstance(node, Mapping)]
    memory, cpu = _largest(nodes, "memory"), _largest(nodes, "cpu")
    composition = subject.composition
    yield from _roots(subject, _largest(nodes, "disk"))
    for role in sorted(composition.running.get("NovaCompute", ())):
        name = "NovaReservedHostMemory"
        for what, wanted, names in (
            (name, _number(composition.value(name, role)), [name]),
            ("KernelArgs", reserved_memory(str(composition.value("KernelArgs", role) or "")), ["KernelArgs"]),
        ):
            if memory is not None and wanted is not None and wanted >= memory:
                text = f"{what} takes {wanted:.0f} MB on {role}, and the largest registered machine has {memory:.0f} MB"
                yield finding(
                    composition, "BM-030", text, "Take less, or register larger machines.", names, role
                )
        for name in (*SETS, *LISTS):
            try:
                highest = max(cpus(composition.value(name, role)), default=-1)
            except ValueError:
                continue
            if cpu is not None and highest >= cpu:
                text = f"{name} names CPU {highest}, and the largest registered machine has {cpu:.0f} (0 to {cpu - 1:.0f})"
                yield finding(composition, "BM-031", text, "Name CPUs that are there.", [name], role)


def _roots(subject: Subject, disk: float | None) -> Iterator[Finding]:
    for document, path, data in described(subject):
        size = _number(data.get("root_size_gb"))
        if disk is not None and size is not None and size > disk:
            text = (
                f"root_size_gb is {size:.0f}, and the largest registered machine has a disk of {disk:.0f} GB"
            )
            place = document.locate(*path, "root_size_gb")
            names = ("root_size_gb", "disk")
            yield Finding(
                "BM-033", text, "Take less, or register larger machines.", Severity.ERROR, (place,), names
            )


def _largest(nodes: list[Mapping[Any, Any]], key: str) -> float | None:
    """The largest of a property; None where a machine does not say."""
    found = [_number(node.get(key)) for node in nodes]
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
