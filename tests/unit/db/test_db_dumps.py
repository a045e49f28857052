"""Databases on servers, copied and put back by the servers' own programs, for real."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from tests.unit.db import servers
from undercloud.db import dumps, plans, schema
from undercloud.db.database import Database, make_engine, open_database
from undercloud.diagnostics import UndercloudError

FILES = {"site.yaml": "grüße: 'a\\b\"'\n".encode(), "blob": bytes(range(256))}


@pytest.fixture(params=["postgresql", "mariadb"])
def on_server(request: pytest.FixtureRequest, server_of: Callable[[str], servers.Server]) -> str:
    return server_of(request.param).new_database()


def opened(url: str, directory: Path) -> Database:
    return open_database(url, directory / "none.db", directory / "secret.key")


def add(database: Database, name: str) -> None:
    with database.write() as session:
        plans.add_version(session, database.vault, plans.ensure(session, name), FILES, {"root": name})


def content(database: Database) -> dict[str, dict[str, bytes]]:
    with database.read() as session:
        found = {}
        for plan, _, _ in plans.listing(session):
            version = plans.newest(session, plan)
            assert version is not None
            found[plan.name] = dict(plans.version_files(session, database.vault, version.id))
        return found


def test_an_empty_database_gets_our_schema(on_server: str, tmp_path: Path) -> None:
    assert dumps.is_empty(on_server)
    database = opened(on_server, tmp_path)
    add(database, "lab")
    database.close()
    assert not dumps.is_empty(on_server)


def test_a_database_of_somebody_else_does_not(on_server: str, tmp_path: Path) -> None:
    engine = make_engine(on_server)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE theirs (id INTEGER)"))
    engine.dispose()
    with pytest.raises(UndercloudError, match="DB-002"):
        opened(on_server, tmp_path)


def test_a_former_version_of_ours_waits_for_the_upgrade(on_server: str, tmp_path: Path) -> None:
    engine = make_engine(on_server)
    schema.upgrade(engine, "0003")
    engine.dispose()
    with pytest.raises(UndercloudError, match="DB-002"):
        opened(on_server, tmp_path)


def test_a_copy_is_put_back_over_what_came_later(on_server: str, tmp_path: Path) -> None:
    database = opened(on_server, tmp_path)
    add(database, "lab")
    before = content(database)
    assert before == {"lab": FILES}
    dumps.save(on_server, tmp_path / "copy.sql")
    assert stat.S_IMODE((tmp_path / "copy.sql").stat().st_mode) == 0o600
    add(database, "later")
    database.close()
    dumps.replace(on_server, tmp_path / "copy.sql")
    database = opened(on_server, tmp_path)
    assert content(database) == before
    add(database, "again")  # what numbers the rows was put back as well
    database.close()


def test_what_the_program_says_is_told(on_server: str, tmp_path: Path) -> None:
    database = opened(on_server, tmp_path)
    add(database, "lab")
    database.close()
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE one (id INTEGER);\nNONSENSE;\n")
    with pytest.raises(UndercloudError, match="DB-008"):
        dumps.replace(on_server, broken)
    dumps.check(on_server)
    if on_server.startswith("postgresql"):
        database = opened(on_server, tmp_path)
        assert content(database) == {"lab": FILES}, "it is one transaction"
        database.close()


def test_half_a_copy_is_none(on_server: str, tmp_path: Path) -> None:
    with pytest.raises(UndercloudError, match="DB-008"):
        dumps.save(f"{on_server.replace('/test_', '/none_', 1)}", tmp_path / "copy.sql")
    assert not (tmp_path / "copy.sql").exists()


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("postgresql+psycopg://u:s3cret@192.0.2.1/x", "postgresql-client"),
        ("mysql+pymysql://u:s3cret@192.0.2.1/x", "mariadb-client"),
    ],
)
def test_without_the_programs_it_is_said_what_to_install(
    url: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UndercloudError, match="DB-007") as caught:
        dumps.save(url, tmp_path / "copy.sql")
    assert package in caught.value.findings[0].fix
    assert "s3cret" not in str(caught.value)
