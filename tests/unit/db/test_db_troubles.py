"""What the database's drivers raise, as the operator is told it."""

from __future__ import annotations

import psycopg
import pymysql
import pytest
import sqlalchemy
from sqlalchemy import exc

from undercloud.db.database import explained
from undercloud.diagnostics import UndercloudError

FULL, FAILED = "DB-003", "DB-004"
NO_SPACE = 'Error writing file "./undercloud/events.MAI" (Errcode: 28 "No space left on device")'


@pytest.mark.parametrize(
    ("kind", "raised", "code"),
    [
        (
            exc.OperationalError,
            psycopg.errors.DiskFull("write failed: No space left on device"),
            FULL,
        ),
        (exc.OperationalError, pymysql.err.OperationalError(1021, "Disk full (/tmp/#sql); waiting"), FULL),
        (exc.OperationalError, pymysql.err.OperationalError(1114, "The table 'events' is full"), FULL),
        (exc.InternalError, pymysql.err.InternalError(3, NO_SPACE), FULL),
        (exc.InternalError, pymysql.err.InternalError(1030, "Got error 28 from storage engine Aria"), FULL),
        (
            exc.OperationalError,
            pymysql.err.OperationalError(1045, "Access denied for user 'full'"),
            FAILED,
        ),
        (exc.OperationalError, psycopg.OperationalError('no database "fully-new"'), FAILED),
        (exc.OperationalError, psycopg.OperationalError(), FAILED),
        (exc.InterfaceError, pymysql.err.InterfaceError(0, ""), FAILED),
        (exc.InterfaceError, psycopg.InterfaceError("connection already closed"), FAILED),
    ],
)
def test_drivers_errors(kind: type[exc.DBAPIError], raised: Exception, code: str) -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(UndercloudError) as caught, explained(engine):
        raise kind("INSERT", {}, raised)
    (finding,) = caught.value.findings
    assert finding.code == code
    assert ("Make room" in finding.fix) == (code == FULL)


def test_what_our_own_code_got_wrong_stays_what_it_is() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(exc.IntegrityError), explained(engine):
        raise exc.IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation("duplicate key"))
