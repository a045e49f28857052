"""Column types that mean the same in SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, LargeBinary, String
from sqlalchemy.dialects import mysql
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


def binary() -> TypeEngine[bytes]:
    """Bytes without a limit that matters (4 GiB)."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


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
