"""The database says that something was committed, whoever did it; what is kept in memory relies on it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.db.conftest import Opener
from undercloud.db import plans
from undercloud.db.database import Database
from undercloud.diagnostics import UndercloudError


def commit(database: Database, name: str) -> None:
    with database.write() as session:
        plans.ensure(session, name)


def test_only_sqlite_has_one(opener: Opener, url: str) -> None:
    assert (opener().version() is not None) == url.startswith("sqlite")


def test_every_commit_changes_it_and_nothing_else_does(embedded: Database) -> None:
    seen = [embedded.version()]
    assert embedded.version() == seen[0]
    with embedded.read() as session:
        assert plans.listing(session) == []
    assert embedded.version() == seen[0]
    with pytest.raises(UndercloudError), embedded.write() as session:
        plans.ensure(session, "undone")
        raise UndercloudError.of("DB-004", "no", fix="none")
    assert embedded.version() == seen[0], "what was undone never was"
    for name in ("one", "two"):
        commit(embedded, name)
        seen.append(embedded.version())
    assert len(set(seen)) == 3


def test_the_commit_of_another_process_changes_it(embedded: Database, tmp_path: Path) -> None:
    before = embedded.version()
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    change = "UPDATE key_check SET created = '2026-01-01 00:00:00.000000'"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "undercloud.db"), change], check=True)
    assert embedded.version() != before


def test_whoever_sees_the_old_number_sees_no_later_record(embedded: Database) -> None:
    """Threads that look while another writes: a number never comes with records that are older than it."""
    wrong: list[str] = []
    over = threading.Event()

    def look() -> None:
        known: dict[int, int] = {}
        while not over.is_set():
            version = embedded.version() or 0
            with embedded.read() as session:
                count = len(plans.listing(session))
            if embedded.version() == version and known.setdefault(version, count) != count:
                wrong.append(f"{version}: {known[version]} and {count}")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        commit(embedded, f"plan-{number}")
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_database_that_fails_has_none_until_it_works_again(
    embedded: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = embedded.version()
    commit(embedded, "one")
    seen = {before, embedded.version()}

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    embedded._watch.dbapi_connection.close()
    with monkeypatch.context() as failing:
        failing.setattr(embedded._engine, "raw_connection", fail)
        assert (embedded.version(), embedded.version()) == (None, None)
    (told,) = [one.getMessage() for one in caplog.records if one.name == "undercloud.db.database"]
    assert "closed database" in told
    again = embedded.version()
    assert again is not None
    assert again not in seen, "another connection counts anew"
    assert embedded.version() == again
    commit(embedded, "two")
    assert embedded.version() not in {again, None}
