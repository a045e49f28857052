"""Giving machines back: only ever because an operator says so."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from undercloud.baremetal.deploying import give_back
from undercloud.baremetal.fleet import Pace, travel
from undercloud.baremetal.ironic import Machine
from undercloud.db import deployments, host_keys
from undercloud.db import machines as records
from undercloud.db.models import Compilation, PlacedNode
from undercloud.deploy import machine_records, provisioned
from undercloud.deploy.engine import Failure, Operation, Status
from undercloud.deploy.machine_work import control_of
from undercloud.deploy.machines import UnprovisionRequest
from undercloud.deploy.ssh import SSH_PORT
from undercloud.deploy.work import CancelledError, Stage, Turns, Work
from undercloud.diagnostics import Finding, UndercloudError, internal
from undercloud.plan.names import did_you_mean

_WRITING = (str(Operation.DEPLOY), str(Operation.DELETE))
_GONE = frozenset({"available", "manageable", "enroll", "cleaning", "clean wait", "clean failed"})


def check(session: Session, request: UnprovisionRequest) -> None:
    """Raise for nodes that are not there (BM-148), or that the stack is deployed on (BM-149)."""
    rows = {row.host: row for row in records.placed(session, request.stack)}
    findings = []
    for host in request.hosts:
        if host not in rows:
            fix = did_you_mean(host, rows) or "See them: openstack overcloud node list --stack STACK"
            findings.append(Finding("BM-148", f"{host} is no node of {request.stack} with a machine", fix))
    if not findings and not request.sure:
        used = _in_use(session, request.stack)
        for row in _meant(list(rows.values()), request):
            if row.host in used:
                text = f"{request.stack} is deployed on {row.host}: its data would be lost"
                fix = (
                    "Take it out of the plan and deploy, or delete the stack first; "
                    "or go on with --yes-its-data-too."
                )
                findings.append(Finding("BM-149", text, fix))
    if findings:
        raise UndercloudError(*findings)


def unprovision(work: Work, turns: Turns) -> None:
    """Give the machines back, concurrently; a node is forgotten once its machine is on its way."""
    _ = turns
    request = _request(work)
    limit = request.concurrency or work.settings.baremetal.concurrency
    control = control_of(work, Pace(limit, request.timeout))
    with work.database.read() as session:
        check(session, request)
        rows = _meant(records.placed(session, work.stack), request)
        addresses = {one.host: one.address for one in provisioned.of(session, work.stack)}
    known = {one.uuid: one for one in control.ironic.machines()}
    there: dict[str, Machine] = {row.host: known[row.machine] for row in rows if row.machine in known}
    todo = [one for one in there.values() if one.provision_state not in _GONE]
    outcomes = {one.machine.uuid: one for one in travel(control, todo, give_back(control.ironic))}
    failed = {uuid for uuid, one in outcomes.items() if one.finding}
    left = {one.uuid for one in todo} - outcomes.keys()
    free = {host for host, machine in there.items() if machine.uuid not in failed | left}
    for allocation in control.ironic.allocations():
        stack, _, host = allocation.name.rpartition(".")[0].rpartition(".")
        if stack == work.stack and host in free:
            control.ironic.deallocate(allocation.uuid)
    with work.database.write() as session:
        work.lease.assert_held(session)
        gone = [row.host for row in rows if row.machine not in failed | left]
        records.unplace(session, work.stack, gone)
        for host in gone:
            if addresses.get(host):
                host_keys.forget(session, addresses[host], SSH_PORT)
    machine_records.keep(work.database, control.ironic)
    for host, machine in there.items():
        finding = outcomes[machine.uuid].finding if machine.uuid in outcomes else None
        if finding:
            work.fail_partly(Failure(work.deployment, work.recorder.stage, -1, host, "", "", finding))
    if control.cancelled():
        raise CancelledError


def _request(work: Work) -> UnprovisionRequest:
    if not isinstance(work.request, UnprovisionRequest):
        raise internal(f"{work.operation} gives no machines back")
    return work.request


def _meant(rows: Sequence[PlacedNode], request: UnprovisionRequest) -> list[PlacedNode]:
    return [row for row in rows if request.everything or row.host in request.hosts]


def _in_use(session: Session, stack: str) -> set[str]:
    """The hosts that the stack was deployed on last; none once it was deleted."""
    last = deployments.last(session, stack, _WRITING, compiled=True)
    if last is None or (last.operation, last.status) == (Operation.DELETE, Status.SUCCEEDED):
        return set()
    row = session.get(Compilation, last.compilation_id)
    return {node["name"] for node in row.facts["nodes"]} if row is not None else set()


UNPROVISION = (Stage(("unprovision",), unprovision),)
