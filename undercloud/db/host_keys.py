"""SSH host keys, pinned at first contact."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from undercloud.db.models import HostKey
from undercloud.db.types import utcnow


def known(session: Session, address: str, port: int) -> dict[str, str]:
    """Key type → key (base64) of a node; empty when it was never met."""
    rows = session.scalars(select(HostKey).where(HostKey.address == address, HostKey.port == port))
    return {row.key_type: row.key for row in rows}


def pin(session: Session, address: str, port: int, keys: Iterable[tuple[str, str]]) -> None:
    """Keep the keys of a node that was met for the first time."""
    now = utcnow()
    session.add_all(
        HostKey(address=address, port=port, key_type=kind, key=key, since=now) for kind, key in keys
    )


def forget(session: Session, address: str, port: int) -> bool:
    """Let the next contact with this address be the first one; False when it was never met."""
    met = bool(known(session, address, port))
    session.execute(delete(HostKey).where(HostKey.address == address, HostKey.port == port))
    return met
