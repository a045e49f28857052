"""One writer a stack: locks with a fencing number.

Taking a lock is a single conditional UPDATE, so that it needs no help from the database's isolation. The row
stays when the lock is free; its number grows with every holder and travels to the nodes, which refuse a
lower one than they have seen.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, Table, Update, or_, select, update
from sqlalchemy.orm import Session

from undercloud.db.models import Lock
from undercloud.db.types import insert_new


def look(session: Session, name: str) -> Lock | None:
    """The lock as it is, None when it was never taken."""
    return session.get(Lock, name, populate_existing=True)


def take(
    session: Session,
    name: str,
    *,
    holder: str,
    process: Mapping[str, Any],
    now: datetime.datetime,
    over: int | None = None,
) -> int | None:
    """Take a lock that is free, or over from the holder with the fencing number ``over``.

    The new fencing number, or None when somebody else holds it.
    """
    _make(session, name)
    seen = session.scalar(select(Lock.fence).where(Lock.name == name)) or 0
    changed = _run(
        session,
        update(Lock)
        .where(Lock.name == name, Lock.fence == seen, or_(Lock.holder.is_(None), Lock.fence == over))
        .values(fence=seen + 1, holder=holder, process=dict(process), since=now, heartbeat=now),
    )
    return seen + 1 if changed else None


def beat(session: Session, name: str, fence: int, now: datetime.datetime) -> bool:
    """A sign of life; False when the lock has gone to another."""
    return _run(session, _held(name, fence).values(heartbeat=now))


def release(session: Session, name: str, fence: int) -> bool:
    """Free a lock; False when it had gone to another already."""
    return _run(session, _held(name, fence).values(holder=None, process={}, since=None, heartbeat=None))


def alone(session: Session, name: str) -> None:
    """Let no other transaction that asks for the same name go on before this one ends.

    What is read after it was written before: there is nothing read in between that would fix an older view.
    """
    turn = update(Lock).where(Lock.name == name).values(fence=Lock.fence + 1)
    if not _run(session, turn):
        _insert(session, name)
        _run(session, turn)


def _held(name: str, fence: int) -> Update:
    return update(Lock).where(Lock.name == name, Lock.fence == fence, Lock.holder.is_not(None))


def _run(session: Session, statement: Update) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount == 1


def _make(session: Session, name: str) -> None:
    if session.get(Lock, name) is None:
        _insert(session, name)


def _insert(session: Session, name: str) -> None:
    table = cast("Table", Lock.__table__)
    statement = insert_new(session.get_bind().dialect.name, table)
    session.execute(statement.values(name=name, fence=0, holder=None, process={}))
