"""One deployment at work: its stages run in order, each recorded, each at most once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from undercloud.baremetal.ironic import Ironic
from undercloud.conf import Settings
from undercloud.db.database import Database
from undercloud.deploy import compiled, failures, leaving
from undercloud.deploy.compiling import Compiled, Compiler, Loaded, Node
from undercloud.deploy.engine import Failure, Operation, Status
from undercloud.deploy.ironic_access import no_ironic
from undercloud.deploy.lease import Lease, LockLostError
from undercloud.deploy.machines import MachinesRequest, UnprovisionRequest
from undercloud.deploy.recorder import Recorder
from undercloud.deploy.requests import BackupRequest, CheckRequest, DeleteRequest, DeployRequest, SshAccess
from undercloud.deploy.runner import PlaybookRunner
from undercloud.deploy.ssh import Ssh
from undercloud.deploy.workspace import LeftError, Workspace
from undercloud.diagnostics import Finding, Severity, UndercloudError, internal

_LOG = logging.getLogger(__name__)
DIRECTORY = "config-download"
_PASSING = frozenset(
    {Operation.DRY_RUN, Operation.CHECK, Operation.BACKUP, Operation.RESTORE, Operation.SNAPSHOT}
)

Request = DeployRequest | DeleteRequest | CheckRequest | BackupRequest | MachinesRequest | UnprovisionRequest


@dataclass(frozen=True)
class Borders:
    """What the engine reaches the world through; the compiler is only made for who compiles."""

    compiler: Callable[[], Compiler]
    runner: PlaybookRunner
    ssh: Ssh
    ironic: Callable[[], Ironic] = no_ironic


@dataclass
class Work:
    """What the stages of a deployment share; ``loaded`` and ``compiled`` are None until a stage made them.

    ``partial`` are failures that did not stop the others; with one the whole does not count as done.
    """

    deployment: str
    operation: Operation
    request: Request
    settings: Settings
    database: Database
    borders: Borders
    lease: Lease
    recorder: Recorder
    workspace: Workspace
    loaded: Loaded | None = None
    compiled: Compiled | None = None
    compilation: int = 0
    skipped: frozenset[str] = frozenset()
    partial: list[Failure] = field(default_factory=list)
    followed: Mapping[str, Any] = field(default_factory=dict)

    def run_key(self, purpose: str) -> str:
        """What the run of a playbook is called in the record."""
        return f"{self.workspace.root.name}/{purpose}"

    def seen(self, run: str) -> int:
        """The number of the last event of a playbook's run that an earlier engine recorded."""
        return int(self.followed["seen"]) if self.followed.get("run") == run else 0

    @property
    def stack(self) -> str:
        """The stack that is worked on."""
        return self.request.stack

    @property
    def stack_dir(self) -> Path:
        """The stack's own directory on the engine's machine."""
        return self.settings.paths.stack_dir(self.stack)

    @property
    def directory(self) -> Path:
        """The playbook directory; that of a dry run is as short-lived as its state."""
        if self.short_lived:
            return self.workspace.root / DIRECTORY
        return self.stack_dir / DIRECTORY

    @property
    def short_lived(self) -> bool:
        """Whether nothing of it is to be kept but its record."""
        return self.operation in _PASSING

    @property
    def mark(self) -> str:
        """What tells the processes of this stack from all others on the machine."""
        return mark_of(self.settings.paths.state_dir, self.stack)

    def result(self) -> Compiled:
        """What was compiled, by this run or by the one that it goes on with."""
        if self.compiled is None:
            if not self.compilation:
                raise internal("a stage needs what was not compiled yet")
            self.compiled = compiled.read(self.database, self.compilation)
        return self.compiled

    @property
    def access(self) -> SshAccess:
        """The way into the nodes; without a key of the operator's, ours is for those that we installed."""
        return self.request.ssh

    def installed(self) -> frozenset[str]:
        """The addresses of nodes that we installed, also of those that leave."""
        with self.database.read() as session:
            left = leaving.installed(session, self.stack)
        return left | {one.address for one in self.result().machines}

    def nodes(self) -> list[Node]:
        """The nodes with the request's user and port, without those that are to be left out."""
        access = self.access
        return [
            replace(node, user=access.user or node.user, port=access.port or node.port)
            for node in self.result().nodes
            if node.name not in self.skipped
        ]

    def fail_partly(self, failure: Failure) -> None:
        """Record what failed with one machine or node; the others go on."""
        self.recorder.failure(failure)
        self.partial.append(failure)

    def report(self, findings: Sequence[Finding]) -> None:
        """Record findings; errors whose codes are not forced are raised together."""
        errors = [finding for finding in findings if not self._passes(finding)]
        if errors:
            raise UndercloudError(*errors)

    def report_failures(self, found: Sequence[Failure]) -> None:
        """The same for what is wrong with nodes; raises NodesError."""
        errors = [failure for failure in found if not self._passes(failure.finding)]
        if errors:
            raise failures.NodesError(errors)

    def _passes(self, finding: Finding) -> bool:
        """Record what does not stop this deployment."""
        request = self.request if isinstance(self.request, DeployRequest) else None
        stops = finding.severity is Severity.ERROR
        if request is not None and request.warnings_stop:
            stops = stops or finding.severity is Severity.WARNING
        if not stops:
            self.recorder.finding(finding)
            return True
        if request is None or not _let_pass(request, finding.code):
            return False
        self.recorder.finding(replace(finding, severity=Severity.WARNING), forced_by=request.operator or "?")
        return True


def mark_of(state_dir: Path, stack: str) -> str:
    """What tells the processes of a stack from all others on the machine."""
    return f"{state_dir}:{stack}"


def deploy_request(work: Work) -> DeployRequest:
    """The request of a deployment or a dry run."""
    if not isinstance(work.request, DeployRequest):
        raise internal(f"{work.operation} has no plan")
    return work.request


def loaded(work: Work) -> Loaded:
    """The operator's files, which an earlier stage read."""
    if work.loaded is None:
        raise internal("a stage needs what was not read yet")
    return work.loaded


def _let_pass(request: DeployRequest, code: str) -> bool:
    """Whether the operator lets a finding pass; what keeps us from the nodes has to be named."""
    return code in request.force or (request.errors_pass and not code.startswith("DEP-"))


@dataclass(frozen=True)
class Stage:
    """An action that carries out one stage, or several in a row that it tells apart itself.

    Where it is not ``needed`` nothing is told of it. One that is drawn ``ahead`` has a stage of a later
    action for itself; where that is not needed it is left to the later one.
    """

    names: tuple[str, ...]
    action: Callable[[Work, Turns], None]
    needed: Callable[[Work], bool] = bool
    ahead: bool = False


def stage_names(stages: Sequence[Stage]) -> list[str]:
    """Every stage once, in the order in which they can begin."""
    return list(dict.fromkeys(name for stage in stages for name in stage.names))


class CancelledError(Exception):
    """The deployment was asked to stop, and has."""


class Turns:
    """Passes from stage to stage of one action, recording each turn.

    ``names`` are those that are left, ``action`` all that the action has.
    """

    def __init__(self, work: Work, names: Sequence[str], action: Sequence[str]) -> None:
        self._work = work
        self.names = tuple(names)
        self.action = tuple(action)
        self._at = 0

    def begin(self) -> None:
        """The first stage runs."""
        self._work.recorder.stage_begins(self.names[0])

    def to(self, name: str) -> None:
        """Go on to a later stage: all before it are done. A name that is not ahead changes nothing."""
        if name in self.names[self._at + 1 :]:
            while self.names[self._at] != name:
                self._work.recorder.stage_ends(self.names[self._at], Status.SUCCEEDED)
                self._at += 1
                self._work.recorder.stage_begins(self.names[self._at])

    def end(self) -> None:
        """The last one is done."""
        self.to(self.names[-1])
        self._work.recorder.stage_ends(self.names[-1], Status.SUCCEEDED)

    @property
    def name(self) -> str:
        """The stage that runs."""
        return self.names[self._at]


def carry_out(work: Work, stages: Sequence[Stage], finished: frozenset[str]) -> tuple[Status, str]:
    """Run the stages that are not finished and not to be left out; the final status and what to say of it.

    Neither is recorded yet.

    Raises LockLostError when another engine took over, LeftError when one shall: then nothing more is
    recorded by this one.
    """
    status, message = Status.SUCCEEDED, f"{work.operation} of {work.stack} succeeded"
    done = set(finished)
    skip = set(work.request.skip if isinstance(work.request, DeployRequest) else ())
    for stage in stages:
        left = [name for name in stage.names if name not in done]
        for name in left:
            if name in skip:
                work.recorder.stage_skipped(name)
                done.add(name)
        names = [name for name in left if name not in skip]
        if not names:
            continue
        if not stage.needed(work):
            for name in () if stage.ahead else names:
                work.recorder.stage_not_needed(name)
            continue
        turns = Turns(work, names, stage.names)
        status, message = _carry_out_one(work, stage, turns)
        if status is not Status.SUCCEEDED:
            work.recorder.stage_ends(turns.name, status)
            break
        done.update(names)
    if status is Status.SUCCEEDED and work.partial:
        hosts = sorted({failure.host for failure in work.partial})
        return Status.FAILED, f"{work.operation} of {work.stack} failed for {', '.join(hosts)}"
    return status, message


def _carry_out_one(work: Work, stage: Stage, turns: Turns) -> tuple[Status, str]:
    try:
        if work.lease.cancelled:
            raise CancelledError
        turns.begin()
        stage.action(work, turns)
        turns.end()
    except (LockLostError, LeftError):
        raise
    except CancelledError:
        if work.lease.leaving:
            raise LeftError from None
        why = work.lease.reason or "cancelled"
        return Status.INTERRUPTED, f"{work.operation} of {work.stack} was interrupted: {why}"
    except UndercloudError as error:
        return _failed(work, turns.name, error)
    except OSError as error:
        return _failed(work, turns.name, _of_system(error))
    except Exception as fault:  # noqa: BLE001 - the engine's border: a fault of ours ends one deployment only
        _LOG.exception("stage %s of %s", turns.name, work.stack)
        return _failed(work, turns.name, internal(f"{type(fault).__name__} in {turns.name}: {fault}"))
    return Status.SUCCEEDED, f"{work.operation} of {work.stack} succeeded"


def _of_system(error: OSError) -> UndercloudError:
    """What this machine refused, told as its operator's matter."""
    what = f" ({error.filename})" if error.filename else ""
    return UndercloudError.of(
        "DEP-026",
        f"this machine refused: {error.strerror or error}{what}",
        fix="See that the disk of the state directory has room and that its files belong to this user, then "
        "deploy again; it goes on where it was.",
    )


def _failed(work: Work, stage: str, error: UndercloudError) -> tuple[Status, str]:
    work.recorder.fail(error)
    return Status.FAILED, f"{work.operation} of {work.stack} failed in stage {stage}"
