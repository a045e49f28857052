"""A registered machine as the file of machines would say it, without its passwords: what validation reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.baremetal.ironic import Machine, Port, provisioning_port
from undercloud.plan.secrets import SECRET_WORDS
from undercloud.topology.facts import GIB, Facts, root_disk
from undercloud.topology.machines import DRIVER_FIELDS
from undercloud.topology.placement import Candidate

_FREE = "available"


def entry_of(machine: Machine, ports: Sequence[Port], facts: Facts | None) -> dict[str, Any]:
    """The entry of a machine; sizes are those that its inspection saw, else those it was registered with."""
    info = {
        key: value
        for key, value in machine.driver_info.items()
        if key.startswith(DRIVER_FIELDS)
        and not any(word in key for word in SECRET_WORDS)
        and isinstance(value, str | int | bool)
    }
    disk = root_disk(facts, machine.root_device) if facts else None
    properties = machine.properties
    sizes = {
        "cpu": facts.cpus if facts else properties.get("cpus"),
        "memory": facts.memory if facts else properties.get("memory_mb"),
        "disk": disk.size // GIB if disk else properties.get("local_gb"),
        "arch": facts.architecture if facts else properties.get("cpu_arch"),
    }
    entry: dict[str, Any] = {
        "uuid": machine.uuid,
        "pm_type": machine.driver,
        **info,
        "mac": [port.address for port in ports],
        "resource_class": machine.resource_class,
        "capabilities": machine.capabilities,
        **{key: value for key, value in sizes.items() if value},
    }
    card = provisioning_port(ports, facts)
    told = next((nic.neighbour for nic in facts.nics if nic.mac == card), None) if facts else None
    if told:
        entry["switch_port"] = {"name": str(told), "vlans": list(told.vlans), "mtu": told.mtu}
    if machine.name:
        entry["name"] = machine.name
    if machine.root_device:
        entry["root_device"] = dict(machine.root_device)
    if machine.traits:
        entry["traits"] = list(machine.traits)
    return entry


def candidate_of(machine: Machine, facts: Facts | None, node: str) -> Candidate:
    """A machine as placement sees it; ``node`` is what it is already, empty for nothing."""
    return Candidate(
        name=machine.title,
        uuid=machine.uuid,
        resource_class=machine.resource_class,
        capabilities=machine.capabilities,
        traits=frozenset(machine.traits),
        conductor_group=machine.conductor_group,
        busy=_busy(machine, node),
        facts=facts,
        root_device=machine.root_device,
    )


def _busy(machine: Machine, node: str) -> str:
    if node:
        return f"it is {node}"
    if machine.maintenance:
        return f"in maintenance: {machine.maintenance_reason or 'no reason is given'}"
    if machine.provision_state != _FREE:
        return f"it is {machine.provision_state}, not available"
    if machine.instance_uuid:
        return "another has it"
    return ""


def root_disk_of(facts: Facts | None, hints: Mapping[str, Any]) -> str:
    """The very disk that the hints mean, for people; empty before the inspection."""
    if facts is None or not facts.disks:
        return ""
    disk = root_disk(facts, hints)
    return str(disk) if disk else "none that the hint means"
