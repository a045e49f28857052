"""What an engine answers at once about machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.baremetal import enrolment, instackenv
from undercloud.baremetal.discovery import search
from undercloud.baremetal.discovery.places import expanded
from undercloud.baremetal.errors import IronicError
from undercloud.baremetal.ironic import Ironic
from undercloud.baremetal.service.settings import files_directory
from undercloud.conf import Settings
from undercloud.db import machines as records
from undercloud.db.database import Database
from undercloud.deploy import gate, ironic_access, machine_records, provisioned, ramdisk_addresses, views
from undercloud.deploy.machines import (
    Discovered,
    DiscoverRequest,
    MachineDetail,
    MachineInfo,
    ProvisionedNode,
)
from undercloud.deploy.reading import known
from undercloud.diagnostics import Finding, UndercloudError
from undercloud.diskimages import published
from undercloud.diskimages.built import Built

_USED = ("active", "deploying", "wait call-back", "deleting", "cleaning", "clean wait", "inspecting")


class MachineService:
    """Implements the part of ``machines.Machines`` that asks Ironic and waits for its answer."""

    def __init__(self, settings: Settings, database: Database, ironic: Callable[[], Ironic]) -> None:
        self._ours = settings
        self._records = database
        self._ironic = ironic

    def discover_machines(self, request: DiscoverRequest) -> Discovered:
        """Look for BMCs, and what is behind those that let us in; what Ironic has already is only named."""
        pairs = [pair.partition(":") for pair in request.credentials]
        logins = [(user, password) for user, _, password in pairs]
        found = search.discover(expanded(request.addresses), request.protocols, request.ports, logins)
        registered = enrolment.Registered()
        if ironic_access.is_known(self._ours):
            ironic = self._ironic()
            registered = enrolment.Registered.of(ironic.machines(), ironic.macs())
        new: list[Mapping[str, Any]] = []
        known: list[str] = []
        for entry in (dict(entry) for one in found for entry in one.entries):
            same = registered.hardware(instackenv.entry(entry))
            if same:
                known += [one.title for one in same]
            else:
                # The name of another machine would make it that one.
                new.append({**entry, "name": ""} if entry.get("name") in registered.by_name else entry)
        findings = tuple(one.finding for one in found if one.finding)
        return Discovered(tuple(new), tuple(dict.fromkeys(known)), findings)

    def machines(self) -> tuple[MachineInfo, ...]:
        """All machines by name."""
        known = self._ironic().machines()
        with self._records.read() as session:
            made_of, nodes = machine_records.facts(session), machine_records.nodes(session)
        return tuple(
            machine_records.info(one, made_of.get(one.uuid), nodes.get(one.uuid, ("", ""))) for one in known
        )

    def machine(self, name: str) -> MachineDetail:
        """One machine by name or UUID; BM-107 when there is none."""
        ironic = self._ironic()
        (found,) = machine_records.named(ironic.machines(), [name])
        with self._records.read() as session:
            row = next((row for row in records.all_machines(session) if row.uuid == found.uuid), None)
            made_of = machine_records.facts(session).get(found.uuid)
            node = machine_records.nodes(session).get(found.uuid, ("", ""))
        return MachineDetail(
            machine=machine_records.info(found, made_of, node),
            driver=found.driver,
            ports=ironic.macs().get(found.uuid, ()),
            properties=found.properties,
            facts=dataclasses.asdict(made_of) if made_of else {},
            bios=ironic.bios(found.uuid),
            raid=found.raid,
            inspected=views.moment(row.inspected) if row else "",
        )

    def provisioned(self, stack: str) -> tuple[ProvisionedNode, ...]:
        """The nodes of a stack that have a machine, by name; DEP-003 when the name is unknown."""
        with self._records.read() as session:
            known(session, stack)
            return provisioned.of(session, stack)

    def addresses(self, stack: str) -> Mapping[str, Mapping[str, str]]:
        """Network → owner → address, as a plan has them; DEP-003 when the name is unknown."""
        with self._records.read() as session:
            known(session, stack)
            state = gate.state_of(session, self._records.vault, stack) or {}
        found: Mapping[str, Mapping[str, str]] = state.get("addresses", {})
        return found

    def disk_images(self) -> tuple[Built, ...]:
        """The images that machines are handed, by name; IMG-043 where their list cannot be used."""
        directory = files_directory(self._ours.paths.state_dir)
        return tuple(published.load(directory).values())

    def set_maintenance(self, names: tuple[str, ...], on: bool, reason: str = "") -> None:
        """Put machines into maintenance, or take them out; BM-107 for unknown ones, before any is changed."""
        ironic = self._ironic()
        for one in machine_records.named(ironic.machines(), names):
            ironic.set_maintenance(one.title, on, reason)

    def forget_machines(self, names: tuple[str, ...]) -> None:
        """Let Ironic forget machines; BM-107 unknown ones, BM-108 those that are nodes: then none is."""
        ironic = self._ironic()
        chosen = machine_records.named(ironic.machines(), names)
        with self._records.read() as session:
            nodes = machine_records.nodes(session)
        busy = [one for one in chosen if one.uuid in nodes or one.provision_state in _USED]
        if busy:
            raise UndercloudError(
                *(_is_used(one.title, nodes.get(one.uuid), one.provision_state) for one in busy)
            )
        refused: list[Finding] = []
        for one in chosen:
            try:
                ironic.delete(one.title)
            except IronicError as error:
                refused += error.findings
        try:
            machine_records.keep(self._records, ironic)
            ramdisk_addresses.by_dhcp(self._records, self._ours, ironic)
        except UndercloudError as error:
            refused += error.findings
        if refused:
            raise UndercloudError(*refused)


def _is_used(machine: str, node: tuple[str, str] | None, state: str) -> Finding:
    what = f"the node {node[1]} of {node[0]}" if node else state
    fix = (
        "Take it off its stack first (openstack overcloud node delete), or wait until the work on it is done."
    )
    return Finding("BM-108", f"{machine} is {what}, and is not forgotten", fix)
