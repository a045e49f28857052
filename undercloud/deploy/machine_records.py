"""Machines in Ironic and in our own database, seen together."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from undercloud.baremetal import network_data, registration
from undercloud.baremetal.ironic import Ironic, Machine, Patch
from undercloud.conf.baremetal import Baremetal
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
    seen = {one.uuid: data for one in inspected if (data := ironic.inventory(one.uuid))}
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


def ramdisk_addresses(
    database: Database, area: Baremetal, machines: Sequence[Machine], ports: Mapping[str, Sequence[str]]
) -> dict[str, Patch]:
    """Machine's UUID → the patch that gives its ramdisk an address of its own, of which it keeps the first.

    Nothing where no range is configured, or a machine has no port yet. Raises BM-122 where the range is wrong
    or used up.
    """
    if not area.inspection_iprange:
        return {}
    free = _range(area)
    patches: dict[str, Patch] = {}
    with database.write() as session:
        rows = {row.uuid: row for row in records.all_machines(session)}
        taken = {row.address for row in rows.values()}
        for one in machines:
            row, macs = rows.get(one.uuid), ports.get(one.uuid, ())
            if row is None or not macs:
                continue
            if row.address not in free:
                row.address = next((address for address in free if address not in taken), "")
                taken.add(row.address)
            if not row.address:
                raise _exhausted(area, len(free))
            value = network_data.static(macs[0], row.address, area.cidr, gateway=area.gateway)
            patches[one.uuid] = [{"op": "add", "path": "/network_data", "value": value}]
    return patches


def _range(area: Baremetal) -> dict[str, None]:
    try:
        first, last = map(ipaddress.ip_address, area.inspection_iprange)
        network = ipaddress.ip_network(area.cidr, strict=False)
        if first not in network or last not in network:
            raise ValueError(f"{first} to {last} is not in {network}")
    except ValueError as error:
        raise UndercloudError.of(
            "BM-122",
            f"[baremetal] inspection_iprange cannot be used: {error}",
            fix="Write inspection_iprange = 192.168.24.100,192.168.24.120, out of cidr.",
        ) from None
    return {str(type(first)(number)): None for number in range(int(first), int(last) + 1)}


def _exhausted(area: Baremetal, size: int) -> UndercloudError:
    span = ",".join(area.inspection_iprange)
    text = f"[baremetal] inspection_iprange {span} has {size} addresses, and there are more machines"
    return UndercloudError.of("BM-122", text, fix="Make it larger; every machine keeps its address.")
