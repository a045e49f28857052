"""Giving machines back: only ever because an operator says so.

Of a node that the stack is still deployed on, services take leave first, where the operator asks for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from undercloud.baremetal.deploying import give_back
from undercloud.baremetal.fleet import GONE, Control, Pace, travel
from undercloud.baremetal.ironic import Machine
from undercloud.db import host_keys
from undercloud.db import machines as records
from undercloud.db.models import Compilation, PlacedNode
from undercloud.db.vault import Vault
from undercloud.deploy import leaving, machine_records, placing, provisioned, scalein, wire
from undercloud.deploy.compiling import Node
from undercloud.deploy.engine import Failure
from undercloud.deploy.leaving import Leaving
from undercloud.deploy.machine_work import control_of
from undercloud.deploy.machines import UnprovisionRequest
from undercloud.deploy.ssh import SSH_PORT
from undercloud.deploy.work import CancelledError, Stage, Turns, Work
from undercloud.diagnostics import Finding, Severity, UndercloudError, internal
from undercloud.plan.names import did_you_mean

_GONE = frozenset({"available", "manageable", "enroll", "cleaning", "clean wait", "clean failed"})
_STAGE = "unprovision"


def check(session: Session, vault: Vault, request: UnprovisionRequest) -> int | None:
    """The compilation of what the stack is deployed on; None where it is not.

    Raises for nodes that are not there (BM-148), that the stack is deployed on where they are not to take
    leave (BM-149), or with which the only data of a service would go (DEP-029).
    """
    rows = {row.host: row for row in records.placed(session, request.stack)}
    findings = []
    for host in request.hosts:
        if host not in rows:
            fix = did_you_mean(host, rows) or "See them: openstack overcloud node list --stack STACK"
            findings.append(Finding("BM-148", f"{host} is no node of {request.stack} with a machine", fix))
    row = leaving.deployed(session, request.stack)
    if row is not None and not findings and not request.sure:
        used = _used(row, _meant(list(rows.values()), request))
        findings += _last_data(session, vault, request.stack, used) if request.leave else map(_in_use, used)
    if findings:
        raise UndercloudError(*findings)
    return row.id if row is not None else None


def _in_use(node: Leaving) -> Finding:
    text = f"the stack is deployed on {node.node.name}: its data would be lost"
    fix = (
        "Let its services take leave first: openstack overcloud node delete; or take it out of the plan and "
        "deploy; or delete the stack; or go on with --yes-its-data-too."
    )
    return Finding("BM-149", text, fix)


def _last_data(session: Session, vault: Vault, stack: str, used: Sequence[Leaving]) -> list[Finding]:
    """DEP-029, in the words of who gives machines back."""
    found = [one for one in leaving.judge(session, vault, stack, used) if one.severity is Severity.ERROR]
    fix = "Wait until the data is on another node as well, or go on with --yes-its-data-too: it is lost then."
    return [replace(one, fix=fix) for one in found]


def someone_leaves(work: Work) -> bool:
    """Whether services are to take leave of nodes."""
    return _request(work).leave and bool(_leaving(work))


def take_leave(work: Work, turns: Turns) -> None:
    """Let services take leave of the nodes; one that cannot be reached goes without."""
    scalein.take_leave(work, turns, _leaving(work), _without_leave)


def _without_leave(failure: Failure) -> Finding:
    text = f"no service takes leave of {failure.host}, which goes all the same: {failure.finding.message}"
    fix = "Let the cloud forget what ran there (agents, services), as for any node that broke down."
    return Finding("BM-150", text, fix, Severity.WARNING)


def _leaving(work: Work) -> list[Leaving]:
    with work.database.read() as session:
        row = session.get(Compilation, work.compilation) if work.compilation else None
        return _used(row, _meant(records.placed(session, work.stack), _request(work))) if row else []


def unprovision(work: Work, turns: Turns) -> None:
    """Give the machines back, concurrently; a node is forgotten once its machine is on its way."""
    _ = turns
    request = _request(work)
    limit = request.concurrency or work.settings.baremetal.concurrency
    control = control_of(work, Pace(limit, request.timeout))
    with work.database.read() as session:
        rows = _meant(records.placed(session, work.stack), request)
    known = {one.uuid: one for one in control.ironic.machines()}
    there: dict[str, Machine] = {row.host: known[row.machine] for row in rows if row.machine in known}
    for host in _strange(work, control, there):
        del there[host]
    todo = [one for one in there.values() if one.provision_state not in _GONE]
    outcomes = {one.machine.uuid: one for one in travel(control, todo, give_back(control.ironic))}
    failed = {uuid: one.finding for uuid, one in outcomes.items() if one.finding and one.finding.code != GONE}
    kept = failed.keys() | ({one.uuid for one in todo} - outcomes.keys())  # the latter were cancelled
    _forget(work, control, [row.host for row in rows if row.machine not in kept])
    for host, machine in there.items():
        if machine.uuid in failed:
            work.fail_partly(Failure(work.deployment, _STAGE, -1, host, "", "", failed[machine.uuid]))
    if control.cancelled():
        raise CancelledError


def _strange(work: Work, control: Control, there: dict[str, Machine]) -> list[str]:
    """The hosts whose machine has become somebody else's behind our back: it stays as it is."""
    ours = placing.instances(control.ironic, work.stack)
    found = [
        host
        for host, one in there.items()
        if one.instance_uuid and one.instance_uuid not in ours.get(host, ())
    ]
    for host in found:
        text = (
            f"{there[host].title}, which was {host}, has the instance {there[host].instance_uuid} of somebody"
        )
        fix = "Nothing is to be done: the node is forgotten, the machine stays theirs."
        work.recorder.finding(Finding("BM-151", text, fix, Severity.WARNING), host=host)
    return found


def _forget(work: Work, control: Control, hosts: Sequence[str]) -> None:
    """These nodes have no machines any more, and nothing of the stack is on them."""
    for host, instances in placing.instances(control.ironic, work.stack).items():
        for uuid in instances if host in hosts else ():
            control.ironic.deallocate(uuid)
    with work.database.write() as session:
        work.lease.assert_held(session)
        addresses = {one.host: one.address for one in provisioned.of(session, work.stack)}
        records.unplace(session, work.stack, hosts)
        leaving.gave_back(session, work.stack, hosts)
        for host in hosts:
            if addresses.get(host):
                host_keys.forget(session, addresses[host], SSH_PORT)
    machine_records.keep(work.database, control.ironic)


def _request(work: Work) -> UnprovisionRequest:
    if not isinstance(work.request, UnprovisionRequest):
        raise internal(f"{work.operation} gives no machines back")
    return work.request


def _meant(rows: Sequence[PlacedNode], request: UnprovisionRequest) -> list[PlacedNode]:
    return [row for row in rows if request.everything or row.host in request.hosts]


def _used(row: Compilation, meant: Sequence[PlacedNode]) -> list[Leaving]:
    """Those of the nodes that the stack is deployed on."""
    hosts = {one.host for one in meant}
    nodes = wire.from_plain(tuple[Node, ...], row.facts["nodes"])
    return [Leaving(node, row.id) for node in nodes if node.name in hosts]


UNPROVISION = (
    Stage(("scale-in",), take_leave, someone_leaves),
    Stage((_STAGE,), unprovision),
)
