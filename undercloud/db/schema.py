"""The database's schema: which revision it has, and bringing it to ours.

Alembic is imported only when there is something to migrate, because it takes longer than most commands.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from undercloud.diagnostics import UndercloudError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"


def revision(connection: Connection) -> str:
    """The revision of a database, empty when it holds nothing of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def ensure(engine: Engine, lock: Path | None, *, allow: bool) -> None:
    """See that a database has our revision.

    With a ``lock`` file it is ours alone and migrated when ``allow`` is set; one on a server gets the schema
    when it is ``allow``ed and holds no table yet. Otherwise DB-002 says what to do.
    """
    with engine.connect() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    if allow and lock is not None:
        with _locked(lock):
            upgrade(engine)
        return
    if allow:
        # Another engine may be half way through: what is seen now holds only when it is ready.
        with engine.connect() as connection, _alone(connection), connection.begin():
            found = revision(connection)
            if not found and not inspect(connection).get_table_names():
                _migrate(connection, "head")
                found = HEAD
        if found == HEAD:
            return
    raise UndercloudError.of(
        "DB-002",
        f"the database has schema revision {found or 'none'}, this program needs {HEAD}",
        fix="Stop all engines, make a backup and run: openstack undercloud upgrade",
    )


def upgrade(engine: Engine, target: str = "head") -> None:
    """Migrate up to a revision; does nothing when it is there. DB-006 when the database is newer than we."""
    with engine.connect() as connection, _alone(connection), connection.begin():
        _migrate(connection, target)


def _migrate(connection: Connection, target: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        command.upgrade(_config(connection), target)
    except CommandError as error:
        raise UndercloudError.of(
            "DB-006",
            f"the database cannot be migrated: {error}",
            fix="A newer version of this program probably used it; run that one, or restore a backup.",
        ) from error


def downgrade(engine: Engine, target: str) -> None:
    """Migrate down to a revision, ``base`` for nothing at all."""
    from alembic import command  # noqa: PLC0415

    with engine.connect() as connection, _alone(connection), connection.begin():
        command.downgrade(_config(connection), target)


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


_LOCKS = {
    # PostgreSQL's have numbers: the letters of "undercd".
    "postgresql": ("SELECT pg_advisory_lock(x'756e6465726364'::bigint)", "SELECT pg_advisory_unlock_all()"),
    "mysql": ("SELECT GET_LOCK('undercloud-schema', 31536000)", "SELECT RELEASE_LOCK('undercloud-schema')"),
}
_LOCKS["mariadb"] = _LOCKS["mysql"]


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One process migrates a database on a server, the others wait for it; SQLite's has its lock file."""
    statements = _LOCKS.get(connection.dialect.name)
    if statements is None:
        yield
        return
    take, free = statements
    connection.exec_driver_sql(take)
    connection.commit()
    try:
        yield
    finally:
        connection.exec_driver_sql(free)
        connection.commit()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One process migrates, the others wait for it."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
