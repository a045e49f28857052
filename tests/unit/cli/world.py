"""An Engine in memory: stacks, plans and deployments whose events a test writes down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.deploy.engine import (
    Change,
    Counts,
    Credentials,
    Deployment,
    Event,
    EventKind,
    Explained,
    Exported,
    Failure,
    HostCounts,
    Operation,
    PlanInfo,
    StackHost,
    StackInfo,
    Status,
    Validated,
)
from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanRef,
    RollbackRequest,
)
from undercloud.diagnostics import Finding, UndercloudError
from undercloud.plan.bundle import Bundle

HOSTS = {"overcloud-controller-0": "192.0.2.11", "overcloud-compute-0": "192.0.2.12"}


def at(second: int) -> str:
    """A time of the engine's, ``second`` seconds after the beginning."""
    return f"2026-01-02T03:{second // 60:02d}:{second % 60:02d}.000000+00:00"


def event(seq: int, kind: EventKind, **fields: Any) -> Event:
    """An event; its time is its number in seconds unless said."""
    return Event(seq, fields.pop("time", at(seq)), kind, **fields)


def result(seq: int, host: str, status: str, **fields: Any) -> Event:
    """A task's result on a host, in step 1 of the stage run."""
    data = {"task": "Step 1", "elapsed": 2.0, **fields.pop("data", {})}
    return event(
        seq,
        EventKind.RESULT,
        stage="run",
        step=fields.pop("step", 1),
        host=host,
        status=status,
        data=data,
        **fields,
    )


GOOD_RUN = (
    event(1, EventKind.DEPLOYMENT, status="running"),
    event(2, EventKind.STAGE, stage="compile", status="running"),
    event(3, EventKind.STAGE, stage="compile", status="succeeded"),
    event(4, EventKind.STAGE, stage="run", status="running"),
    event(5, EventKind.TASK, stage="run", step=1, message="Step 1"),
    result(
        6,
        "overcloud-controller-0",
        "changed",
        data={"actions": [{"kind": "container", "name": "haproxy", "action": "create"}]},
    ),
    result(7, "overcloud-compute-0", "ok"),
    event(8, EventKind.STAGE, stage="run", status="succeeded"),
    event(9, EventKind.DEPLOYMENT, status="succeeded"),
)


class World:
    """Implements ``Engine``; what it was asked is in ``asked``, what it answers is set by the test."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.closed = 0
        self.difference: Mapping[str, Any] = {}
        self.script: tuple[Event, ...] = GOOD_RUN
        self.fresh: tuple[Event, ...] = ()
        self.ending: Mapping[str, Any] = {"status": Status.SUCCEEDED}
        self.found_nodes: Mapping[str, str] = {}
        self.found_hosts = tuple(HostCounts(host, Counts(ok=1)) for host in HOSTS)
        self.found_failures: tuple[Failure, ...] = ()
        self.found_changes: tuple[Change, ...] = ()
        self.found: tuple[Finding, ...] = ()
        self.found_texts: dict[str, str] = {}
        self.known: dict[str, StackInfo] = {}
        self.kept_plans: dict[str, PlanInfo] = {}
        self.kept_files: dict[tuple[str, int], Bundle] = {}
        self.exports: dict[str, Mapping[str, Any]] = {}
        self.on_events: Callable[[], None] = lambda: None
        self.refusal: UndercloudError | None = None
        self._runs: dict[str, Deployment] = {}

    def _start(self, stack: str, operation: Operation) -> Deployment:
        if self.refusal:
            raise self.refusal
        run = Deployment(
            f"run-{len(self._runs) + 1}", stack, operation, Status.RUNNING, started=at(0), version=3
        )
        self._runs[run.id] = run
        return run

    def _finish(self, deployment: str) -> None:
        end = {"ended": at(75), "stage": "run", **self.ending}
        self._runs[deployment] = dataclasses.replace(self._runs[deployment], **end)

    def deploy(self, request: DeployRequest) -> Deployment:
        self.asked.append(request)
        return self._start(request.stack, Operation.DRY_RUN if request.dry_run else Operation.DEPLOY)

    def delete(self, request: DeleteRequest) -> Deployment:
        self.asked.append(request)
        return self._start(request.stack, Operation.DELETE)

    def compare_plans(self, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
        self.asked.append((before, after))
        return self.difference

    def explain_plan(
        self, plan: PlanRef, name: str, *, effects: bool = True, everything: bool = False
    ) -> Explained:
        self.asked.append((plan, name, effects, everything))
        return Explained(f"parameter {name}\n", {"name": name, "answers": [], "findings": []})

    def check(self, request: CheckRequest) -> Deployment:
        self.asked.append(request)
        return self._start(request.stack, Operation.CHECK)

    def rollback(self, request: RollbackRequest) -> Deployment:
        self.asked.append(request)
        return self._start(request.stack, Operation.DEPLOY)

    def resume(self, deployment: str, limit: str = "", skip: tuple[str, ...] = ()) -> Deployment:
        self.asked.append(("resume", deployment, *filter(None, (limit, skip))))
        self.script += self.fresh
        self._runs[deployment] = dataclasses.replace(self._runs[deployment], status=Status.RUNNING)
        return self._runs[deployment]

    def cancel(self, deployment: str, reason: str = "") -> None:
        self.asked.append(("cancel", deployment, reason))
        self.ending = {"status": Status.INTERRUPTED}
        self.on_events = lambda: None

    def deployment(self, deployment: str) -> Deployment:
        return self._runs[deployment]

    def hosts(self, deployment: str) -> tuple[HostCounts, ...]:
        return self.found_hosts

    def deployments(self, stack: str = "", limit: int = 100, marker: str = "") -> tuple[Deployment, ...]:
        newest_first = reversed(self._runs.values())
        return tuple(run for run in newest_first if stack in {"", run.stack})[:limit]

    def events(
        self, deployment: str, after: int = 0, limit: int = 1000, wait: float = 0
    ) -> tuple[Event, ...]:
        self.on_events()
        fresh = tuple(one for one in self.script if one.seq > after)[:limit]
        if not self._runs[deployment].status.final and (not fresh or fresh[-1] is self.script[-1]):
            self._finish(deployment)
        return fresh

    def wait(self, deployment: str, timeout: float | None = None) -> Deployment:
        self._finish(deployment)
        return self._runs[deployment]

    def failures(self, stack: str, deployment: str = "") -> tuple[Failure, ...]:
        return self.found_failures

    def changes(self, deployment: str) -> tuple[Change, ...]:
        return self.found_changes

    def status(self, stack: str) -> StackInfo:
        if stack not in self.known:
            raise UndercloudError.of("DEP-003", f"there is no stack {stack}", fix="see: overcloud plan list")
        return self.known[stack]

    def stack_hosts(self, stack: str) -> tuple[StackHost, ...]:
        self.status(stack)
        return tuple(StackHost(name, address, "") for name, address in self.found_nodes.items())

    def stacks(self) -> tuple[StackInfo, ...]:
        return tuple(self.known.values())

    def plans(self) -> tuple[PlanInfo, ...]:
        return tuple(self.kept_plans.values())

    def keep_plan(self, bundle: Bundle) -> int:
        before = self.kept_plans.get(bundle.name)
        version = before.version + 1 if before else 1
        self.kept_plans[bundle.name] = PlanInfo(bundle.name, version, at(0), at(version), len(bundle.files))
        self.kept_files[bundle.name, version] = bundle
        return version

    def plan_files(self, stack: str, version: int = 0) -> Bundle:
        return self.kept_files[stack, version or self.kept_plans[stack].version]

    def validate_plan(self, stack: str, version: int = 0, given: GivenFiles | None = None) -> Validated:
        self.asked.append(("validate", stack, version, given))
        if stack not in self.kept_plans:
            raise UndercloudError.of("DEP-003", f"there is no stack {stack}")
        return Validated(stack, version or self.kept_plans[stack].version, self.found, self.found_texts)

    def delete_plan(self, stack: str) -> None:
        if stack not in self.kept_plans:
            raise UndercloudError.of("DEP-003", f"there is no plan {stack}")
        del self.kept_plans[stack]

    def credentials(self, stack: str) -> Credentials:
        entry = {"auth": {"auth_url": "http://192.0.2.5:5000/v3", "password": "s3cret"}}
        return Credentials(stack, entry, "export OS_PASSWORD=s3cret\n", "AUTHORITY\n")

    def backup(self, request: BackupRequest) -> Deployment:
        self.asked.append(request)
        return self._start(request.stack, Operation.BACKUP)

    def export_stack(self, stack: str) -> Exported:
        if stack not in self.exports:
            raise UndercloudError.of("DEP-003", f"there is no stack {stack}")
        return Exported(stack, self.exports[stack])

    def forget_host_key(self, address: str, port: int = 22) -> bool:
        self.asked.append(("forget", address, port))
        return address in HOSTS.values()

    def close(self) -> None:
        self.closed += 1


def failure() -> Failure:
    """A container that never got healthy."""
    finding = Finding("NODE-012", "keystone is not healthy after 300 s", fix="look at its log")
    return Failure(
        "run-1", "run", 3, "overcloud-controller-0", "Step 3", "keystone", finding, ("boom", "no database")
    )
