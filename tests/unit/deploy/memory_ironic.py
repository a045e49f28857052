"""An Ironic in memory: what it is asked for is done at once, and by the rules of its states."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.baremetal.errors import ConflictError, UnknownError
from undercloud.baremetal.ironic import Access, Allocation, Ironic, Machine, Patch

_AFTER = {
    ("enroll", "manage"): "manageable",
    ("available", "manage"): "manageable",
    ("manageable", "provide"): "available",
    ("manageable", "inspect"): "manageable",
    ("manageable", "clean"): "manageable",
}
_FIELDS = {field.name for field in dataclasses.fields(Machine)}


class MemoryIronic(Ironic):
    """Machines by UUID; ``asked`` has the changes of states that it was asked for."""

    def __init__(self) -> None:
        self.access = Access("https://192.0.2.1:6385")
        self.kept: dict[str, Machine] = {}
        self.macs: dict[str, tuple[str, ...]] = {}
        self.inventories: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []

    def machines(self, *, full: bool = True) -> list[Machine]:
        return sorted(self.kept.values(), key=lambda one: (one.name, one.uuid))

    def machine(self, name: str) -> Machine:
        found = next((one for one in self.kept.values() if name in {one.uuid, one.name}), None)
        if found is None:
            raise UnknownError(f"show {name}", "not found")
        return found

    def ports(self) -> dict[str, tuple[str, ...]]:
        return dict(self.macs)

    def create(self, name: str, values: Mapping[str, Any]) -> Machine:
        own = {key: value for key, value in values.items() if key in _FIELDS}
        made = Machine(**{"uuid": str(uuid.uuid4()), "provision_state": "enroll", **own, "name": name})
        self.kept[made.uuid] = made
        return made

    def update(self, name: str, patch: Patch) -> None:
        for change in patch:
            field, _, key = change["path"][1:].partition("/")
            if field in _FIELDS:
                value = (
                    {**getattr(self.machine(name), field), key: change["value"]} if key else change["value"]
                )
                self._set(name, **{field: value})

    def set_traits(self, name: str, traits: Sequence[str]) -> None:
        self._set(name, traits=tuple(traits))

    def add_port(self, machine: Machine, values: Mapping[str, Any]) -> None:
        self.macs[machine.uuid] = (*self.macs.get(machine.uuid, ()), values["address"])

    def delete(self, name: str) -> None:
        del self.kept[self.machine(name).uuid]

    def move(self, name: str, verb: str, **arguments: Any) -> None:
        state = _AFTER.get((self.machine(name).provision_state, verb))
        if state is None:
            raise ConflictError(f"{verb} {name}", "not possible in its state")
        self.asked.append((name, verb))
        self._set(name, provision_state=state)

    def set_power(self, name: str, target: str, *, soft: bool = False) -> None:
        self.asked.append((name, f"{'soft ' if soft else ''}{target}"))
        self._set(name, power_state="power off" if target == "off" else "power on")

    def set_maintenance(self, name: str, on: bool, reason: str = "") -> None:
        self._set(name, maintenance=on, maintenance_reason=reason)

    def set_raid(self, name: str, wanted: Mapping[str, Any]) -> None:
        self.asked.append((name, f"raid {wanted}"))

    def bios(self, name: str) -> dict[str, str]:
        return {"ProcVirtualization": "Enabled"}

    def inventory(self, name: str) -> dict[str, Any]:
        return self.inventories.get(self.machine(name).name, {})

    def allocations(self) -> list[Allocation]:
        return []

    def _set(self, name: str, **changes: Any) -> None:
        found = self.machine(name)
        self.kept[found.uuid] = dataclasses.replace(found, **changes)
