"""Pages of what has a time of its beginning and an id: newest first, from where the page before ended."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select, and_, or_, select

from undercloud.db.models import Deployment, Validation

Row = TypeVar("Row", Deployment, Validation)


def newest_first(kind: type[Row], limit: int, before: Row | None) -> Select[Row]:
    """At most ``limit`` rows that come after ``before`` in that order."""
    query = select(kind).order_by(kind.started.desc(), kind.id).limit(limit)
    if before is None:
        return query
    at_once = and_(kind.started == before.started, kind.id > before.id)
    return query.where(or_(kind.started < before.started, at_once))
