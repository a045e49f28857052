"""Making Ironic know machines: what is there already is found again and brought up to date."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from undercloud.baremetal.errors import IronicError
from undercloud.baremetal.fleet import Control, Journey, has_failed, side_by_side, to_states
from undercloud.baremetal.instackenv import Entry
from undercloud.baremetal.ironic import INTERFACES, Ironic, Machine, Patch
from undercloud.baremetal.preparing import make_manageable
from undercloud.diagnostics import Finding, UndercloudError
from undercloud.plan.secrets import SECRET_WORDS
from undercloud.topology.machines import capabilities_of, written

_MANAGING = frozenset({"verifying", "manageable"})


@dataclasses.dataclass(frozen=True)
class Enrolled:
    """What became of the entries of a file; ``new`` are names of machines that were not known
    before, ``findings`` say by entry what Ironic refused.
    """

    machines: tuple[Machine, ...]
    new: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


def enrol(control: Control, entries: Sequence[Entry]) -> Enrolled:
    """Enrol or update the machines of a file, each as one that is known by UUID, MAC, BMC or name.

    Raises UndercloudError before anything is done, with all BM-136 (Ironic has no such driver), or with all
    BM-105 (an entry that is two machines, or whose MAC another has). An entry that Ironic refuses is a
    finding, the others go on.
    """
    ironic = control.ironic
    _have_drivers(entries, ironic.drivers())
    known, ports = ironic.machines(), ironic.macs()
    pairs = _recognised(entries, Registered.of(known, ports))
    done: list[str] = []
    findings: list[tuple[str, Finding]] = []

    def one(pair: tuple[Entry, Machine | None]) -> tuple[str, str] | IronicError | None:
        return None if control.cancelled() else _enrol(ironic, *pair, ports)

    for (entry, _), outcome in zip(pairs, side_by_side(one, pairs), strict=True):
        if isinstance(outcome, IronicError):
            findings += [(entry.name, finding) for finding in outcome.findings]
            control.tell(entry.name, outcome.findings[0].message, "failed")
        elif outcome is not None:
            uuid, said = outcome
            done.append(uuid)
            control.tell(entry.name, said, "ok")
    new = tuple(entry.name for entry, known_as in pairs if known_as is None)
    machines = {one.uuid: one for one in ironic.machines()}
    return Enrolled(tuple(machines[uuid] for uuid in done), new, tuple(findings))


def _have_drivers(entries: Sequence[Entry], drivers: Collection[str]) -> None:
    findings = []
    for entry in entries:
        driver = entry.values["driver"]
        if driver not in drivers:
            text = f"{entry.name}: Ironic has no driver {driver}; it has {', '.join(sorted(drivers))}"
            fix = "Most BMCs speak redfish: write that as pm_type. Or let enabled_hardware_types name it."
            places = (entry.location,) if entry.location else ()
            findings.append(Finding("BM-136", text, fix, locations=places))
    if findings:
        raise UndercloudError(*findings)


def _enrol(
    ironic: Ironic, entry: Entry, known_as: Machine | None, ports: Mapping[str, Sequence[str]]
) -> tuple[str, str] | IronicError:
    """One machine: its UUID and what was done, or why it was refused."""
    try:
        machine = known_as or ironic.create(entry.name, entry.values)
        patch = list(_patch(entry, machine)) if known_as else []
        ironic.update(machine.title, patch)
        _complete(ironic, machine, entry, ports.get(machine.uuid, ()))
    except IronicError as error:
        return error
    said = "brought up to date" if _says_news(patch) else "known already"
    return machine.uuid, said if known_as else "enrolled"


def manage(ironic: Ironic) -> Journey:
    """From enrolment to where Ironic can use the BMC; machines that are further are there already."""

    def begin(machine: Machine) -> None:
        if machine.provision_state == "clean failed":
            make_manageable(ironic, machine)
        else:
            ironic.move(machine.title, "manage")

    return Journey("manage", begin, to_states(["manageable"]), has_failed, _MANAGING, "manageable")


@dataclasses.dataclass(frozen=True)
class Registered:
    """Ironic's machines, to be found again by what they are."""

    by_uuid: Mapping[str, Machine] = dataclasses.field(default_factory=dict)
    by_name: Mapping[str, Machine] = dataclasses.field(default_factory=dict)
    by_mac: Mapping[str, Machine] = dataclasses.field(default_factory=dict)
    by_bmc: Mapping[str, Machine] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, known: Sequence[Machine], ports: Mapping[str, Sequence[str]]) -> Registered:
        """All of them; ``ports`` are MAC addresses by UUID."""
        return cls(
            by_uuid={one.uuid: one for one in known},
            by_name={one.name: one for one in known if one.name},
            by_mac={mac: one for one in known for mac in ports.get(one.uuid, ())},
            by_bmc={bmc: one for one in known if (bmc := _bmc(one.driver_info))},
        )

    def hardware(self, entry: Entry) -> list[Machine]:
        """Those with a MAC address or the BMC of an entry."""
        bmc = _bmc(entry.values["driver_info"])
        found = (*(self.by_mac.get(mac) for mac in entry.macs), self.by_bmc.get(bmc))
        return _distinct(found)

    def same(self, entry: Entry) -> list[Machine]:
        """Those that an entry means, by its UUID and name, too."""
        told = (self.by_uuid.get(str(entry.values.get("uuid"))), self.by_name.get(entry.name))
        return _distinct((*self.hardware(entry), *told))


def _distinct(found: Iterable[Machine | None]) -> list[Machine]:
    return list({one.uuid: one for one in found if one is not None}.values())


def _recognised(entries: Sequence[Entry], registered: Registered) -> list[tuple[Entry, Machine | None]]:
    pairs: list[tuple[Entry, Machine | None]] = []
    findings = []
    for entry in entries:
        found = registered.same(entry)
        if len(found) > 1:
            names = " and ".join(one.title for one in found)
            text = f"{entry.name} of the file is {names}, by its name, its BMC or its MAC addresses"
            fix = "Two machines cannot be one: correct the entry, or forget the machine that is gone."
            findings.append(Finding("BM-105", text, fix))
        pairs.append((entry, found[0] if found else None))
    if findings:
        raise UndercloudError(*findings)
    return pairs


def _bmc(info: Mapping[str, Any]) -> str:
    """What tells one BMC's system from another; empty where it has no address."""
    address = next((str(value) for key, value in info.items() if key.endswith("_address") and value), "")
    return f"{address} {info.get('redfish_system_id', '')} {info.get('ipmi_port', '')}" if address else ""


def _patch(entry: Entry, machine: Machine) -> Iterator[dict[str, Any]]:
    """What the file says otherwise than Ironic; what the file does not name stays."""
    if entry.name != machine.name:
        yield {"op": "add", "path": "/name", "value": entry.name}
    interfaces = {f"{kind}_interface": machine.interfaces.get(kind) for kind in INTERFACES}
    known = {**machine.settings, **interfaces}
    for field, value in entry.values.items():
        if field == "uuid":  # which it was found by, or which it cannot get any more
            continue
        current = known.get(field, getattr(machine, field, None))
        if not isinstance(value, Mapping):
            if current != value:
                yield {"op": "add", "path": f"/{field}", "value": value}
            continue
        for key, wanted in value.items():
            if (field, key) == ("properties", "capabilities"):
                yield from _capabilities(machine, wanted)
            elif (current or {}).get(key) != wanted:
                yield {"op": "add", "path": f"/{field}/{key}", "value": wanted}


def _capabilities(machine: Machine, given: Any) -> Patch:
    """Those of the file over those that inspections, profiles and `node configure` wrote there."""
    merged = {**machine.capabilities, **capabilities_of({"capabilities": given})}
    return set_property(machine, "capabilities", written(merged)) if merged != machine.capabilities else []


def _says_news(patch: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a patch changes anything that can be seen: secrets are masked, and so they are always set."""
    return any(not any(word in each["path"] for word in SECRET_WORDS) for each in patch)


def _complete(ironic: Ironic, machine: Machine, entry: Entry, macs: Sequence[str]) -> None:
    """Ports and traits that are missing; those that an inspection added stay."""
    for port in entry.ports:
        if port["address"] not in macs:
            ironic.add_port(machine, port)
    if set(entry.traits) - set(machine.traits):
        ironic.set_traits(machine.uuid, sorted({*entry.traits, *machine.traits}))


def set_property(machine: Machine, key: str, value: Any) -> Patch:
    """The patch that gives a machine a property; empty where it has it."""
    if machine.properties.get(key) == value:
        return []
    return [{"op": "add", "path": f"/properties/{key}", "value": value}]
