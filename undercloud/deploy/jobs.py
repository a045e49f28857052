"""The deployments that this process works at, each in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from undercloud.conf import Settings
from undercloud.db.database import Database
from undercloud.deploy import processes, workspace
from undercloud.deploy.engine import Failure, Operation, Status
from undercloud.deploy.lease import Lease, LockLostError
from undercloud.deploy.pipelines import PIPELINES
from undercloud.deploy.recorder import Recorder
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.work import Borders, Request, Work, carry_out
from undercloud.diagnostics import Finding, UndercloudError, internal

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a thread carries out; ``done`` are the stages that an earlier attempt finished.

    ``partial`` is what failed in them without stopping the others.

    Unless it begins ``anew`` it goes on with the playbook that an earlier attempt left running; ``followed``
    says how far that one recorded it.
    """

    operation: Operation
    request: Request
    recorder: Recorder
    lease: Lease
    compilation: int | None = None
    done: frozenset[str] = frozenset()
    partial: Sequence[Failure] = ()
    anew: bool = True
    followed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deployment(self) -> str:
        """The deployment's id."""
        return self.recorder.deployment

    @property
    def going_back(self) -> bool:
        """Whether a failure on nodes is to be rolled back."""
        return isinstance(self.request, DeployRequest) and self.request.rollback_on_failure


After = Callable[[Session, Job, Status], Sequence[Job]]


@dataclass(frozen=True)
class _Running:
    lease: Lease
    thread: threading.Thread


class Jobs:
    """Carries jobs out. ``after`` says, within a job's last transaction, which ones are to follow it."""

    def __init__(self, settings: Settings, database: Database, borders: Borders, after: After) -> None:
        self._settings = settings
        self._database = database
        self._borders = borders
        self._after = after
        self._running: dict[str, _Running] = {}
        self._broken: dict[str, tuple[Finding, ...]] = {}

    def broken(self, deployment: str) -> tuple[Finding, ...]:
        """Why the record of a deployment breaks off; empty where it does not, as far as is known here."""
        return self._broken.get(deployment, ())

    def cancel(self, deployment: str, reason: str) -> None:
        """Ask one to stop, if it runs here."""
        running = self._running.get(deployment)
        if running is not None:
            running.lease.cancel(reason)

    def end(self, ask: Callable[[Lease], None]) -> None:
        """Ask all to end, in the way given, and wait until they have."""
        for running in list(self._running.values()):
            ask(running.lease)
        self.join()

    def join(self) -> None:
        """Wait until none runs."""
        for running in list(self._running.values()):
            running.thread.join()

    def launch(self, job: Job) -> None:
        """Begin one; its lock is held, and its record there."""

        def work() -> None:
            try:
                job.lease.start()
                self._carry_out(job)
            except workspace.LeftError as left:
                why = left or "this one ends"
                _LOG.warning("deployment %s is left to the next engine: %s", job.deployment, why)
                job.recorder.left()
                if isinstance(left.__cause__, UndercloudError):
                    self._broken[job.deployment] = left.__cause__.findings
            except Exception as fault:  # noqa: BLE001 - no record can be made: lock lost, database gone
                _LOG.exception("deployment %s", job.deployment)
                error = fault if isinstance(fault, UndercloudError) else internal(str(fault))
                self._broken[job.deployment] = error.findings
            finally:
                job.lease.stop()
                if self._running.get(job.deployment) is running:  # else it goes on already
                    del self._running[job.deployment]

        thread = threading.Thread(target=work, name=f"deploy-{job.request.stack}")
        running = self._running[job.deployment] = _Running(job.lease, thread)
        thread.start()

    def _carry_out(self, job: Job) -> None:
        paths, recorder, stack = self._settings.paths, job.recorder, job.request.stack
        try:
            with workspace.opened(
                paths.secure_tmp, paths.state_dir, stack, job.deployment, anew=job.anew
            ) as private:
                work = Work(
                    deployment=job.deployment,
                    operation=job.operation,
                    request=job.request,
                    settings=self._settings,
                    database=self._database,
                    borders=self._borders,
                    lease=job.lease,
                    recorder=recorder,
                    workspace=private,
                    compilation=job.compilation or 0,
                    followed=job.followed,
                )
                for failure in job.partial:
                    work.fail_partly(failure)
                if not private.found:
                    processes.end_all(work.mark)  # what a dead engine left behind
                status, message = carry_out(work, PIPELINES[job.operation], job.done)
                if private.found:
                    processes.end_all(work.mark)  # what no stage took up
        except (LockLostError, workspace.LeftError):
            raise
        except UndercloudError as error:
            recorder.fail(error)
            status, message = Status.FAILED, f"{job.operation} of {stack} could not begin"
        following: list[Job] = []

        def then(session: Session) -> None:
            following[:] = self._after(session, job, status)

        recorder.ends(status, message, then)
        for each in following:
            self.launch(each)
