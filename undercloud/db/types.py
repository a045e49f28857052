"""Column types that mean the same in SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Insert, LargeBinary, String, Table, Text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

# MariaDB compares text without case unless told otherwise, and its plain BLOB ends at 64 KiB and its plain
# DATETIME at seconds.
_BINARY_COLLATION = "utf8mb4_bin"


def utcnow() -> datetime.datetime:
    """Now, with its time zone."""
    return datetime.datetime.now(datetime.UTC)


def word(length: int) -> TypeEngine[str]:
    """Text of at most ``length`` characters that is compared exactly and may be part of a key."""
    return String(length).with_variant(mysql.VARCHAR(length, collation=_BINARY_COLLATION), "mysql", "mariadb")


def prose() -> TypeEngine[str]:
    """Text without a limit that matters (16 MiB); MariaDB's plain TEXT ends at 64 KiB."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def binary() -> TypeEngine[bytes]:
    """Bytes without a limit that matters (4 GiB)."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def insert_new(dialect: str, table: Table) -> Insert:
    """INSERT of rows of which some may be there, or be put there by another at this moment: those stay.

    In MariaDB it locks the row as a writer does: INSERT IGNORE would only read it, and two who then write it
    would wait for each other.
    """
    if dialect in {"mysql", "mariadb"}:
        made = mysql.insert(table)
        first = next(iter(table.primary_key.columns)).name
        return made.on_duplicate_key_update({first: made.inserted[first]})
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """A moment: aware in Python, stored in UTC with microseconds and without a zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MariaDB needs to be told that fractions count."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """To UTC, without zone."""
        _ = dialect
        return None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """Aware again."""
        _ = dialect
        return None if value is None else value.replace(tzinfo=datetime.UTC)


class Prose(TypeDecorator[str]):
    """Text that programs printed: what a database refuses (NUL, half a pair) is replaced."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """As ``prose``."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.MEDIUMTEXT())
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Fit to be kept."""
        _ = dialect
        return None if value is None else value.replace("\0", "\ufffd").encode(errors="replace").decode()
