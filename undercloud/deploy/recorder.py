"""Keeping what happens in a deployment: stages, events, counts by host, all under the lock's number."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import deployments, events
from undercloud.db.database import Database
from undercloud.db.models import Event
from undercloud.db.types import utcnow
from undercloud.deploy import failures, views, wire
from undercloud.deploy.engine import EventKind, Failure, Status
from undercloud.deploy.lease import Lease, LockLostError
from undercloud.deploy.masking import Masker
from undercloud.deploy.news import RECORDED
from undercloud.deploy.workspace import LeftError
from undercloud.diagnostics import Finding, Severity, UndercloudError, internal

_LOG = logging.getLogger(__name__)
_BURST = 0.05  # seconds within which events are kept together
_COUNTING = 2.0  # seconds between two records of the counts; with many hosts they are long
_AWAY = frozenset({"DB-003", "DB-004"})  # full, or not to be reached: that may pass
_AGAIN = 0.5  # seconds between two attempts to reach a database that is away
_LONGEST = 16_000  # characters of an event's message


class Recorder:
    """Writes one deployment's record; every write renews the lock, and is a LockLostError when it is lost."""

    def __init__(self, database: Database, lease: Lease, deployment: str) -> None:
        self.deployment = deployment
        self.masker = Masker(())
        self.stage = ""
        self.step = -1
        self.findings: list[Finding] = []
        self._database = database
        self._lease = lease
        self._counts: dict[str, Counter[str]] = {}
        self._waiting: list[Event] = []
        self._held = self._counting = False
        self._followed: dict[str, Any] = {}
        self._flushed = self._counted = 0.0

    def go_on(self, hosts: Mapping[str, Mapping[str, int]], findings: Sequence[Finding]) -> None:
        """Take up the record where an earlier engine left it; the errors it ended with are past."""
        self._counts = {host: Counter(counts) for host, counts in hosts.items()}
        self.findings = [finding for finding in findings if finding.severity is not Severity.ERROR]

    def emit(
        self,
        kind: EventKind,
        message: str,
        *,
        host: str = "",
        status: str = "",
        step: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an event; in a burst it waits for the next one or ``flush``."""
        event = Event(
            time=utcnow(),
            kind=str(kind),
            stage=self.stage,
            step=self.step if step is None else step,
            host=host,
            status=status,
            message=self.masker.text(message)[:_LONGEST],
            data=self.masker.plain(dict(data or {})),
        )
        self._waiting.append(event)
        self._flush_when_due()

    @contextlib.contextmanager
    def together(self, run: str, number: int) -> Iterator[None]:
        """Keep all that is said within at once, with the event of a playbook's run that it came from.

        An engine that goes on with the run takes up the events after it: none is lost, none told twice.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._followed = {"run": run, "seen": number}
        self._flush_when_due()

    def _flush_when_due(self) -> None:
        if not self._held and time.monotonic() - self._flushed > _BURST:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._commit(self._write)

    def count(self, host: str, status: str) -> None:
        """One more task result of a host."""
        self._counts.setdefault(host, Counter())[status] += 1

    def stage_begins(self, name: str) -> None:
        """A stage runs from now on."""
        self.stage, self.step = name, step_of(name)
        self._set_stage(name, Status.RUNNING)

    def stage_not_needed(self, name: str) -> None:
        """A stage has nothing to do: it counts as done, and nobody is told."""

        def done(session: Session) -> None:
            deployments.set_stage(session, self.deployment, name, str(Status.SUCCEEDED), ended=True)
            self._write(session)

        self._commit(done)

    def stage_skipped(self, name: str) -> None:
        """The operator left a stage out."""
        self.stage, self.step = name, step_of(name)
        self._set_stage(name, Status.SKIPPED)

    def stage_ends(self, name: str, status: Status) -> None:
        """A stage is over; with ``SUCCEEDED`` it will never run again in this deployment."""
        self._set_stage(name, status)

    def finding(self, finding: Finding, *, host: str = "", forced_by: str = "") -> None:
        """Something to tell; ``forced_by`` is who let it pass where it would have stopped."""
        self.findings.append(finding)
        self._counted = 0.0
        data = {**finding.as_dict(), **({"forced_by": forced_by} if forced_by else {})}
        self.emit(EventKind.FINDING, finding.message, host=host, status=str(finding.severity), data=data)

    def failure(self, failure: Failure) -> None:
        """Why it fails."""
        found = failure.finding
        self.emit(
            EventKind.FAILURE,
            found.message,
            host=failure.host,
            status=str(Severity.ERROR),
            step=failure.step,
            data=wire.to_plain(failure),
        )
        self.findings.append(found)

    def fail(self, error: UndercloudError) -> None:
        """Why the stage that runs fails."""
        for failure in failures.of_error(self.deployment, self.stage, error):
            self.failure(failure)

    def ends(
        self, status: Status, message: str, then: Callable[[Session], None] = lambda _session: None
    ) -> None:
        """The last record: the final status, with the lock freed in the same transaction.

        ``then`` does what is to follow at once, before anybody else may have the lock.
        """
        self._turn(EventKind.DEPLOYMENT, message, status)

        def end(session: Session) -> None:
            row = deployments.find(session, self.deployment)
            if row is None:
                raise internal(f"deployment {self.deployment} is gone")
            row.status, row.ended = str(status), utcnow()
            self._write(session)
            self._lease.release(session)
            then(session)

        self._commit(end)

    def left(self) -> None:
        """Say that this engine leaves the deployment to the next one, where that can be written at all.

        What waits stays unwritten: the next engine takes it up where the playbook's record was followed to.
        """
        message = "its engine ends, and leaves it to the next one"
        try:
            with self._database.write() as session:
                self._lease.assert_held(session)
                events.append(session, self.deployment, [views.turn(message, Status.PENDING, self.stage)])
        except UndercloudError as error:  # it will count as dead, as one that was killed
            _LOG.warning("%s", error)

    def _set_stage(self, name: str, status: Status) -> None:
        self._turn(EventKind.STAGE, f"{name} {status}", status)

        def turn(session: Session) -> None:
            deployments.set_stage(session, self.deployment, name, str(status), ended=status.final)
            row = deployments.find(session, self.deployment)
            if row is not None:
                row.stage = name
            self._write(session)

        self._commit(turn)

    def _turn(self, kind: EventKind, message: str, status: Status) -> None:
        """The event of a turn, to be written at once, with the counts."""
        self._flushed, self._counted = time.monotonic(), 0.0
        self.emit(kind, message, status=str(status))

    def _write(self, session: Session) -> None:
        """All that waits, within a transaction."""
        self._lease.assert_held(session)
        events.append(session, self.deployment, self._waiting)
        if self._followed:
            deployments.set_playbook(session, self.deployment, self._followed)
        self._counting = time.monotonic() - self._counted > _COUNTING
        if self._counting:
            row = deployments.find(session, self.deployment)
            if row is not None:
                row.hosts = {host: dict(counts) for host, counts in self._counts.items()}
                row.findings = self.masker.plain([wire.to_plain(finding) for finding in self.findings])

    def _commit(self, write: Callable[[Session], None]) -> None:
        """Write in a transaction of its own; what waited is kept then.

        While the database is away it is tried again, and LeftError raised when that takes too long: what runs
        on the nodes goes on, and whoever has the database next reads on.
        """
        deadline = time.monotonic() + self._lease.patience
        while True:
            try:
                with self._database.write() as session:
                    write(session)
            except LockLostError:
                raise
            except UndercloudError as error:
                if not all(finding.code in _AWAY for finding in error.findings):
                    raise
                if time.monotonic() > deadline or self._lease.leaving:
                    raise LeftError(str(error)) from error
                _LOG.warning("%s", error)
                time.sleep(_AGAIN)
            else:
                break
        RECORDED.tell()
        self._waiting, self._flushed = [], time.monotonic()
        if self._counting:
            self._counted = self._flushed


def step_of(stage: str) -> int:
    """The step that a stage is, -1 for the other stages."""
    name, _, number = stage.partition("-")
    return int(number) if name == "step" and number.isdigit() else -1


def step_stages(steps: Sequence[int]) -> tuple[str, ...]:
    """The stages of steps."""
    return tuple(f"step-{step}" for step in steps)
