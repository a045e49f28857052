"""What happened in a deployment, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from undercloud.db.models import Event


def append(session: Session, deployment: str, events: Iterable[Event]) -> int:
    """Number the events after the last one and keep them; the last number."""
    last = session.scalar(select(func.max(Event.seq)).where(Event.deployment_id == deployment)) or 0
    for event in events:
        last += 1
        event.deployment_id, event.seq = deployment, last
        session.add(event)
    return last


def remove_first(session: Session, deployment: str, number: int) -> bool:
    """Forget at most so many of a deployment's oldest events; whether there were any."""
    first = session.scalar(select(func.min(Event.seq)).where(Event.deployment_id == deployment))
    if first is None:
        return False
    session.execute(delete(Event).where(Event.deployment_id == deployment, Event.seq < first + number))
    return True


def after(session: Session, deployment: str, seq: int, limit: int) -> Sequence[Event]:
    """At most ``limit`` events with a number above ``seq``."""
    return session.scalars(
        select(Event)
        .where(Event.deployment_id == deployment, Event.seq > seq)
        .order_by(Event.seq)
        .limit(limit)
    ).all()


def of_kind(session: Session, deployment: str, kind: str) -> Sequence[Event]:
    """All events of one kind."""
    return session.scalars(
        select(Event).where(Event.deployment_id == deployment, Event.kind == kind).order_by(Event.seq)
    ).all()


def of_stage(session: Session, deployment: str, stage: str) -> Sequence[Event]:
    """All events of one stage, of every attempt at it."""
    return session.scalars(
        select(Event).where(Event.deployment_id == deployment, Event.stage == stage).order_by(Event.seq)
    ).all()


def results(session: Session, deployment: str, kind: str) -> dict[str, dict[str, int]]:
    """How many events of a kind each host has, by their status."""
    query = (
        select(Event.host, Event.status, func.count())
        .where(Event.deployment_id == deployment, Event.kind == kind)
        .group_by(Event.host, Event.status)
    )
    found: dict[str, dict[str, int]] = {}
    for host, status, number in session.execute(query):
        found.setdefault(host, {})[status] = number
    return found
