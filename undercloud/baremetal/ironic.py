"""Ironic's API, as far as it is used here: values with types instead of resources, errors with their request.

Which states a machine may have and what leads from one to the other is
Ironic's own matter (https://docs.openstack.org/ironic/latest/user/states.html).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.baremetal import errors
from undercloud.topology.facts import Facts
from undercloud.topology.machines import capabilities_of

_STATE = [
    *(
        "uuid",
        "name",
        "provision_state",
        "power_state",
        "target_power_state",
        "maintenance",
        "maintenance_reason",
        "last_error",
    ),
    *("resource_class", "instance_uuid", "clean_step", "deploy_step", "target_provision_state"),
]
INTERFACES = (
    *("bios", "boot", "console", "deploy", "inspect", "management"),
    *("network", "power", "raid", "rescue", "storage", "vendor"),
)
"""The kinds of interfaces that a machine's registration may choose."""
SETTINGS = ("owner", "lessee", "description", "automated_clean")
"""What else a machine's registration may say of it."""
_MORE = [
    *("driver", "driver_info", "properties", "extra", "traits", "conductor_group"),
    *(f"{kind}_interface" for kind in INTERFACES),
    *("instance_info", "raid_config", *SETTINGS),
]
Patch = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Access:
    """Where Ironic is and who we are there; without a user name it asks for none."""

    endpoint: str
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    ca_file: str = ""


@dataclasses.dataclass(frozen=True)
class Machine:
    """A node of Ironic's; from ``driver`` on its fields are empty where only the states were asked for.

    ``interfaces`` are what it has of each kind of :data:`INTERFACES`. ``target_state`` is the provision state
    that it is on its way to; empty where it is at rest. ``raid`` are the logical disks that were made last,
    as its RAID interface gave account of them. ``settings`` are those of :data:`SETTINGS`.
    """

    uuid: str
    name: str
    provision_state: str
    power_state: str = ""
    target_power: str = ""
    maintenance: bool = False
    maintenance_reason: str = ""
    last_error: str = ""
    resource_class: str = ""
    instance_uuid: str = ""
    driver: str = ""
    driver_info: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    interfaces: Mapping[str, str] = dataclasses.field(default_factory=dict)
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    instance_info: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    traits: tuple[str, ...] = ()
    conductor_group: str = ""
    step: str = ""
    target_state: str = ""
    raid: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return self.name or self.uuid

    @property
    def capabilities(self) -> dict[str, str]:
        """Its capabilities as a map."""
        return capabilities_of(self.properties)

    @property
    def boot_interface(self) -> str:
        """How it boots."""
        return self.interfaces.get("boot", "")

    @property
    def root_device(self) -> Mapping[str, Any]:
        """The hints for its root disk."""
        hints = self.properties.get("root_device")
        return hints if isinstance(hints, Mapping) else {}


@dataclasses.dataclass(frozen=True)
class Port:
    """A network card of a machine; ``boots`` is Ironic's ``pxe_enabled``: on the provisioning network."""

    address: str
    boots: bool = True


def provisioning_port(ports: Sequence[Port], facts: Facts | None) -> str:
    """The MAC address of the card that a machine is provisioned over; empty where it has none.

    Those that boot come first, then those that an inspection saw no empty socket of, then the order.
    """
    unplugged = {nic.mac for nic in facts.nics if not nic.link} if facts else set()
    best = sorted(ports, key=lambda port: (not port.boots, port.address in unplugged))
    return best[0].address if best else ""


@dataclasses.dataclass(frozen=True)
class Allocation:
    """What Ironic gave on demand; ``node`` is the machine's UUID, empty until it has one."""

    uuid: str
    name: str
    state: str
    node: str = ""
    last_error: str = ""


class Ironic:
    """One Ironic; every method raises a kind of ``errors.IronicError``. May be used by several threads."""

    def __init__(self, access: Access) -> None:
        self.access = access
        from undercloud.baremetal import client  # noqa: PLC0415 - heavy, and few commands need it

        self._told = client.told
        with self._told(f"log in at {access.endpoint}"):
            self._client = client.open_client(
                access.endpoint, access.username, access.password, access.ca_file
            )

    def machines(self, *, full: bool = True) -> list[Machine]:
        """All machines, by name."""
        fields = _STATE + (_MORE if full else [])
        with self._told("list the machines"):
            found = self._client.node.list(fields=fields, limit=0)
        return sorted(map(_machine, found), key=lambda one: (one.name, one.uuid))

    def machine(self, name: str) -> Machine:
        """One machine by name or UUID."""
        with self._told(f"show {name}"):
            return _machine(self._client.node.get(name, fields=_STATE + _MORE))

    def drivers(self) -> frozenset[str]:
        """The hardware types that it has, as its configuration enables them."""
        with self._told("list the drivers"):
            return frozenset(one.name for one in self._client.driver.list())

    def ports(self) -> dict[str, tuple[Port, ...]]:
        """Machine's UUID → its ports."""
        found: dict[str, tuple[Port, ...]] = {}
        with self._told("list the ports"):
            for port in self._client.port.list(fields=["address", "node_uuid", "pxe_enabled"], limit=0):
                made = Port(port.address.lower(), port.pxe_enabled is not False)
                found[port.node_uuid] = (*found.get(port.node_uuid, ()), made)
        return found

    def macs(self) -> dict[str, tuple[str, ...]]:
        """Machine's UUID → MAC addresses of its ports."""
        return {uuid: tuple(port.address for port in ports) for uuid, ports in self.ports().items()}

    def create(self, name: str, values: Mapping[str, Any]) -> Machine:
        """Enrol a machine."""
        with self._told(f"enrol {name}"):
            return _machine(self._client.node.create(name=name, **values))

    def update(self, name: str, patch: Patch) -> None:
        """Change a machine's fields by a JSON patch; an empty one changes nothing."""
        if patch:
            with self._told(f"change {name}"):
                self._client.node.update(name, patch)

    def set_traits(self, name: str, traits: Sequence[str]) -> None:
        """Give a machine exactly these traits."""
        with self._told(f"give {name} its traits"):
            self._client.node.set_traits(name, list(traits))

    def add_port(self, machine: Machine, values: Mapping[str, Any]) -> None:
        """Give a machine a port."""
        with self._told(f"give {machine.title} the port {values.get('address')}"):
            self._client.port.create(node_uuid=machine.uuid, **values)

    def delete(self, name: str) -> None:
        """Forget a machine."""
        with self._told(f"forget {name}"):
            self._client.node.delete(name)

    def move(self, name: str, verb: str, **arguments: Any) -> None:
        """Ask for a change of the provision state: manage, inspect, provide, clean, active, deleted, abort.

        It has begun when this returns. ``arguments`` are the client's: cleansteps, configdrive, deploysteps.
        """
        with self._told(f"{_VERBS.get(verb, verb)} {name}"):
            self._client.node.set_provision_state(name, verb, **arguments)

    def set_power(self, name: str, target: str, *, soft: bool = False) -> None:
        """Ask for power: on, off, reboot."""
        with self._told(f"power {name} {target}"):
            self._client.node.set_power_state(name, target, soft=soft)

    def set_maintenance(self, name: str, on: bool, reason: str = "") -> None:
        """Put a machine into maintenance, or take it out."""
        with self._told(f"change the maintenance of {name}"):
            self._client.node.set_maintenance(name, on, maint_reason=reason or None)

    def set_raid(self, name: str, wanted: Mapping[str, Any]) -> None:
        """Say which RAID the next cleaning is to make."""
        with self._told(f"set the RAID of {name}"):
            self._client.node.set_target_raid_config(name, dict(wanted))

    def bios(self, name: str) -> dict[str, str]:
        """The BIOS settings as Ironic saw them last."""
        with self._told(f"show the BIOS settings of {name}"):
            found = self._client.node.list_bios_settings(name)
            return {str(one["name"]): str(one["value"]) for one in found}

    def inventory(self, name: str) -> dict[str, Any]:
        """What the last inspection saw: ``inventory`` and ``plugin_data``; empty where there was none."""
        try:
            with self._told(f"show the inventory of {name}"):
                found: dict[str, Any] = self._client.node.get_inventory(name)
                return found
        except errors.UnknownError:
            return {}

    def last_failure(self, name: str) -> str:
        """What failed last, from a machine's history; empty if nothing did.

        Ironic (39) clears a machine's ``last_error`` when it turns it off, before it calls it failed.
        """
        with self._told(f"show the history of {name}"):
            events = self._client.node.get_history_list(name, detail=True)
        failures = [one for one in events if one.get("severity") == "ERROR"]
        return str(max(failures, key=lambda one: str(one["created_at"]))["event"]) if failures else ""

    def problems(self, name: str, interfaces: Iterable[str]) -> dict[str, str]:
        """Interface → why Ironic cannot use it on this machine."""
        with self._told(f"validate {name}"):
            answer = self._client.node.validate(name)
        told = {one: getattr(answer, one, None) or {} for one in interfaces}
        return {one: str(said.get("reason")) for one, said in told.items() if said.get("result") is False}

    def allocate(self, name: str, values: Mapping[str, Any]) -> Allocation:
        """Ask for a machine; Ironic decides a moment later."""
        with self._told(f"allocate a machine for {name}"):
            return _allocation(self._client.allocation.create(name=name, **values))

    def allocation(self, name: str) -> Allocation | None:
        """An allocation by name or UUID; None where there is none."""
        try:
            with self._told(f"show the allocation {name}"):
                return _allocation(self._client.allocation.get(name))
        except errors.UnknownError:
            return None

    def allocations(self) -> list[Allocation]:
        """All allocations."""
        with self._told("list the allocations"):
            return [_allocation(one) for one in self._client.allocation.list(limit=0)]

    def deallocate(self, name: str) -> None:
        """Forget an allocation; one that is gone already is fine."""
        with contextlib.suppress(errors.UnknownError), self._told(f"forget the allocation {name}"):
            self._client.allocation.delete(name)


_VERBS = {"active": "deploy", "deleted": "undeploy"}


def _machine(node: Any) -> Machine:
    data: Mapping[str, Any] = node.to_dict()
    step = data.get("deploy_step") or data.get("clean_step") or {}

    def text(key: str) -> str:
        return str(data.get(key) or "")

    return Machine(
        uuid=data["uuid"],
        name=text("name"),
        provision_state=data.get("provision_state") or "available",
        power_state=text("power_state"),
        target_power=text("target_power_state"),
        maintenance=bool(data.get("maintenance")),
        maintenance_reason=text("maintenance_reason"),
        last_error=text("last_error"),
        resource_class=text("resource_class"),
        instance_uuid=text("instance_uuid"),
        driver=text("driver"),
        driver_info=data.get("driver_info") or {},
        interfaces={kind: text(f"{kind}_interface") for kind in INTERFACES},
        properties=data.get("properties") or {},
        extra=data.get("extra") or {},
        instance_info=data.get("instance_info") or {},
        traits=tuple(sorted(data.get("traits") or ())),
        conductor_group=text("conductor_group"),
        step=str(step.get("step") or ""),
        target_state=text("target_provision_state"),
        raid=tuple((data.get("raid_config") or {}).get("logical_disks") or ()),
        settings={key: data.get(key) for key in SETTINGS},
    )


def _allocation(found: Any) -> Allocation:
    data: Mapping[str, Any] = found.to_dict()
    return Allocation(
        data["uuid"],
        data.get("name") or "",
        data.get("state") or "",
        data.get("node_uuid") or "",
        data.get("last_error") or "",
    )
