"""What parameters take of a machine against what the registered machines have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.topology.machines import listed
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import finding
from undercloud.validation.checks.nova import LISTS, SETS, cpus, reserved_memory
from undercloud.validation.subject import Subject


@check(
    {
        "BM-030": "A machine has the memory that is reserved on it",
        "BM-031": "A machine has the CPUs that are named",
    },
    reads=("nodes", "NovaReservedHostMemory", "KernelArgs", *SETS, *LISTS),
    source="Ironic: properties of nodes; Nova configuration reference: reserved_host_memory_mb",
)
def capacity(subject: Subject) -> Iterator[Finding]:
    """Memory and CPUs of compute roles, where every machine says what it has."""
    if subject.nodes is None:
        return
    nodes = [node for node in listed(subject.nodes)[0] if isinstance(node, Mapping)]
    memory, cpu = _largest(nodes, "memory"), _largest(nodes, "cpu")
    composition = subject.composition
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
