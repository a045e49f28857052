"""Machines in Ironic and in our own database, seen together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from undercloud.baremetal import registration
from undercloud.baremetal.fleet import side_by_side
from undercloud.baremetal.ironic import Ironic, Machine
from undercloud.db import machines as records
from undercloud.db.database import Database
from undercloud.deploy.machines import MachineInfo
from undercloud.diagnostics import UndercloudError
from undercloud.plan.names import did_you_mean
from undercloud.topology.facts import Facts, facts_of, from_plain


def named(known: Sequence[Machine], names: Iterable[str]) -> list[Machine]:
    """Machines by names or UUIDs; BM-107 with all that there are not."""
    by_name = {key: one for one in known for key in (one.uuid, one.name) if key}
    wanted = list(dict.fromkeys(names))
    missing = [name for name in wanted if name not in by_name]
    if missing:
        titles = [one.title for one in known]
        fix = did_you_mean(missing[0], titles) or "See what there is: openstack overcloud node list"
        raise UndercloudError.of("BM-107", f"no machine is called {', '.join(missing)}", fix=fix)
    return list({by_name[name].uuid: by_name[name] for name in wanted}.values())


def facts(session: Session) -> dict[str, Facts]:
    """Machine's UUID → what it is made of, of those that were inspected."""
    return {row.uuid: from_plain(row.facts) for row in records.all_machines(session) if row.facts}


def nodes(session: Session) -> dict[str, tuple[str, str]]:
    """Machine's UUID → the stack and the host that it is."""
    return {row.machine: (row.stack, row.host) for row in records.placed(session)}


def keep(database: Database, ironic: Ironic, inspected: Iterable[Machine] = ()) -> None:
    """Write down what Ironic has now, and what the inspections of some machines saw."""
    known, ports = ironic.machines(), ironic.ports()
    looked_at = [one.uuid for one in inspected]
    told = zip(looked_at, side_by_side(ironic.inventory, looked_at), strict=True)
    seen = {uuid: data for uuid, data in told if data}
    with database.write() as session:
        records.forget_all_but(session, [one.uuid for one in known])
        for uuid, data in seen.items():
            made = facts_of(data)
            records.remember(session, uuid, uuid, {})
            records.inspected(session, uuid, dataclasses.asdict(made))
        session.flush()
        made_of = facts(session)
        for one in known:
            entry = registration.entry_of(one, ports.get(one.uuid, ()), made_of.get(one.uuid))
            records.remember(session, one.uuid, one.title, entry)


def info(machine: Machine, made_of: Facts | None, node: tuple[str, str] = ("", "")) -> MachineInfo:
    """A machine for the operator's eyes."""
    return MachineInfo(
        uuid=machine.uuid,
        name=machine.name,
        provision_state=machine.provision_state,
        power_state=machine.power_state,
        maintenance=machine.maintenance,
        resource_class=machine.resource_class,
        profile=machine.capabilities.get("profile", ""),
        capabilities=machine.capabilities,
        traits=machine.traits,
        stack=node[0],
        host=node[1],
        cpus=made_of.cpus if made_of else 0,
        memory=made_of.memory if made_of else 0,
        root_disk=registration.root_disk_of(made_of, machine.root_device),
        last_error=machine.last_error,
        maintenance_reason=machine.maintenance_reason,
    )
