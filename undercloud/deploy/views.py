"""From the database's rows to what the engine answers."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from undercloud.db import models
from undercloud.db.types import utcnow
from undercloud.deploy import wire
from undercloud.deploy.engine import (
    Change,
    Counts,
    Deployment,
    Event,
    EventKind,
    HostCounts,
    LockInfo,
    Operation,
    Stage,
    Status,
)
from undercloud.diagnostics import Finding

_COUNTS = tuple(field.name for field in fields(Counts))
_WORST_FIRST = ("unreachable", "failed", "changed", "ok", "skipped")
_STACK_STATUS = {
    (Operation.DEPLOY, Status.RUNNING): "deploying",
    (Operation.DEPLOY, Status.SUCCEEDED): "deployed",
    (Operation.DELETE, Status.RUNNING): "deleting",
    (Operation.DELETE, Status.SUCCEEDED): "deleted",
}


def moment(value: datetime.datetime | None) -> str:
    """A time as the engine tells it; empty for none."""
    return "" if value is None else value.isoformat(timespec="microseconds")


def deployment(row: models.Deployment, status: Status, stages: Iterable[models.Stage] = ()) -> Deployment:
    """A deployment with its stages, told to have ``status``."""
    total: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    for counts in row.hosts.values():
        total.update(counts)
        standing.update([worst for worst in _WORST_FIRST if counts.get(worst)][:1])
    return Deployment(
        id=row.id,
        stack=row.stack,
        operation=Operation(row.operation),
        status=status,
        stage=row.stage,
        version=row.version,
        started=moment(row.started),
        ended=moment(row.ended),
        holder=row.holder,
        counts=_counts(total),
        host_counts=_counts(standing),
        stages=tuple(
            Stage(stage.name, Status(stage.status), moment(stage.started), moment(stage.ended))
            for stage in stages
        ),
        findings=wire.from_plain(tuple[Finding, ...], row.findings),
        directory=row.directory,
        limit=row.limited_to,
        rollback_of=row.rollback_of,
    )


def hosts(row: models.Deployment) -> tuple[HostCounts, ...]:
    """A deployment's hosts by name."""
    return tuple(HostCounts(name, _counts(counts)) for name, counts in sorted(row.hosts.items()))


def _counts(counts: Mapping[str, int]) -> Counts:
    return Counts(**{name: counts.get(name, 0) for name in _COUNTS})


def event(row: models.Event) -> Event:
    """An event."""
    return Event(
        row.seq,
        moment(row.time),
        EventKind(row.kind),
        row.stage,
        row.step,
        row.host,
        row.status,
        row.message,
        row.data,
    )


def lock(row: models.Lock | None) -> LockInfo | None:
    """Who holds a lock, None when nobody does."""
    if row is None or row.holder is None:
        return None
    return LockInfo(row.holder, moment(row.since), moment(row.heartbeat), row.fence)


def stack_status(last: Deployment | None) -> str:
    """How a stack stands after its last deployment or deletion."""
    if last is None:
        return "none"
    return _STACK_STATUS.get((last.operation, last.status), str(last.status))


def turn(
    message: str, status: Status, stage: str = "", data: Mapping[str, Any] | None = None
) -> models.Event:
    """The event of a deployment's beginning or end, to be kept outside of its recorder."""
    return models.Event(
        time=utcnow(),
        kind=str(EventKind.DEPLOYMENT),
        stage=stage,
        step=-1,
        host="",
        status=str(status),
        message=message,
        data=dict(data or {}),
    )


def changes(rows: Sequence[models.Event]) -> Iterator[Change]:
    """The changes that results tell of."""
    for row in rows:
        for action in row.data.get("actions") or ():
            diff = action.get("diff") or {}
            yield Change(
                row.host,
                row.step,
                action["kind"],
                action["name"],
                action["action"],
                action.get("reason", ""),
                diff.get("before", ""),
                diff.get("after", ""),
            )
