"""A new key for the secrets: everything sealed is sealed anew, while the service runs.

The key file gets the new key before the old ones, so that every process seals with the new one and opens
both; a death in the middle loses nothing, and the next rotation goes on. Old keys leave the file by
``retire``, and only when nothing needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, select, update
from sqlalchemy.orm import Session

from undercloud.db.database import Database
from undercloud.db.models import Base
from undercloud.db.vault import add_key, drop_old_keys
from undercloud.diagnostics import Location, UndercloudError

_BATCH = 50  # rows in one transaction, so that heartbeats of running deployments come between


def rotate(database: Database, key_file: Path) -> int:
    """Make a new key and seal everything with it; how many rows were sealed anew.

    Raises VAULT-001 to VAULT-004 for a key file that cannot be trusted: then nothing is changed.
    """
    _prove(database)
    add_key(key_file)
    return sum(_reseal(database, table, columns) for table, columns in Base.sealed_columns().items())


def retire(database: Database, key_file: Path) -> int:
    """Take the old keys out of the file; how many went. VAULT-005 while something is sealed with one."""
    left = sum(
        not database.vault.is_newest(sealed)
        for table, columns in Base.sealed_columns().items()
        for rows in _batches(database, table, columns)
        for row in rows
        for sealed in row[1:]
    )
    if left:
        raise UndercloudError.of(
            "VAULT-005",
            f"{left} secrets are sealed with an old key",
            fix="Seal them anew first: openstack undercloud secrets rotate",
            location=Location(str(key_file)),
        )
    return drop_old_keys(key_file)


def _prove(database: Database) -> None:
    """See that the key opens what is there, before a new one is added to it."""
    for columns in Base.sealed_columns().values():
        with database.read() as session:
            row = session.execute(select(*columns).limit(1)).first()
        for sealed in row or ():
            if sealed:
                database.vault.open(sealed)


def _reseal(database: Database, table: Table, columns: list[Column[Any]]) -> int:
    (key,) = table.primary_key.columns
    count = 0
    last: Any = None
    while True:
        with database.write() as session:
            rows = _next(session, table, columns, last, lock=True)
            for row in rows:
                values = {
                    column.name: database.vault.rotate(sealed)
                    for column, sealed in zip(columns, row[1:], strict=True)
                    if sealed
                }
                if values:
                    session.execute(update(table).where(key == row[0]).values(values))
            count += len(rows)
        if not rows:
            return count
        last = rows[-1][0]


def _batches(database: Database, table: Table, columns: list[Column[Any]]) -> Iterator[list[Any]]:
    last: Any = None
    while True:
        with database.read() as session:
            rows = _next(session, table, columns, last)
        if not rows:
            return
        yield [[row[0], *(sealed for sealed in row[1:] if sealed)] for row in rows]
        last = rows[-1][0]


def _next(
    session: Session, table: Table, columns: list[Column[Any]], last: Any, *, lock: bool = False
) -> list[Any]:
    (key,) = table.primary_key.columns
    query = select(key, *columns).order_by(key).limit(_BATCH)
    if last is not None:
        query = query.where(key > last)
    return list(session.execute(query.with_for_update() if lock else query))
