"""The one interface through which clouds are deployed: in this process, over RPC, or over the REST API.

Every request and answer is a frozen dataclass of plain values (text, numbers, tuples, mappings, other such
dataclasses), so that ``wire.to_plain`` and ``wire.from_plain`` carry them over any border as JSON. Times are
UTC, ISO 8601 with microseconds and ``+00:00``. Every method raises ``UndercloudError`` for what the operator
can mend.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanRef,
    RollbackRequest,
)
from undercloud.diagnostics import Finding
from undercloud.plan.bundle import Bundle


class Operation(enum.StrEnum):
    """What a deployment does; a check only looks, and a backup or a snapshot only copies."""

    DEPLOY = "deploy"
    DRY_RUN = "dry-run"
    DELETE = "delete"
    CHECK = "check"
    BACKUP = "backup"
    RESTORE = "restore"
    SNAPSHOT = "snapshot"
    PREPARE = "preparation"
    PROVISION = "provision"
    UNPROVISION = "unprovision"
    ALLOCATE = "allocation"


WRITING = (Operation.DEPLOY, Operation.DELETE)
"""The operations that change what a stack is on its nodes."""


class Status(enum.StrEnum):
    """Where a deployment, a stage or the event about one stands.

    ``interrupted`` is neither success nor failure: the operator stopped it, or its engine died. The next
    run goes on from there.
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in {Status.PENDING, Status.RUNNING}


class EventKind(enum.StrEnum):
    """What an event tells of."""

    DEPLOYMENT = "deployment"  # status: running, pending when its engine left it in order, then a final one
    STAGE = "stage"  # status: running, then a final one
    TASK = "task"  # a task begins (on all hosts of its play)
    RESULT = "result"  # a task ended on a host; data: {"task", "elapsed", "actions"?, "diff"?}
    FINDING = "finding"  # data: the finding, and "forced_by" where it was let pass
    FAILURE = "failure"  # data: a Failure
    LOG = "log"  # a line that Ansible printed and that belongs to no task


class ResultStatus(enum.StrEnum):
    """How a task ended on a host (the status of an event of kind ``result``)."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Counts:
    """How many task results there were, by how they ended."""

    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Stage:
    """One stage of a deployment; finished stages are never repeated."""

    name: str
    status: Status = Status.PENDING
    started: str = ""
    ended: str = ""


@dataclass(frozen=True)
class Forced:
    """A finding that would have stopped a deployment and was let pass: by whom, when, on which host."""

    code: str
    message: str
    operator: str
    time: str
    host: str = ""


@dataclass(frozen=True)
class Deployment:
    """One run of an operation, as it stands now.

    ``stage`` is the one that runs or at which it stopped; ``version`` is the plan's version; ``counts`` are
    the task results of all hosts, ``host_counts`` how many hosts stand where, each by the worst of its
    results; ``findings`` holds errors, warnings and notes of validation and of the checks of the nodes,
    ``forced`` those of them that were let pass. ``limit`` are the hosts that it was limited to (an Ansible
    host pattern), ``rollback_of`` the deployment that it takes back.
    """

    id: str
    stack: str
    operation: Operation
    status: Status
    stage: str = ""
    version: int = 0
    started: str = ""
    ended: str = ""
    holder: str = ""
    counts: Counts = Counts()
    host_counts: Counts = Counts()
    stages: tuple[Stage, ...] = ()
    findings: tuple[Finding, ...] = ()
    forced: tuple[Forced, ...] = ()
    directory: str = ""
    limit: str = ""
    rollback_of: str = ""


@dataclass(frozen=True)
class HostCounts:
    """What became of a deployment's tasks on one host."""

    name: str
    counts: Counts


@dataclass(frozen=True)
class Event:
    """One thing that happened; ``seq`` counts from 1 within its deployment without gaps.

    ``step`` is -1 outside the steps; ``status`` is a ``Status`` or a ``ResultStatus``, empty where the
    kind has none. Secrets are masked.
    """

    seq: int
    time: str
    kind: EventKind
    stage: str = ""
    step: int = -1
    host: str = ""
    status: str = ""
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a deployment failed, as near to the cause as is known.

    ``log`` are the last lines of the container or the task; ``finding`` has the code (``DEP-``, ``NODE-`` or
    the compiler's), the likely cause as its message and how to mend it.
    """

    deployment: str
    stage: str
    step: int
    host: str
    task: str
    container: str
    finding: Finding
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One thing that a dry run says would change (or that a run changed) on a host.

    ``kind`` is file, directory, unit, container or image; free-form tasks have kind ``task`` and action
    ``run`` (their effect is unknown). ``before`` and ``after`` are masked texts, empty without a diff.
    """

    host: str
    step: int
    kind: str
    name: str
    action: str
    reason: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class LockInfo:
    """Who writes a stack now and since when; ``fence`` only grows."""

    holder: str
    since: str
    heartbeat: str
    fence: int


@dataclass(frozen=True)
class PlanInfo:
    """A plan the engine keeps; one plan a stack, with the same name."""

    name: str
    version: int
    created: str
    updated: str
    files: int


@dataclass(frozen=True)
class Validated:
    """What validation says of a plan's version; ``texts`` are its files that findings point into."""

    name: str
    version: int
    findings: tuple[Finding, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Explained:
    """What a name means in a plan: as a tree to read, and as ``overcloud plan explain -f json`` prints it."""

    text: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class StackInfo:
    """A stack as ``overcloud status`` shows it.

    ``status`` is one of ``none`` (planned, never deployed), ``deploying``, ``deployed``, ``failed``,
    ``interrupted``, ``deleting``, ``deleted``. ``nodes`` is the number of those that were compiled last.
    """

    name: str
    status: str
    version: int
    deployment: Deployment | None
    lock: LockInfo | None
    nodes: int = 0
    auth_url: str = ""


@dataclass(frozen=True)
class StackHost:
    """A node of a stack, with its SSH address."""

    name: str
    address: str
    role: str


@dataclass(frozen=True)
class Credentials:
    """How to use a deployed cloud; holds a password, so it is never logged or printed.

    ``clouds`` is the entry for clouds.yaml (under ``clouds: {cloud: …}``), ``rc`` the text of overcloudrc.
    ``authority`` is the PEM text of the certificate authority to trust, to be put into a file by whoever
    writes these (:func:`undercloud.deploy.credentials.trusting`); empty where none is needed, or both name
    one already.
    """

    cloud: str
    clouds: Mapping[str, Any]
    rc: str
    authority: str = ""


@dataclass(frozen=True)
class Exported:
    """What a stack tells another: parameter → value; holds passwords, so it is never logged."""

    stack: str
    parameters: Mapping[str, Any] = field(repr=False)


class Engine(Protocol):
    """Deploys clouds. Calls are short; the long work goes on behind them."""

    def deploy(self, request: DeployRequest) -> Deployment:
        """Start a deployment or a dry run; refused (DEP-001) while another writes the same stack."""
        ...

    def delete(self, request: DeleteRequest) -> Deployment:
        """Start to undo a stack on its nodes; its plan, passwords and history stay until ``delete_plan``."""
        ...

    def check(self, request: CheckRequest) -> Deployment:
        """Start the checks of a deployed cloud; DEP-005 where none is, DEP-001 while one writes it."""
        ...

    def backup(self, request: BackupRequest) -> Deployment:
        """Start to copy what a deployed cloud cannot be made again without, or to put it back.

        DEP-005 where none is deployed, DEP-001 while one writes it, DEP-035 for a directory that holds no
        backup or may not become one.
        """
        ...

    def resume(self, deployment: str, limit: str = "", skip: tuple[str, ...] = ()) -> Deployment:
        """Go on with an interrupted or failed deployment at its first unfinished stage.

        From here on it is limited to the hosts ``limit`` and leaves out the stages ``skip``, too; DEP-033 for
        one that cannot be left out.
        """
        ...

    def rollback(self, request: RollbackRequest) -> Deployment:
        """Start to deploy the last good version again, or an earlier one; DEP-034 where there is none."""
        ...

    def cancel(self, deployment: str, reason: str = "") -> None:
        """Ask a running deployment to stop: it becomes ``interrupted``, keeps its state, frees the lock."""
        ...

    def deployment(self, deployment: str) -> Deployment:
        """One deployment as it stands."""
        ...

    def hosts(self, deployment: str) -> tuple[HostCounts, ...]:
        """The hosts that a deployment's tasks ran on, by name."""
        ...

    def deployments(self, stack: str = "", limit: int = 100, marker: str = "") -> tuple[Deployment, ...]:
        """Deployments, newest first, of one stack or of all; without their stages.

        With a ``marker``, the id of a deployment, those before it; DEP-004 when there is none of that id.
        """
        ...

    def events(
        self, deployment: str, after: int = 0, limit: int = 1000, wait: float = 0
    ) -> tuple[Event, ...]:
        """Events with a ``seq`` above ``after``; waits up to ``wait`` seconds for the first one."""
        ...

    def wait(self, deployment: str, timeout: float | None = None) -> Deployment:
        """Wait until a deployment's status is final, or ``timeout`` seconds; the deployment as it then is."""
        ...

    def failures(self, stack: str, deployment: str = "") -> tuple[Failure, ...]:
        """Failures of a deployment, the stack's last one unless said; empty when it did not fail."""
        ...

    def changes(self, deployment: str) -> tuple[Change, ...]:
        """What a dry run would change, or what a run changed, in the order of steps and hosts."""
        ...

    def status(self, stack: str) -> StackInfo:
        """One stack; DEP-003 when the name is unknown."""
        ...

    def stack_hosts(self, stack: str) -> tuple[StackHost, ...]:
        """The nodes that were compiled last for a stack, by name; DEP-003 when the name is unknown."""
        ...

    def stacks(self) -> tuple[StackInfo, ...]:
        """All stacks by name."""
        ...

    def plans(self) -> tuple[PlanInfo, ...]:
        """All plans by name."""
        ...

    def keep_plan(self, bundle: Bundle) -> int:
        """Keep a plan's files as its newest version, without deploying it; the version's number."""
        ...

    def plan_files(self, stack: str, version: int = 0) -> Bundle:
        """The files of a version (0: the newest), as they were handed over. DEP-003, DEP-028."""
        ...

    def validate_plan(self, stack: str, version: int = 0, given: GivenFiles | None = None) -> Validated:
        """Validate a version of a plan (0: the newest) against what is deployed; nothing is kept.

        DEP-003 for an unknown plan, DEP-028 for an unknown version.
        """
        ...

    def compare_plans(self, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
        """What differs between two plans, secrets masked, as ``overcloud plan diff -f json`` prints it.

        DEP-003 for an unknown plan, DEP-028 for an unknown version, DEP-005 for a stack that is not deployed.
        """
        ...

    def explain_plan(
        self, plan: PlanRef, name: str, *, effects: bool = True, everything: bool = False
    ) -> Explained:
        """Where a value of a kept plan comes from and what it leads to, secrets masked.

        Without ``effects`` it is not looked for what a parameter leads to; ``everything`` names all effects
        in the text. DEP-003 for an unknown plan, DEP-028 for an unknown version, EXP-001 for an unknown name.
        """
        ...

    def delete_plan(self, stack: str) -> None:
        """Forget a plan with its versions and passwords; refused (DEP-006) while its stack is on nodes."""
        ...

    def credentials(self, stack: str) -> Credentials:
        """How to use a deployed cloud; DEP-005 when it has not been deployed."""
        ...

    def export_stack(self, stack: str) -> Exported:
        """What another plan needs of a deployed stack; DEP-003 unknown, DEP-005 not deployed."""
        ...

    def forget_host_key(self, address: str, port: int = 22) -> bool:
        """Let the next contact with an address be the first one; False when it was never met."""
        ...

    def close(self) -> None:
        """Stop what runs (it becomes ``interrupted``) and free what is held."""
        ...


def follow(engine: Engine, deployment: str, after: int = 0, patience: float = 1.0) -> Iterator[Event]:
    """Yield a deployment's events as they happen, until its status is final and all were given.

    ``patience`` is the longest single call in seconds, so that a signal is seen that soon.
    """
    while True:
        final = engine.deployment(deployment).status.final
        batch = engine.events(deployment, after, wait=0 if final else patience)
        for event in batch:
            after = event.seq
            yield event
        if final and not batch:
            return
