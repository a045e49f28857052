"""Validations of kept plans: begun, ended, listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from undercloud.db.models import Validation
from undercloud.db.pages import newest_first
from undercloud.db.types import utcnow

RUNNING = "running"
_KEPT = 50  # of one plan


def begin(session: Session, name: str, plan: str, version: int, process: Mapping[str, Any]) -> Validation:
    """Write down that one runs; the oldest of the plan's go when there are many."""
    old = select(Validation.id).where(Validation.plan == plan).order_by(Validation.started.desc())
    gone = session.scalars(old.offset(_KEPT - 1)).all()
    session.execute(delete(Validation).where(Validation.id.in_(gone)))
    row = Validation(
        id=name,
        plan=plan,
        version=version,
        status=RUNNING,
        process=dict(process),
        started=utcnow(),
        ended=None,
        findings=[],
    )
    session.add(row)
    session.flush()
    return row


def end(session: Session, name: str, version: int, status: str, findings: Sequence[Any]) -> None:
    """Write down how one ended."""
    row = session.get(Validation, name)
    if row is not None:
        row.version, row.status, row.ended, row.findings = version, status, utcnow(), list(findings)


def find(session: Session, name: str) -> Validation | None:
    """The validation of that id."""
    return session.get(Validation, name)


def listing(
    session: Session, plan: str, limit: int, before: Validation | None = None
) -> Sequence[Validation]:
    """Validations of a plan (of all when empty), newest first, those that are older than ``before``."""
    query = newest_first(Validation, limit, before)
    return session.scalars(query.where(Validation.plan == plan) if plan else query).all()
