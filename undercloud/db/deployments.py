"""Deployments and their stages."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from undercloud.db.models import Deployment, Stage
from undercloud.db.pages import newest_first
from undercloud.db.types import utcnow


def find(session: Session, deployment: str) -> Deployment | None:
    """The deployment of that id."""
    return session.get(Deployment, deployment)


def listing(
    session: Session, stack: str, limit: int, before: Deployment | None = None
) -> Sequence[Deployment]:
    """Deployments of a stack (all stacks when empty), newest first, those that are older than ``before``."""
    query = newest_first(Deployment, limit, before)
    return session.scalars(query.where(Deployment.stack == stack) if stack else query).all()


def whole(
    session: Session, stack: str, operation: str, status: str, *, but_with: str, optional: str
) -> Sequence[Deployment]:
    """Deployments of a stack that ended in ``status`` on all nodes, newest first.

    Those with a stage that ended in ``but_with`` are left out, unless that is the ``optional`` one.
    """
    partial = select(Stage.deployment_id).where(Stage.status == but_with, Stage.name != optional)
    return session.scalars(
        select(Deployment)
        .where(
            Deployment.stack == stack,
            Deployment.operation == operation,
            Deployment.status == status,
            Deployment.limited_to == "",
            Deployment.id.not_in(partial),
        )
        .order_by(Deployment.started.desc(), Deployment.id)
    ).all()


def compiled_since(session: Session, stack: str, operation: str, moment: datetime.datetime) -> list[int]:
    """The compilations of a stack's deployments that began then or later, each once."""
    found = session.scalars(
        select(Deployment.compilation_id)
        .where(Deployment.stack == stack, Deployment.operation == operation, Deployment.started >= moment)
        .distinct()
    )
    return [number for number in found if number is not None]


def last(
    session: Session, stack: str, operations: Iterable[str], *, compiled: bool = False, status: str = ""
) -> Deployment | None:
    """The newest deployment of a stack that is one of the operations; compiled, with that status, if said."""
    query = select(Deployment).where(Deployment.stack == stack, Deployment.operation.in_(tuple(operations)))
    if compiled:
        query = query.where(Deployment.compilation_id.is_not(None))
    if status:
        query = query.where(Deployment.status == status)
    return session.scalar(query.order_by(Deployment.started.desc(), Deployment.id).limit(1))


def stages(session: Session, deployment: str) -> Sequence[Stage]:
    """The stages in their order."""
    return session.scalars(
        select(Stage).where(Stage.deployment_id == deployment).order_by(Stage.position)
    ).all()


def add(session: Session, deployment: Deployment, stage_names: Iterable[str], status: str) -> None:
    """Keep a new deployment with its stages, all in ``status``."""
    session.add(deployment)
    session.flush()
    session.add_all(
        Stage(deployment_id=deployment.id, position=position, name=name, status=status)
        for position, name in enumerate(stage_names)
    )


def set_stage(session: Session, deployment: str, name: str, status: str, *, ended: bool) -> None:
    """Write a stage's new status, with the time it began or ended."""
    now = utcnow()
    moment = {"ended": now} if ended else {"started": now, "ended": None}
    session.execute(
        update(Stage)
        .where(Stage.deployment_id == deployment, Stage.name == name)
        .values(status=status, **moment)
    )


def set_playbook(session: Session, deployment: str, followed: Mapping[str, Any]) -> None:
    """Write how far the record follows the playbook that runs."""
    session.execute(update(Deployment).where(Deployment.id == deployment).values(playbook=dict(followed)))


def with_status(session: Session, stack: str, statuses: Iterable[str]) -> Sequence[Deployment]:
    """Deployments of a stack (all stacks when empty) in one of the statuses."""
    query = select(Deployment).where(Deployment.status.in_(tuple(statuses)))
    return session.scalars(query.where(Deployment.stack == stack) if stack else query).all()


def stacks(session: Session) -> Sequence[str]:
    """The names of all stacks that have deployments."""
    return session.scalars(select(Deployment.stack).distinct().order_by(Deployment.stack)).all()


def brief(session: Session, stack: str) -> Sequence[Row[str, str, str, datetime.datetime]]:
    """Id, operation, status and beginning of a stack's deployments, newest first."""
    query = select(Deployment.id, Deployment.operation, Deployment.status, Deployment.started)
    return session.execute(
        query.where(Deployment.stack == stack).order_by(Deployment.started.desc(), Deployment.id)
    ).all()


def remove(session: Session, deployment: str) -> None:
    """Forget one deployment with its stages and events."""
    session.execute(delete(Deployment).where(Deployment.id == deployment))


def remove_all(session: Session, stack: str) -> None:
    """Forget the history of a stack."""
    session.execute(delete(Deployment).where(Deployment.stack == stack))
