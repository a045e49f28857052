"""Which deployments are too old to be kept, and forgetting them bit by bit.

What anybody may still build on stays, however old: what runs, what a stack stands as on its nodes, what a
rollback without a version goes back to, and every deployment since the last one that succeeded on all nodes,
because these tell which nodes surely have a service's data (``holding``).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from undercloud.conf import Settings
from undercloud.db import deployments, events, models
from undercloud.db.database import Database
from undercloud.deploy import history
from undercloud.deploy.engine import WRITING, Operation, Status

_BATCH = 1000  # events that are deleted at once: nobody waits for long until it is done


def forget_old(settings: Settings, database: Database, stopping: Callable[[], bool]) -> Iterator[str]:
    """Forget deployments beyond ``[deployment] keep_deployments``; their ids, each when it is gone.

    Their events go first, so that an engine that ends in between goes on where it was.
    """
    keep = settings.deployment.keep_deployments
    if not keep:
        return
    with database.read() as session:
        wanted = [(stack, old) for stack in deployments.stacks(session) for old in _old(session, stack, keep)]
    for stack, deployment in wanted:
        while _forget_events(database, deployment):
            if stopping():
                return
        with database.write() as session:
            deployments.remove(session, deployment)
        shutil.rmtree(settings.paths.artifacts(stack) / deployment, ignore_errors=True)
        yield deployment


def _forget_events(database: Database, deployment: str) -> bool:
    with database.write() as session:
        return events.remove_first(session, deployment, _BATCH)


def _old(session: Session, stack: str, keep: int) -> list[str]:
    """A stack's deployments that nobody needs, beyond the newest ``keep`` of their operation."""
    good = history.good(session, stack)
    needed = {row.id for row in _needed(session, stack, good)}
    found: list[str] = []
    seen: Counter[str] = Counter()
    for row in deployments.brief(session, stack):
        seen[row.operation] += 1
        telling = row.operation in WRITING and good and row.started >= good[0].started
        if seen[row.operation] > keep and Status(row.status).final and row.id not in needed and not telling:
            found.append(row.id)
    return found


def _needed(session: Session, stack: str, good: list[models.Deployment]) -> Iterator[models.Deployment]:
    yield from good[:1]
    yield from [row for row in good if row.version != good[0].version][:1]
    done = str(Status.SUCCEEDED)
    for row in (
        deployments.last(session, stack, WRITING),
        deployments.last(session, stack, WRITING, compiled=True),
        deployments.last(session, stack, WRITING, status=done),
        deployments.last(session, stack, WRITING, compiled=True, status=done),
        deployments.last(session, stack, (Operation.DELETE,), status=done),
    ):
        if row is not None:
            yield row
