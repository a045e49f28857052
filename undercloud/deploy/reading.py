"""What the engine's database tells: the half of the Engine interface that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.orm import Session

from undercloud.conf.deployment import Deployment as Options
from undercloud.db import deployments, events, locks, models, plans
from undercloud.db.database import Database
from undercloud.db.vault import Vault
from undercloud.deploy import compiled, credentials, lease, versions, views, wire
from undercloud.deploy.engine import (
    WRITING,
    Change,
    Credentials,
    Deployment,
    Event,
    EventKind,
    Failure,
    Forced,
    HostCounts,
    Operation,
    PlanInfo,
    StackHost,
    StackInfo,
    Status,
)
from undercloud.deploy.news import RECORDED
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle

_POLL = 0.5  # seconds between two looks for what other processes recorded
T = TypeVar("T")


class Reading:
    """Answers from the database alone, whichever process does the work."""

    def __init__(self, database: Database, options: Options, *, succession: bool = False) -> None:
        """With a ``succession`` engines of a service go on by themselves with what a dead one left."""
        self._database = database
        self._options = options
        self._succession = succession

    @property
    def vault(self) -> Vault:
        """What seals the secrets of the database."""
        return self._database.vault

    def deployment(self, deployment: str) -> Deployment:
        """One deployment as it stands."""
        with self._database.read() as session:
            row = find(session, deployment)
            found = self._as_it_is(session, row, deployments.stages(session, row.id))
            return replace(found, forced=_forced(session, row.id))

    def hosts(self, deployment: str) -> tuple[HostCounts, ...]:
        """The hosts that a deployment's tasks ran on, by name."""
        with self._database.read() as session:
            return views.hosts(find(session, deployment))

    def deployments(self, stack: str = "", limit: int = 100, marker: str = "") -> tuple[Deployment, ...]:
        """Deployments, newest first, of one stack or of all; without their stages."""
        with self._database.read() as session:
            before = find(session, marker) if marker else None
            rows = deployments.listing(session, stack, limit, before)
            return tuple(self._as_it_is(session, row) for row in rows)

    def events(
        self, deployment: str, after: int = 0, limit: int = 1000, wait: float = 0
    ) -> tuple[Event, ...]:
        """Events with a ``seq`` above ``after``; waits up to ``wait`` seconds for the first one."""

        def fresh() -> tuple[Event, ...]:
            with self._database.read() as session:
                find(session, deployment)
                return tuple(map(views.event, events.after(session, deployment, after, limit)))

        return _until(fresh, bool, wait)

    def wait(self, deployment: str, timeout: float | None = None) -> Deployment:
        """Wait until a deployment's status is final, or ``timeout`` seconds."""
        return _until(lambda: self.deployment(deployment), lambda found: found.status.final, timeout)

    def failures(self, stack: str, deployment: str = "") -> tuple[Failure, ...]:
        """Failures of a deployment, the stack's last one unless said; empty when it did not fail."""
        with self._database.read() as session:
            known(session, stack)
            row = find(session, deployment) if deployment else _latest(session, stack)
            if row is None or row.status != Status.FAILED:
                return ()
            # What an earlier attempt failed with, before the deployment was resumed, is past.
            turns = events.of_kind(session, row.id, str(EventKind.DEPLOYMENT))
            begun = max((event.seq for event in turns if event.status == Status.RUNNING), default=0)
            told = events.of_kind(session, row.id, str(EventKind.FAILURE))
            return tuple(wire.from_plain(Failure, event.data) for event in told if event.seq > begun)

    def changes(self, deployment: str) -> tuple[Change, ...]:
        """What a dry run would change, or what a run changed, in the order of steps and hosts."""
        with self._database.read() as session:
            row = find(session, deployment)
            found = views.changes(events.of_kind(session, row.id, str(EventKind.RESULT)))
            return tuple(sorted(found, key=lambda change: (change.step, change.host)))

    def status(self, stack: str) -> StackInfo:
        """One stack; DEP-003 when the name is unknown."""
        with self._database.read() as session:
            known(session, stack)
            return self._stack(session, stack)

    def stack_hosts(self, stack: str) -> tuple[StackHost, ...]:
        """The nodes that were compiled last for a stack, by name; DEP-003 when the name is unknown."""
        with self._database.read() as session:
            known(session, stack)
            found = compiled.hosts(session, _compiled(session, stack))
        return tuple(StackHost(node.name, node.address, node.role) for node in found)

    def stacks(self) -> tuple[StackInfo, ...]:
        """All stacks that have a plan, by name."""
        with self._database.read() as session:
            return tuple(self._stack(session, plan.name) for plan, _, _ in plans.listing(session))

    def plan_files(self, stack: str, version: int = 0) -> Bundle:
        """The files of a version (0: the newest), as they were handed over. DEP-003, DEP-028."""
        return versions.bundle(self._database, stack, version)

    def plans(self) -> tuple[PlanInfo, ...]:
        """All plans by name."""
        with self._database.read() as session:
            return tuple(
                PlanInfo(plan.name, number, views.moment(plan.created), views.moment(plan.updated), files)
                for plan, number, files in plans.listing(session)
            )

    def credentials(self, stack: str) -> Credentials:
        """How to use a deployed cloud; DEP-005 when it has not been deployed."""
        with self._database.read() as session:
            found = standing(session, stack).compilation_id
        access = compiled.read(self._database, found).access if found else None
        if access is None or not access.auth_url:
            raise UndercloudError.of(
                "DEP-005",
                f"{stack} has no identity service, so there is nothing to log in to",
                fix=f"See how it stands: openstack overcloud status {stack}",
            )
        return credentials.of(stack, access)

    def _as_it_is(
        self, session: Session, row: models.Deployment, stages: Iterable[models.Stage] = ()
    ) -> Deployment:
        """The deployment; what a dead engine left is interrupted, even before anybody wrote that down."""
        status = Status(row.status)
        if status.final or not lease.left_behind(session, row.stack, row.fence, self._options):
            return views.deployment(row, status, stages)
        # It may have ended, and its process with it, after this transaction's view was taken.
        with self._database.read() as later:
            now = deployments.find(later, row.id)
            if now is None or not Status(now.status).final:
                if self._succession and lease.awaited(later, row.stack, row.fence, self._options):
                    return views.deployment(row, status, stages)
                return views.deployment(row, Status.INTERRUPTED, stages)
            return views.deployment(now, Status(now.status), deployments.stages(later, row.id))

    def _stack(self, session: Session, stack: str) -> StackInfo:
        last = deployments.last(session, stack, WRITING)
        latest = self._as_it_is(session, last, deployments.stages(session, last.id)) if last else None
        if latest is not None:
            latest = replace(latest, forced=_forced(session, latest.id))
        nodes, auth_url = compiled.facts(session, _compiled(session, stack))
        plan = plans.find(session, stack)
        version = plans.newest(session, plan) if plan else None
        return StackInfo(
            stack,
            views.stack_status(latest),
            version.number if version else 0,
            latest,
            views.lock(locks.look(session, stack)),
            nodes,
            auth_url,
        )


def find(session: Session, deployment: str) -> models.Deployment:
    """The row of a deployment; DEP-004 when there is none."""
    row = deployments.find(session, deployment)
    if row is None:
        raise UndercloudError.of(
            "DEP-004",
            f"there is no deployment {deployment}",
            fix="See them with: openstack overcloud status",
        )
    return row


def known(session: Session, stack: str) -> models.Plan | None:
    """The plan of a stack (None where there are only deployments that failed early); DEP-003 for neither."""
    plan = plans.find(session, stack)
    if plan is None and not deployments.listing(session, stack, 1):
        names = ", ".join(each.name for each, _, _ in plans.listing(session)) or "none"
        raise UndercloudError.of(
            "DEP-003", f"there is no stack {stack}", fix=f"Check the name; the stacks are: {names}"
        )
    return plan


def standing(session: Session, stack: str) -> models.Deployment:
    """The deployment that a stack stands as on its nodes; DEP-003 for no stack, DEP-005 where it does not.

    What a later one that failed wanted is not what stands on the nodes.
    """
    known(session, stack)
    last = deployments.last(session, stack, WRITING, compiled=True, status=str(Status.SUCCEEDED))
    if last is None or last.operation == Operation.DELETE:
        raise UndercloudError.of(
            "DEP-005",
            f"{stack} is not deployed",
            fix=f"See how it stands: openstack overcloud status {stack}",
        )
    return last


def _forced(session: Session, deployment: str) -> tuple[Forced, ...]:
    """What was let pass, in its order; of an earlier attempt too."""
    told = events.of_kind(session, deployment, str(EventKind.FINDING))
    return tuple(
        Forced(
            event.data["code"],
            event.data["message"],
            event.data["forced_by"],
            views.moment(event.time),
            event.host,
        )
        for event in told
        if event.data.get("forced_by")
    )


def _compiled(session: Session, stack: str) -> int | None:
    """What was compiled last for a stack: one that failed before knows of no nodes."""
    last = deployments.last(session, stack, WRITING, compiled=True)
    return last.compilation_id if last else None


def _latest(session: Session, stack: str) -> models.Deployment | None:
    return next(iter(deployments.listing(session, stack, 1)), None)


def _until(look: Callable[[], T], good: Callable[[T], bool], timeout: float | None) -> T:
    """Look until what is seen is good or the time is over; what was seen last."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        told = RECORDED.count
        found = look()
        left = _POLL if deadline is None else deadline - time.monotonic()
        if good(found) or left <= 0:
            return found
        RECORDED.wait(told, min(_POLL, left))
