"""The engine in this process: every deployment is a thread, everything that lasts is in the database."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from undercloud.conf import Settings
from undercloud.db import deployments, events, host_keys, locks, machines, models, plans
from undercloud.db.database import Database
from undercloud.db.types import utcnow
from undercloud.deploy import (
    attempts,
    backup,
    compiled,
    gate,
    lease,
    processes,
    retention,
    unprovisioning,
    versions,
    views,
    wire,
)
from undercloud.deploy.engine import (
    WRITING,
    Deployment,
    EventKind,
    Explained,
    Exported,
    Operation,
    Status,
    Validated,
)
from undercloud.deploy.holder import Process, describe
from undercloud.deploy.jobs import Job, Jobs
from undercloud.deploy.machine_service import MachineService
from undercloud.deploy.machines import MachinesRequest, UnprovisionRequest
from undercloud.deploy.masking import Masker
from undercloud.deploy.pipelines import PIPELINES
from undercloud.deploy.reading import Reading, find, known, standing
from undercloud.deploy.recorder import Recorder
from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanRef,
    RollbackRequest,
    SshAccess,
)
from undercloud.deploy.work import Borders, Request, mark_of, stage_names
from undercloud.diagnostics import Finding, UndercloudError, internal
from undercloud.plan.bundle import Bundle

_LOG = logging.getLogger(__name__)
_UNFINISHED = (str(Status.RUNNING), str(Status.PENDING))
_LIVES = 3  # engines that may die in one stage before nobody goes on with it by itself
_KINDS: dict[Operation, type[Request]] = {
    Operation.DEPLOY: DeployRequest,
    Operation.DRY_RUN: DeployRequest,
    Operation.DELETE: DeleteRequest,
    Operation.CHECK: CheckRequest,
    Operation.BACKUP: BackupRequest,
    Operation.RESTORE: BackupRequest,
    Operation.SNAPSHOT: BackupRequest,
    Operation.PREPARE: MachinesRequest,
    Operation.ALLOCATE: DeployRequest,
    Operation.PROVISION: DeployRequest,
    Operation.UNPROVISION: UnprovisionRequest,
}


class LocalEngine(MachineService, Reading):
    """Implements ``machines.WholeEngine``; several of them, also in other processes, may share a database."""

    def __init__(self, settings: Settings, database: Database, borders: Borders) -> None:
        Reading.__init__(self, database, settings.deployment)
        MachineService.__init__(self, settings, database, borders.ironic)
        self._settings = settings
        self._borders = borders
        self._jobs = Jobs(settings, database, borders, self._after)
        self._guard = threading.Lock()
        self._blocked: dict[str, str] = {}  # what cannot be taken over, and why, as it was logged

    def deploy(self, request: DeployRequest) -> Deployment:
        """Start a deployment or a dry run; refused (DEP-001) while another writes the same stack."""
        request = attempts.limited(request, request.limit, ())
        return self._start(Operation.DRY_RUN if request.dry_run else Operation.DEPLOY, request)

    def delete(self, request: DeleteRequest) -> Deployment:
        """Start to undo a stack on its nodes; without its own way in it takes that of the last deployment."""
        with self._database.read() as session:
            known(session, request.stack)
            last = deployments.last(session, request.stack, WRITING, compiled=True)
            if last is not None and request.ssh == SshAccess():
                request = replace(request, ssh=self._request(last).ssh)
        return self._start(Operation.DELETE, request, last.compilation_id if last else None)

    def check(self, request: CheckRequest) -> Deployment:
        """Start the checks of a deployed cloud; without its own way in it takes that of the deployment."""
        last = self._standing(request.stack)
        request = replace(request, ssh=self._way_in(request.ssh, last))
        return self._start(Operation.CHECK, request, last.compilation_id)

    def backup(self, request: BackupRequest) -> Deployment:
        """Start to copy or put back; without its own way in it takes that of the deployment."""
        last = self._standing(request.stack)
        request = backup.placed(request, self._settings.paths)
        request = replace(request, ssh=self._way_in(request.ssh, last))
        return self._start(backup.ACTIONS[request.action].operation, request, last.compilation_id)

    def _way_in(self, given: SshAccess, last: models.Deployment) -> SshAccess:
        """The way into the nodes: that of an earlier deployment where none is given."""
        return self._request(last).ssh if given == SshAccess() else given

    def _standing(self, stack: str) -> models.Deployment:
        with self._database.read() as session:
            return standing(session, stack)

    def rollback(self, request: RollbackRequest) -> Deployment:
        """Start to deploy the last good version again, or an earlier one; DEP-034 where there is none."""
        with self._database.read() as session:
            known(session, request.stack)
            last, good = attempts.to_roll_back(session, request.stack, request.version)
            wanted = replace(
                self._going_back(good),
                operator=request.operator,
                timeout=request.timeout,
                verbosity=request.verbosity,
            )
        return self._start(Operation.DEPLOY, wanted, rollback_of=last.id)

    def _going_back(self, good: models.Deployment) -> DeployRequest:
        """The request that brings back the version of a good deployment, as that one was asked for."""
        request = self._request(good)
        if not isinstance(request, DeployRequest):
            raise internal(f"{good.id} is no deployment")
        return replace(request, version=good.version, rollback_on_failure=False)

    def resume(self, deployment: str, limit: str = "", skip: tuple[str, ...] = ()) -> Deployment:
        """Go on with an interrupted or failed deployment at its first unfinished stage."""
        return self._go_on(deployment, limit, skip)

    def _go_on(
        self, deployment: str, limit: str = "", skip: tuple[str, ...] = (), *, by_itself: bool = False
    ) -> Deployment:
        """Go on as ``resume`` says; ``by_itself`` a request to cancel that nobody heard yet still holds."""
        with self._guard:
            with self._database.write() as session:
                row = find(session, deployment)
                status = self._as_it_is(session, row).status
                attempts.may_go_on(session, row, status)
                done, partial = attempts.so_far(session, row, status)
                followed = row.playbook
                fence = lease.acquire(session, row.stack, row.id, self._settings.deployment)
                lost = attempts.lives_lost(session, row.id) if by_itself else 0
                self._bury(session, row.stack)
                operation, request = Operation(row.operation), self._request(row)
                if limit or skip:
                    request = self._limited(row, request, limit, skip)
                row.status, row.ended = str(Status.RUNNING), None
                asked = row.cancel = row.cancel if by_itself else None
                row.fence, row.holder = fence, describe(Process.current())
                events.append(session, row.id, [attempts.goes_on(row, lost)])
                findings = wire.from_plain(tuple[Finding, ...], row.findings)
                counts = events.results(session, row.id, str(EventKind.RESULT))
            held = self._lease(row.stack, row.id, fence)
            if asked is not None:
                held.cancel(asked)
            recorder = Recorder(self._database, held, row.id)
            recorder.go_on(counts, findings)
            anew = bool(limit or skip)
            self._jobs.launch(
                Job(operation, request, recorder, held, row.compilation_id, done, partial, anew, followed)
            )
        return self.deployment(deployment)

    def deployment(self, deployment: str) -> Deployment:
        """One deployment as it stands; also why its record breaks off, where that is known here."""
        found = super().deployment(deployment)
        if found.status is not Status.INTERRUPTED:
            return found
        return replace(found, findings=(*found.findings, *self._jobs.broken(deployment)))

    def cancel(self, deployment: str, reason: str = "") -> None:
        """Ask a running deployment to stop; reaches another engine through the database."""
        reason = reason or "cancelled"
        self._jobs.cancel(deployment, reason)
        with self._database.write() as session:
            row = find(session, deployment)
            if not Status(row.status).final:
                row.cancel = reason

    def validate_plan(self, stack: str, version: int = 0, given: GivenFiles | None = None) -> Validated:
        """Validate a version of a plan (0: the newest) against what is deployed; nothing is kept."""
        with self._database.read() as session:
            plan = known(session, stack)
            newest = plans.newest(session, plan) if plan else None
        number = version or (newest.number if newest else 0)
        compiler = self._borders.compiler()
        judged, loaded = gate.judge_stored(self._database, compiler, stack, number, given or GivenFiles())
        masker = Masker(judged.sensitive)
        found = wire.from_plain(tuple[Finding, ...], masker.plain(wire.to_plain(judged.findings)))
        named = {place.file for finding in found for place in finding.locations}
        return Validated(stack, number, found, dict(compiler.texts(loaded, named)))

    def compare_plans(self, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
        """What differs between two plans, secrets masked; nothing is kept."""
        from undercloud.deploy import comparing  # noqa: PLC0415 - most commands compile nothing

        return comparing.compare(self._database, self._borders.compiler(), before, after)

    def keep_plan(self, bundle: Bundle) -> int:
        """Keep a plan's files as its newest version, without deploying it; the version's number."""
        return versions.keep(self._settings, self._database, bundle)

    def explain_plan(
        self, plan: PlanRef, name: str, *, effects: bool = True, everything: bool = False
    ) -> Explained:
        """Where a value of a kept plan comes from and what it leads to, secrets masked."""
        from undercloud.deploy.explaining import explained  # noqa: PLC0415 - most commands compile nothing

        compiler = self._borders.compiler()
        return explained(self._database, compiler, plan, name, effects=effects, everything=everything)

    def export_stack(self, stack: str) -> Exported:
        """What another plan needs of a deployed stack, passwords among it; nothing is kept."""
        from undercloud.deploy import comparing  # noqa: PLC0415 - most commands compile nothing
        from undercloud.playbooks.export import exported  # noqa: PLC0415

        deployed = PlanRef(stack, deployed=True)
        _, made = comparing.compiled(self._database, self._borders.compiler(), deployed)
        return Exported(stack, exported(made))

    def delete_plan(self, stack: str) -> None:
        """Forget a plan with its versions, passwords and history; refused (DEP-006) while it is on nodes."""
        with self._guard, self._database.write() as session:
            plan = known(session, stack)
            last = deployments.last(session, stack, WRITING, compiled=True)
            undone = last is None or (last.operation, last.status) == (Operation.DELETE, Status.SUCCEEDED)
            if not undone:
                raise UndercloudError.of(
                    "DEP-006",
                    f"nodes may run what the plan {stack} describes",
                    fix=f"Take it off its nodes first: openstack overcloud delete {stack}",
                )
            if machines.placed(session, stack):
                raise UndercloudError.of(
                    "DEP-006",
                    f"machines are nodes of the plan {stack}",
                    fix=f"Give them back first: openstack overcloud node unprovision --stack {stack} --all",
                )
            fence = lease.acquire(session, stack, stack, self._settings.deployment)
            deployments.remove_all(session, stack)
            if plan is not None:
                plans.remove(session, plan)
            locks.release(session, stack, fence)
        shutil.rmtree(self._settings.paths.stack_dir(stack), ignore_errors=True)

    def prepare_machines(self, request: MachinesRequest) -> Deployment:
        """Start work with machines; refused (DEP-001) while other such work goes on."""
        return self._start(Operation.PREPARE, request)

    def allocate(self, request: DeployRequest) -> Deployment:
        """Start to give a plan its addresses, and nothing more."""
        return self._start(Operation.ALLOCATE, request)

    def provision(self, request: DeployRequest) -> Deployment:
        """Start to provision the nodes of a plan, and nothing more."""
        return self._start(Operation.PROVISION, request)

    def unprovision(self, request: UnprovisionRequest) -> Deployment:
        """Start to give machines of a stack back."""
        with self._database.read() as session:
            deployed = unprovisioning.check(session, self._database.vault, request)
        return self._start(Operation.UNPROVISION, request, deployed)

    def forget_host_key(self, address: str, port: int = 22) -> bool:
        """Let the next contact with an address be the first one; False when it was never met."""
        with self._database.write() as session:
            return host_keys.forget(session, address, port)

    def close(self) -> None:
        """Stop what runs (it becomes ``interrupted``) and free what is held."""
        self._jobs.end(lambda held: held.cancel("the engine was stopped"))
        self._database.close()

    def leave(self) -> None:
        """Follow what runs no further: playbooks go on, and an engine that starts takes it all over."""
        self._jobs.end(lease.Lease.leave)
        self._database.close()

    def take_over(self) -> tuple[str, ...]:
        """Go on with what dead engines left behind; the ids of the deployments.

        What only looked is ended, and so is what cost engines their lives without getting any further.
        """
        with self._database.read() as session:
            rows = deployments.with_status(session, "", _UNFINISHED)
            left = [
                row.id
                for row in rows
                if lease.left_behind(session, row.stack, row.fence, self._settings.deployment)
            ]
        taken, blocked = [], dict[str, str]()
        for deployment in left:
            try:
                if self._end_hopeless(deployment):
                    continue
                self._go_on(deployment, by_itself=True)
            except Exception as error:  # noqa: BLE001 - what cannot be read blocks no other
                blocked[deployment] = f"{type(error).__name__}: {error}"
                if self._blocked.get(deployment) != blocked[deployment]:
                    # Foreseen: another engine was quicker, or the next look will tell.
                    foreseen = isinstance(error, UndercloudError)
                    level = logging.INFO if foreseen else logging.ERROR
                    _LOG.log(level, "%s cannot be taken over: %s", deployment, error, exc_info=not foreseen)
            else:
                taken.append(deployment)
        self._blocked = blocked
        return tuple(taken)

    def forget_old(self, stopping: Callable[[], bool]) -> Iterator[str]:
        """Forget deployments that are older than the configuration keeps them; the ids of these."""
        return retention.forget_old(self._settings, self._database, stopping)

    def seal_drives(self) -> int:
        """Seal what an earlier version kept plain of machines; how many compilations had any."""
        return compiled.seal_drives(self._database)

    def _end_hopeless(self, deployment: str) -> bool:
        """End what is not worth going on with, and what is left of it on this machine."""
        with self._guard:
            with self._database.write() as session:
                row = find(session, deployment)
                if attempts.lasting(row.operation) and attempts.lives_lost(session, row.id) < _LIVES:
                    return False
                fence = lease.acquire(session, row.stack, row.id, self._settings.deployment)
                self._bury(session, row.stack)
                locks.release(session, row.stack, fence)
            lease.given_up(deployment, fence)
            processes.end_all(mark_of(self._settings.paths.state_dir, row.stack))
        return True

    def _limited(
        self, row: models.Deployment, request: Request, limit: str, skip: tuple[str, ...]
    ) -> DeployRequest:
        """The request of a deployment that goes on with less, kept in its place."""
        if not isinstance(request, DeployRequest):
            raise UndercloudError.of(
                "DEP-033",
                f"{row.operation} goes on on all nodes and with all stages",
                fix="Resume it without --limit and --skip.",
            )
        request = attempts.limited(request, limit, skip)
        row.sealed_request = self._database.vault.seal_json(wire.to_plain(request))
        row.limited_to = request.limit
        return request

    def _start(
        self, operation: Operation, request: Request, compilation: int | None = None, rollback_of: str = ""
    ) -> Deployment:
        with self._guard:
            with self._database.write() as session:
                job = self._begin(session, operation, request, compilation, rollback_of)
            self._jobs.launch(job)
        return self.deployment(job.deployment)

    def _begin(
        self,
        session: Session,
        operation: Operation,
        request: Request,
        compilation: int | None = None,
        rollback_of: str = "",
    ) -> Job:
        """Take the lock and keep a new deployment; the job is to be launched when that is committed."""
        deployment = uuid.uuid4().hex
        names = stage_names(PIPELINES[operation])
        fence = lease.acquire(session, request.stack, deployment, self._settings.deployment)
        self._bury(session, request.stack)
        row = models.Deployment(
            id=deployment,
            stack=request.stack,
            operation=str(operation),
            status=str(Status.RUNNING),
            stage="",
            version=0,
            compilation_id=compilation,
            sealed_request=self._database.vault.seal_json(wire.to_plain(request)),
            holder=describe(Process.current()),
            fence=fence,
            started=utcnow(),
            ended=None,
            hosts={},
            findings=[],
            directory="",
            cancel=None,
            limited_to=request.limit if isinstance(request, DeployRequest) else "",
            rollback_of=rollback_of,
            playbook={},
        )
        deployments.add(session, row, names, str(Status.PENDING))
        begins = views.turn(f"{operation} of {request.stack} begins", Status.RUNNING)
        events.append(session, deployment, [begins])
        held = self._lease(request.stack, deployment, fence)
        return Job(operation, request, Recorder(self._database, held, deployment), held, compilation)

    def _lease(self, stack: str, deployment: str, fence: int) -> lease.Lease:
        return lease.Lease(self._database, stack, deployment, fence, self._settings.deployment)

    def _after(self, session: Session, job: Job, status: Status) -> list[Job]:
        """The rollback of a deployment that failed on nodes, begun before anybody else has the lock."""
        row = find(session, job.deployment)
        if status is not Status.FAILED or not job.going_back or not attempts.touched_nodes(row):
            return []
        try:
            _, good = attempts.to_roll_back(session, row.stack, 0)
        except UndercloudError as error:
            why = f"not rolled back: {error.findings[0].message}"
            events.append(session, row.id, [views.turn(why, Status.FAILED, row.stage)])
            return []
        operator = job.request.operator if isinstance(job.request, DeployRequest) else ""
        wanted = replace(self._going_back(good), operator=operator)
        return [self._begin(session, Operation.DEPLOY, wanted, rollback_of=row.id)]

    def _request(self, row: models.Deployment) -> Request:
        plain = self._database.vault.open_json(row.sealed_request)
        return wire.from_plain(_KINDS[Operation(row.operation)], plain)

    def _bury(self, session: Session, stack: str) -> None:
        """Write down what died: we hold the lock, so whatever still counts as running does not run."""
        for row in deployments.with_status(session, stack, _UNFINISHED):
            row.status, row.ended = str(Status.INTERRUPTED), utcnow()
            for stage in deployments.stages(session, row.id):
                if stage.status == Status.RUNNING:
                    deployments.set_stage(session, row.id, stage.name, row.status, ended=True)
            events.append(session, row.id, [attempts.broke_off(session, row)])
