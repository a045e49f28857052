"""An Ironic that lives in a file, so that it outlives who uses it; every look at it lets time pass.

It keeps what it was asked for, refuses what the real one refuses (409), and may be deadly: after so many
changes, its own and the database's, the process that makes them kills itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from undercloud.baremetal.errors import ConflictError, UnknownError
from undercloud.baremetal.ironic import (
    INTERFACES,
    SETTINGS,
    Access,
    Allocation,
    Ironic,
    Machine,
    Patch,
    Port,
)
from undercloud.db.database import Database

# Verb, from which states, by which state, to which one (see Ironic's own table of states).
_VERBS: Sequence[tuple[str, frozenset[str], str, str]] = (
    ("manage", frozenset({"enroll"}), "verifying", "manageable"),
    ("manage", frozenset({"available", "inspect failed", "clean failed"}), "manageable", ""),
    ("inspect", frozenset({"manageable", "inspect failed"}), "inspecting", "manageable"),
    ("clean", frozenset({"manageable"}), "cleaning", "manageable"),
    ("provide", frozenset({"manageable"}), "cleaning", "available"),
    ("active", frozenset({"available", "deploy failed"}), "deploying", "active"),
    ("deleted", frozenset({"active", "deploy failed", "error"}), "deleting", "available"),
)
_NEXT = {
    "inspecting": "inspect wait",
    "cleaning": "clean wait",
    "deploying": "wait call-back",
    "deleting": "cleaning",
}
_FAILED = {"inspecting": "inspect failed", "cleaning": "clean failed", "deploying": "deploy failed"}


class Deadly:
    """Kills the process at its change number ``at``; 0 never."""

    def __init__(self, at: int = 0) -> None:
        self._left = at

    def tick(self) -> None:
        """A change is about to be made, or has been."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, database: Database) -> None:
        """Count what the threads of deployments write there, too."""
        write = database.write

        @contextlib.contextmanager
        def watched() -> Iterator[Any]:
            with write() as session:
                yield session
            if threading.current_thread().name.startswith("deploy-"):
                self.tick()

        setattr(database, "write", watched)  # noqa: B010 - an instance's own


def _come_further(one: dict[str, Any]) -> None:
    state = one["provision_state"]
    if one["target_state"] and one["breaking"] and state in _FAILED:
        one |= {"provision_state": _FAILED[state], "target_state": "", "last_error": "it burns"}
    elif one["target_state"]:
        further = _NEXT.get(state, one["target_state"])
        one["provision_state"] = further
        if further == one["target_state"]:
            one["target_state"] = ""


class SimulatedIronic(Ironic):
    """The machines of a directory; ``deadly`` counts changes before and after they are made.

    In a ``hurry`` machines arrive at once. ``inventories`` are what inspections see, by name.
    """

    def __init__(self, directory: Path, deadly: Deadly | None = None, *, hurry: bool = False) -> None:
        self._hurry = hurry
        self.inventories: dict[str, dict[str, Any]] = {}
        self.access = Access("http://192.0.2.1:6385")
        self._file = directory / "ironic.json"
        self._deadly = deadly or Deadly()
        self._guard = threading.RLock()  # several threads ask at once
        if not self._file.exists():
            self._file.write_text(json.dumps({"machines": {}, "allocations": {}, "asked": [], "breaks": {}}))

    def _load(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self._file.read_text())
        return data

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        with self._guard:
            self._deadly.tick()
            data = self._load()
            yield data
            self._store(data)
            self._deadly.tick()

    def _store(self, data: Mapping[str, Any]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(data))
        new.replace(self._file)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What was asked for and begun: machine and verb."""
        return [(machine, verb) for machine, verb in self._load()["asked"]]

    def breaks(self, **verbs: str) -> None:
        """Let machines fail whenever they are asked for a verb; without one they are mended."""
        data = self._load()
        self._store({**data, "breaks": verbs})

    def machines(self, *, full: bool = True) -> list[Machine]:
        """All machines; those that are on their way have come further."""
        with self._guard:
            data = self._load()
            for one in data["machines"].values():
                _come_further(one)
            self._store(data)
        fields = {each.name for each in dataclasses.fields(Machine)}
        return [
            Machine(
                **{key: value for key, value in one.items() if key in fields},
                interfaces={kind: one.get(f"{kind}_interface", "") for kind in INTERFACES},
                settings={key: one.get(key) for key in SETTINGS},
            )
            for _, one in sorted(data["machines"].items())
        ]

    def machine(self, name: str) -> Machine:
        """One machine by name or UUID."""
        found = next((one for one in self.machines() if name in {one.uuid, one.name}), None)
        if found is None:
            raise UnknownError(f"show {name}", "not found")
        return found

    def put(self, name: str, **fields: Any) -> None:
        """Let a machine be otherwise, whoever made it so."""
        with self._change() as data:
            self._of(data, name).update(fields)

    def delete(self, name: str) -> None:
        """Forget a machine."""
        with self._change() as data:
            del data["machines"][self._of(data, name)["name"]]

    def drivers(self) -> frozenset[str]:
        """As ours enables them, with the fake one."""
        return frozenset({"fake-hardware", "ipmi", "redfish"})

    def ports(self) -> dict[str, tuple[Port, ...]]:
        """Machine's UUID → its ports, which boot."""
        return {one["uuid"]: tuple(map(Port, one["ports"])) for one in self._load()["machines"].values()}

    def create(self, name: str, values: Mapping[str, Any]) -> Machine:
        """Enrol a machine."""
        with self._change() as data:
            if name in data["machines"]:
                raise ConflictError(f"enrol {name}", "a node with this name already exists")
            data["machines"][name] = {
                "uuid": f"00000000-0000-4000-8000-{len(data['machines']):012d}",
                "name": name,
                "provision_state": "enroll",
                "target_state": "",
                "power_state": "power off",
                "resource_class": "baremetal",
                "ports": [],
                "breaking": "",
                **values,
            }
            data["asked"].append((name, "enrol"))
        return next(one for one in self.machines() if one.name == name)

    def add_port(self, machine: Machine, values: Mapping[str, Any]) -> None:
        """Give a machine a port; another machine's is refused."""
        with self._change() as data:
            if any(values["address"] in one["ports"] for one in data["machines"].values()):
                raise ConflictError(f"give {machine.title} a port", "a port with this address exists")
            self._of(data, machine.uuid)["ports"].append(values["address"])

    def update(self, name: str, patch: Patch) -> None:
        """Change a machine's fields."""
        with self._change() as data:
            for each in patch:
                path = str(each["path"]).strip("/").split("/")
                place: dict[str, Any] = self._of(data, name)
                for key in path[:-1]:
                    place = place.setdefault(key, {})
                place[path[-1]] = each["value"]

    def move(self, name: str, verb: str, **arguments: Any) -> None:
        """Begin a change of the provision state; 409 where the state does not allow it."""
        with self._change() as data:
            one = self._of(data, name)
            for known, states, by, to in _VERBS:
                if known == verb and one["provision_state"] in states:
                    breaking = data["breaks"].get(one["name"].replace("-", "_")) == verb
                    one |= {"provision_state": by, "target_state": to, "last_error": "", "breaking": breaking}
                    break
            else:
                raise ConflictError(f"{verb} {name}", f"it is {one['provision_state']}")
            if self._hurry and one["target_state"]:
                one |= {"provision_state": one["target_state"], "target_state": ""}
            if verb == "deleted":
                one["instance_uuid"] = ""
            data["asked"].append((one["name"], verb))

    def set_power(self, name: str, target: str, *, soft: bool = False) -> None:
        """Switch at once."""
        with self._change() as data:
            self._of(data, name)["power_state"] = "power off" if target == "off" else "power on"
            data["asked"].append((name, f"{'soft ' if soft else ''}power {target}"))

    def set_maintenance(self, name: str, on: bool, reason: str = "") -> None:
        """Keep it."""
        with self._change() as data:
            self._of(data, name).update(maintenance=on, maintenance_reason=reason)

    def set_raid(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Keep that it was asked for, and have it."""
        with self._change() as data:
            data["asked"].append((name, f"raid {dict(wanted)}"))
            self._of(data, name).update(raid=wanted["logical_disks"])

    def bios(self, name: str) -> dict[str, str]:
        """One setting."""
        return {"ProcVirtualization": "Enabled"}

    def inventory(self, name: str) -> dict[str, Any]:
        """What the inspection of a machine sees, where a test says it."""
        return self.inventories.get(self.machine(name).name, {}) if self.inventories else {}

    def last_failure(self, name: str) -> str:
        """None is remembered."""
        return ""

    def problems(self, name: str, interfaces: Any) -> dict[str, str]:
        """None."""
        return {}

    def allocate(self, name: str, values: Mapping[str, Any]) -> Allocation:
        """Give the machine that is asked for, at once."""
        with self._change() as data:
            (uuid,) = values["candidate_nodes"]
            if name in data["allocations"] or self._of(data, uuid).get("instance_uuid"):
                raise ConflictError(f"allocate {name}", "it is taken")
            self._of(data, uuid)["instance_uuid"] = name
            data["allocations"][name] = uuid
        return Allocation(name, name, "active", uuid)

    def allocations(self) -> list[Allocation]:
        """All of them."""
        return [Allocation(name, name, "active", uuid) for name, uuid in self._load()["allocations"].items()]

    def allocation(self, name: str) -> Allocation | None:
        """One of them."""
        return next((one for one in self.allocations() if one.name == name), None)

    def deallocate(self, name: str) -> None:
        """Forget one."""
        with self._change() as data:
            data["allocations"].pop(name, None)

    @staticmethod
    def _of(data: Mapping[str, Any], name: str) -> dict[str, Any]:
        machines: dict[str, dict[str, Any]] = data["machines"]
        return machines.get(name) or next(one for one in machines.values() if one["uuid"] == name)
