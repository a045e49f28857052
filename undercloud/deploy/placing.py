"""Which machine is which node of a stack: what is so already, and what is chosen anew, with its reason."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from undercloud.baremetal import host_keys, registration
from undercloud.baremetal.errors import IronicError
from undercloud.baremetal.ironic import Allocation, Ironic, Machine
from undercloud.baremetal.service.settings import files_directory
from undercloud.db import machines as records
from undercloud.deploy import machine_records
from undercloud.deploy.compiling import Wanted
from undercloud.deploy.work import Work
from undercloud.diagnostics import Finding
from undercloud.diskimages import published
from undercloud.diskimages.built import DISK
from undercloud.topology.placement import Chosen, Demand, Placed, place_machines

_BEGUN = "allocating"
_ALLOCATING, _PAUSE = 20.0, 0.05  # seconds that Ironic may take to give a machine, and between two looks
_TRIES = 3


@dataclass(frozen=True)
class Assigned:
    """A node with its machine; ``deployed`` says that it ran there already. ``key`` is its host key.

    It is not ``ours`` where Ironic keeps the machine for somebody else.
    """

    wanted: Wanted
    machine: Machine
    key: host_keys.KeyPair
    deployed: bool = False
    ours: bool = True

    @property
    def runs(self) -> bool:
        """Whether the machine is installed as this node."""
        return self.ours and self.machine.provision_state == "active"


def instances(ironic: Ironic, stack: str) -> dict[str, list[str]]:
    """Host → the UUIDs of the instances that Ironic keeps machines for: those of the allocations."""
    found: dict[str, list[str]] = {}
    for allocation in ironic.allocations():
        named, _, host = allocation.name.rpartition(".")[0].rpartition(".")
        if named == stack:
            found.setdefault(host, []).append(allocation.uuid)
    return found


def assigned(work: Work, ironic: Ironic, wanted: Sequence[Wanted]) -> dict[str, Assigned]:
    """Host → its machine, of those that have one that Ironic still knows."""
    by_uuid = {one.uuid: one for one in ironic.machines()}
    ours = instances(ironic, work.stack)
    vault = work.database.vault
    with work.database.read() as session:
        rows = {row.host: row for row in records.placed(session, work.stack)}
        return {
            one.host: Assigned(
                one,
                by_uuid[row.machine],
                host_keys.KeyPair(records.private_key(vault, row), row.host_key),
                row.status == records.DEPLOYED,
                by_uuid[row.machine].instance_uuid in {"", *ours.get(one.host, ())},
            )
            for one in wanted
            if (row := rows.get(one.host)) is not None and row.machine in by_uuid
        }


def choose(
    work: Work, wanted: Sequence[Wanted], known: Sequence[Machine], without: Collection[str] = ()
) -> Placed:
    """Choose machines for nodes that have none; nothing is kept yet."""
    with work.database.read() as session:
        made_of, nodes = machine_records.facts(session), machine_records.nodes(session)
    candidates = [
        registration.candidate_of(one, made_of.get(one.uuid), _title(nodes.get(one.uuid)))
        for one in known
        if one.uuid not in without
    ]
    images = published.load(files_directory(work.settings.paths.state_dir))
    sizes = {name: built.files[DISK].size for name, built in images.items() if DISK in built.files}
    default = work.settings.baremetal.image
    return place_machines(
        [_demand(one, sizes.get(one.image.get("href") or default, 0)) for one in wanted], candidates
    )


def keep(work: Work, chosen: Sequence[Chosen]) -> None:
    """Keep who becomes what, each with a new host key, ere Ironic or a machine hears of it."""
    with work.database.write() as session:
        work.lease.assert_held(session)
        for one in chosen:
            pair = host_keys.make()
            records.place(
                session,
                work.database.vault,
                work.stack,
                one.node,
                one.machine.uuid,
                private_key=pair.private,
                public_key=pair.public,
            )


def allocate(ironic: Ironic, stack: str, one: Assigned, known: Mapping[str, Allocation]) -> Finding | None:
    """Let Ironic keep the machine for the node; BM-142 where it does not. ``known`` are allocations by name.

    One after the other: where its SQLite is busy, Ironic gives up an allocation without a word (39.0). That
    one is taken back and asked for again.
    """
    name = allocation_name(stack, one)
    try:
        found = _settled(ironic, known.get(name))
        for _ in range(_TRIES):
            if found is not None and found.state != "active":
                ironic.deallocate(name)
                found = None
            if found is not None or one.machine.instance_uuid:
                break
            values = {"resource_class": one.machine.resource_class, "candidate_nodes": [one.machine.uuid]}
            found = _settled(ironic, ironic.allocate(name, values))
            if found is None or found.state != _BEGUN:
                break
    except IronicError as error:
        return error.findings[0]
    if found is not None and found.state == "active":
        return None
    why = found.last_error if found else f"it has the instance {one.machine.instance_uuid}"
    text = f"Ironic does not give {one.machine.title} to {one.wanted.host}: {why or (found and found.state)}"
    fix = (
        "See it: openstack overcloud node show; somebody else may have taken it. Another that fits takes its "
        f"place: register or provide one, then go on with openstack overcloud resume {stack}."
    )
    return Finding("BM-142", text, fix)


def _settled(ironic: Ironic, found: Allocation | None) -> Allocation | None:
    """An allocation as it is when Ironic has decided, or after a while."""
    deadline = time.monotonic() + _ALLOCATING
    while found is not None and found.state == _BEGUN and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        found = ironic.allocation(found.name)
    return found


def allocation_name(stack: str, one: Assigned) -> str:
    """The allocation's name, which tells the stack, the node and the machine."""
    return f"{stack}.{one.wanted.host}.{one.machine.uuid[:8]}"


def _title(node: tuple[str, str] | None) -> str:
    return f"the node {node[1]} of {node[0]}" if node else ""


def _demand(one: Wanted, image_size: int) -> Demand:
    return Demand(
        node=one.host,
        role=one.role,
        machine=one.machine,
        resource_class=one.resource_class,
        capabilities=tuple(sorted(one.capabilities.items())),
        traits=one.traits,
        conductor_group=one.conductor_group,
        root_size=one.root_size,
        image_size=image_size,
        location=one.location,
    )
