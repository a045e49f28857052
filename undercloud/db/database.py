"""Opening the database and its transactions."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from undercloud.db import schema, turns
from undercloud.db.models import KeyCheck
from undercloud.db.types import utcnow
from undercloud.db.vault import Vault, make_key, open_vault
from undercloud.diagnostics import UndercloudError

_LOG = logging.getLogger(__name__)
_CHECK = b"undercloud"
_READ_ONLY = "undercloud_read_only"
_SWITCHING = 0.05  # seconds between two attempts to switch a file's journal
_NUMBER_BITS = 32  # of what SQLite counts commits with
_POSTGRESQL_DISK_FULL = "53100"  # disk_full: https://www.postgresql.org/docs/15/errcodes-appendix.html
_MARIADB_DISK_FULL = (1021, 1114)  # ER_DISK_FULL, ER_RECORD_FILE_FULL: https://mariadb.com/kb/en/error-codes
# ENOSPC, as MariaDB's other errors quote the system's: "(Errcode: 28 "No space left on device")".
_NO_SPACE = re.compile(r"\b(?:errno|errcode|error):? 28\b", re.IGNORECASE)
_RECYCLE = 1800  # seconds after which a connection is made anew, before a firewall or the server cuts it


class Database:
    """Transactions over one database, and the vault of its secrets."""

    def __init__(self, engine: Engine, vault: Vault, busy_timeout: int = 30) -> None:
        self._engine = engine
        self.vault = vault
        self._busy_timeout = busy_timeout
        embedded = _is_sqlite(engine.url)
        self._turns = turns.of_file(os.path.realpath(engine.url.database or "")) if embedded else None
        self._watch_guard = threading.Lock()
        self._watch: Any = None
        self._watches = 0  # each connection counts on its own: its numbers are not those of the one before
        self._watch_failed = False
        self._reading: dict[str, Any] = {_READ_ONLY: True}
        if not embedded:
            self._reading["isolation_level"] = "REPEATABLE READ"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write; committed at the end, undone by any exception.

        In SQLite it takes the writer's place at its start, so that what it read still holds when it writes.
        """
        with (
            self._turn(),
            explained(self._engine),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            session.connection()
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads, from one consistent view."""
        with explained(self._engine), self._engine.connect() as connection:
            reader = connection.execution_options(**self._reading)
            with Session(reader) as session:
                yield session

    def version(self) -> int | None:
        """A number that is another one after every commit, of whichever process; None where there is none.

        Only SQLite has one (https://www.sqlite.org/pragma.html#pragma_data_version), which tells a connection
        of the commits of all others; so the one that is asked does nothing else. One that fails is logged
        and made anew the next time.
        """
        if self._turns is None:
            return None
        with explained(self._engine), self._watch_guard:
            try:
                if self._watch is None:
                    self._watch = self._engine.raw_connection()
                    self._watch.detach()
                    self._watches += 1
                (number,) = self._watch.dbapi_connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                if not self._watch_failed:
                    _LOG.warning("%s cannot be watched for commits: %s", self._engine.url.database, error)
                self._watch_failed = True
                self._end_watch()
                return None
            self._watch_failed = False
            return (self._watches << _NUMBER_BITS) + int(number)

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            with contextlib.suppress(sqlite3.Error):
                watch.close()

    def _turn(self) -> AbstractContextManager[None]:
        """This writer's turn in this process; those of others are waited for by SQLite."""
        return self._turns.taken(self._busy_timeout) if self._turns else contextlib.nullcontext()

    def close(self) -> None:
        """Close all connections."""
        with self._watch_guard:
            self._end_watch()
        self._engine.dispose()


def open_database(
    connection: str, embedded: Path, key_file: Path, busy_timeout: int = 30, *, upgrade: bool = True
) -> Database:
    """The database of the URL ``connection``, or the SQLite file ``embedded`` when that is empty.

    The embedded file is made and migrated as needed. An empty database on a server gets our schema, too; one
    of another version is only migrated by ``schema.upgrade``, and refused (DB-002) until then.
    ``busy_timeout`` is in seconds. The key is made with
    the first use of a database and never again.
    """
    _private_directory(key_file.parent)
    if not connection:
        _private_directory(embedded.parent)
        _private_file(embedded)
    engine = make_engine(connection or f"sqlite:///{embedded}", busy_timeout)
    try:
        with explained(engine):
            schema.ensure(engine, lock=None if connection else embedded.with_suffix(".lock"), allow=upgrade)
        return Database(engine, _vault(engine, key_file), busy_timeout)
    except BaseException:
        engine.dispose()
        raise


def upgrade_database(connection: str, embedded: Path, busy_timeout: int = 30) -> str:
    """Migrate the database that ``open_database`` would open; its URL without the password."""
    engine = make_engine(connection or f"sqlite:///{embedded}", busy_timeout)
    try:
        with explained(engine):
            if connection:
                schema.upgrade(engine)
        return engine.url.render_as_string(hide_password=True)
    finally:
        engine.dispose()


def make_engine(url: str, busy_timeout: int = 30) -> Engine:
    """An SQLAlchemy engine with what we rely on: foreign keys, WAL, durable commits, real transactions."""
    try:
        parsed = make_url(url)
        embedded = _is_sqlite(parsed)
        if embedded:
            engine = sqlalchemy.create_engine(parsed, connect_args={"timeout": busy_timeout})
        else:
            # Who waits for another's write shall then see what that one wrote.
            engine = sqlalchemy.create_engine(
                parsed, pool_pre_ping=True, pool_recycle=_RECYCLE, isolation_level="READ COMMITTED"
            )
    except (ArgumentError, ImportError) as error:
        raise UndercloudError.of(
            "DB-001",
            f"the database URL cannot be used: {error}",
            fix="Set [database] connection to an SQLAlchemy URL and install its driver, or leave it out.",
        ) from error
    if embedded:
        event.listen(engine, "connect", functools.partial(_prepare_sqlite, busy_timeout))
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_sqlite(url: sqlalchemy.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _prepare_sqlite(busy_timeout: int, connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own guessing at transactions is switched off: ``_begin_sqlite`` begins them.
    connection.isolation_level = None
    _write_ahead(connection, time.monotonic() + busy_timeout)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch a new file to its write-ahead log: the one statement for which SQLite waits for nobody."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_SWITCHING)
        else:
            return


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _private_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable_directory(path, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable_directory(path, PermissionError(13, "permission denied"))


def _unusable_directory(path: Path, error: OSError) -> UndercloudError:
    return UndercloudError.of(
        "DB-005",
        f"the state directory {path} cannot be used: {error.strerror}",
        fix="Run as the user that owns it, or name another with --state-dir or UNDERCLOUD_STATE_DIR.",
    )


def _private_file(path: Path) -> None:
    """SQLite gives its journal the mode of the database file; so that one is made before SQLite does.

    A file that is there is not opened: closing it would free the locks that SQLite holds on it in this
    process (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise _unusable_directory(path, PermissionError(13, "permission denied")) from None
    except OSError as error:
        raise _unusable_directory(path, error) from error


def _vault(engine: Engine, key_file: Path) -> Vault:
    """The vault, made together with its key when this database never had one."""
    with explained(engine), Session(engine) as session, session.begin():
        known = session.scalar(select(KeyCheck.sealed))
        if known is None:
            make_key(key_file)
        vault = open_vault(key_file)
        if known is None:
            known = _first(session, vault)
        vault.open(known)
        return vault


def _first(session: Session, vault: Vault) -> bytes:
    """Write down that there is a key; what another process wrote that was quicker holds for us, too."""
    try:
        with session.begin_nested():
            session.add(KeyCheck(id=1, sealed=vault.seal(_CHECK), created=utcnow()))
    except IntegrityError:
        session.expire_all()
    return session.scalars(select(KeyCheck.sealed)).one()


def _no_room(error: BaseException | None) -> bool:
    """Whether a driver says that a disk is full, by the numbers that each kind of server has for it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    number = error.args[0] if error is not None and error.args else None
    return (
        getattr(error, "sqlstate", None) == _POSTGRESQL_DISK_FULL
        or number in _MARIADB_DISK_FULL
        or _NO_SPACE.search(str(error)) is not None
    )


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Tell the database's own troubles as findings; what our code got wrong stays what it is."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        place = engine.url.render_as_string(hide_password=True)
        original = getattr(error, "orig", None)
        reason = next(iter(str(original or error).splitlines()), type(original).__name__)
        full = _no_room(original)
        raise UndercloudError.of(
            "DB-003" if full else "DB-004",
            f"the database {place} failed: {reason}",
            fix="Make room on its disk and run again; nothing that was committed is lost."
            if full
            else "See that it runs, is writable and not held by another program, then run again.",
        ) from error
