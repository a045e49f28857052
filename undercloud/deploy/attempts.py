"""What an attempt takes up from earlier ones and leaves out, and what a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from undercloud.db import deployments, events
from undercloud.db.models import Deployment, Event
from undercloud.deploy import history, resuming, views, wire
from undercloud.deploy.engine import WRITING, EventKind, Failure, Operation, Status
from undercloud.deploy.events import NODE_PLAYBOOKS
from undercloud.deploy.pipelines import DEPLOY
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.work import stage_names
from undercloud.diagnostics import UndercloudError

# What later stages build on, and what keeps data from being lost.
_NEEDED = frozenset({"plan", "validate", "compile", "provision", "directory"})
_LEAVE, _CLEAN = "scale-in", "clean"
_NAMES = stage_names(DEPLOY)
_BEFORE_NODES = frozenset({*_NEEDED, "preflight", ""})
_DONE = (Status.SUCCEEDED, Status.SKIPPED)
_LOST = "lost"  # in the event of a turn: how many engines died before it, at the stage where it begins


def lasting(operation: str) -> bool:
    """Whether an operation does more than look, so that another engine goes on with it."""
    return operation in resuming.LASTING


def may_go_on(session: Session, row: Deployment, status: Status) -> None:
    """Raise DEP-007 for a deployment that cannot be resumed; ``status`` is how it really stands."""
    later = deployments.last(session, row.stack, resuming.overtaking(Operation(row.operation)))
    if not lasting(row.operation):
        why = "it only looked, and kept nothing to go on from"
    elif status not in resuming.STOPPED:
        why = f"it {'runs' if status is Status.RUNNING else 'has ' + status}"
    elif later is not None and later.id != row.id:
        why = f"the {later.operation} {later.id} of {row.stack} came after it"
    else:
        return
    raise UndercloudError.of(
        "DEP-007",
        f"{row.operation} {row.id} cannot be resumed: {why}",
        fix=f"Begin anew; see how {row.stack} stands: openstack overcloud deployment list",
    )


def so_far(session: Session, row: Deployment, status: Status) -> tuple[frozenset[str], tuple[Failure, ...]]:
    """The stages that need not be repeated, and what failed in them without stopping the others.

    A deletion leaves nothing behind that a later stage of it builds on. Work with machines that came to its
    end without some of them begins at its first stage, for these.
    """
    if row.operation == Operation.DELETE:
        return frozenset(), ()
    stages = deployments.stages(session, row.id)
    ran = [stage.name for stage in stages if stage.status == Status.SUCCEEDED]
    failed = [failure for stage in ran for failure in _failures(session, row.id, stage)]
    if failed and status is Status.FAILED:
        return frozenset(), ()
    return frozenset(stage.name for stage in stages if stage.status in _DONE), tuple(failed)


def lives_lost(session: Session, deployment: str) -> int:
    """How many engines died at the stage where a deployment stands, the one that had it last included.

    One that left in order (it was restarted) did not die; whoever resumes a deployment counts from none.
    """
    turns = events.of_kind(session, deployment, str(EventKind.DEPLOYMENT))
    stages = events.of_kind(session, deployment, str(EventKind.STAGE))
    progress = max((event.seq for event in stages if event.status == Status.SUCCEEDED), default=0)
    begun = max((event for event in turns if event.status == Status.RUNNING), key=lambda event: event.seq)
    before = int(begun.data.get(_LOST, 0)) if begun.seq > progress else 0
    return before + (not _left_in_order(turns))


def goes_on(row: Deployment, lost: int) -> Event:
    """The event of a deployment that another engine goes on with, after so many ``lives_lost``."""
    return views.turn(f"{row.operation} of {row.stack} goes on", Status.RUNNING, data={_LOST: lost})


def broke_off(session: Session, row: Deployment) -> Event:
    """The event of an engine's end that left a deployment unfinished."""
    in_order = _left_in_order(events.of_kind(session, row.id, str(EventKind.DEPLOYMENT)))
    what = f"its engine ({row.holder}) {'left it' if in_order else 'died'} in stage {row.stage or 'none'}"
    return views.turn(what, Status.INTERRUPTED, row.stage)


def _left_in_order(turns: Sequence[Event]) -> bool:
    """Whether the last that is known of a deployment is that its engine left it to the next one."""
    return turns[-1].status == Status.PENDING


def _failures(session: Session, deployment: str, stage: str) -> list[Failure]:
    """What failed in the last attempt at a stage."""
    found: list[Failure] = []
    for event in events.of_stage(session, deployment, stage):
        if (event.kind, event.status) == (EventKind.STAGE, Status.RUNNING):
            found = []
        elif event.kind == EventKind.FAILURE:
            found.append(wire.from_plain(Failure, event.data))
    return found


def limited(request: DeployRequest, limit: str, skip: Iterable[str]) -> DeployRequest:
    """The request with a limit in the place of its own, and with more stages to be left out.

    Raises DEP-033 for stages that do not exist or cannot be left out. Nodes that did not leave their clusters
    are not cleaned either.
    """
    wanted = {*request.skip, *skip}
    wrong = sorted(wanted - (set(_NAMES) - _NEEDED))
    if wrong or (wanted and request.dry_run):
        possible = ", ".join(name for name in _NAMES if name not in _NEEDED)
        what = (
            f"these stages cannot be left out: {', '.join(wrong)}"
            if wrong
            else "a dry run looks at all stages"
        )
        raise UndercloudError.of("DEP-033", what, fix=f"--skip takes, when a cloud is deployed: {possible}")
    if _LEAVE in wanted:
        wanted.add(_CLEAN)
    chosen = tuple(name for name in _NAMES if name in wanted)
    return replace(request, limit=limit or request.limit, skip=chosen)


def touched_nodes(row: Deployment) -> bool:
    """Whether a deployment may have changed a node: in the stage of node playbooks, if one began."""
    if row.stage == NODE_PLAYBOOKS:
        return bool(row.playbook)
    return row.stage not in _BEFORE_NODES


def to_roll_back(session: Session, stack: str, version: int) -> tuple[Deployment, Deployment]:
    """The deployment that is to be taken back, and the good one that the stack goes back to.

    Good is what succeeded on all nodes with all stages. Without a version (0) that is the newest one of
    another version than what is taken back. Raises DEP-034 where there is none.
    """
    last = deployments.last(session, stack, WRITING)
    if last is None or last.operation != Operation.DEPLOY:
        raise _nothing(stack, f"{stack} is not deployed", "Deploy it first.")
    if not version and not touched_nodes(last):
        raise _nothing(
            stack,
            f"the last deployment of {stack} ended before it touched a node",
            "Name a version to go back to an earlier one.",
        )
    good = history.good(session, stack)
    if version:
        match = next((row for row in good if row.version == version), None)
        if match is None:
            known = ", ".join(str(number) for number in sorted({row.version for row in good})) or "none"
            raise _nothing(
                stack, f"version {version} of {stack} was never deployed in full", f"Good versions: {known}."
            )
        return last, match
    if last.status != Status.SUCCEEDED and good and good[0].version == last.version:
        raise _nothing(
            stack,
            f"version {last.version}, which failed, is the last good version of {stack}",
            f"Mend what failed and go on: openstack overcloud resume {stack}; or name an earlier version.",
        )
    match = next((row for row in good if row.version != last.version), None)
    if match is None:
        raise _nothing(
            stack, f"no other version of {stack} was ever deployed in full", "Mend what failed and go on."
        )
    return last, match


def _nothing(stack: str, why: str, fix: str) -> UndercloudError:
    return UndercloudError.of(
        "DEP-034",
        f"there is nothing to roll back to: {why}",
        fix=f"{fix} See: openstack overcloud deployment list {stack}",
    )
