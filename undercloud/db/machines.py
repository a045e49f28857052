"""Machines as we know them beside Ironic, and which of them is which node."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from undercloud.db.models import Machine, PlacedNode
from undercloud.db.types import utcnow
from undercloud.db.vault import Vault

PLACED, DEPLOYED = "placed", "deployed"
"""A node has a machine; the machine runs it."""


def all_machines(session: Session) -> Sequence[Machine]:
    """All machines by name."""
    return session.scalars(select(Machine).order_by(Machine.name, Machine.uuid)).all()


def remember(session: Session, uuid: str, name: str, entry: Mapping[str, Any]) -> Machine:
    """Keep what a machine is registered as."""
    row = session.get(Machine, uuid)
    if row is None:
        row = Machine(uuid=uuid, name=name, entry={}, facts={}, inspected=None, address="")
        session.add(row)
    if (row.name, row.entry) != (name, dict(entry)):
        row.name, row.entry = name, dict(entry)
    return row


def inspected(session: Session, uuid: str, facts: Mapping[str, Any]) -> None:
    """Keep what an inspection saw."""
    row = session.get(Machine, uuid)
    if row is not None:
        row.facts, row.inspected = dict(facts), utcnow()


def forget(session: Session, uuids: Iterable[str]) -> None:
    """Forget machines."""
    session.execute(delete(Machine).where(Machine.uuid.in_(list(uuids))))


def forget_all_but(session: Session, uuids: Collection[str]) -> None:
    """Forget machines that Ironic does not have any more."""
    session.execute(delete(Machine).where(Machine.uuid.not_in(list(uuids))))


def placed(session: Session, stack: str = "") -> Sequence[PlacedNode]:
    """The nodes that have a machine, of one stack or of all, by name."""
    query = select(PlacedNode).order_by(PlacedNode.stack, PlacedNode.host)
    return session.scalars(query.where(PlacedNode.stack == stack) if stack else query).all()


def place(
    session: Session, vault: Vault, stack: str, host: str, machine: str, *, private_key: str, public_key: str
) -> None:
    """A node gets a machine, and its host key; in the place of what it had before."""
    unplace(session, stack, [host])
    session.add(
        PlacedNode(
            stack=stack,
            host=host,
            machine=machine,
            status=PLACED,
            sealed_host_key=vault.seal_json({"key": private_key}),
            host_key=public_key,
            since=utcnow(),
        )
    )
    session.flush()


def unplace(session: Session, stack: str, hosts: Iterable[str]) -> None:
    """Nodes lose their machines."""
    gone = PlacedNode.host.in_(list(hosts))
    session.execute(delete(PlacedNode).where(PlacedNode.stack == stack, gone))


def private_key(vault: Vault, row: PlacedNode) -> str:
    """The host key that a node was given."""
    return str(vault.open_json(row.sealed_host_key)["key"])
