"""Migrations: up, down, and the same as the models."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from undercloud.db import schema
from undercloud.db.database import make_engine, open_database
from undercloud.db.models import Base
from undercloud.diagnostics import UndercloudError


def test_up_makes_what_the_models_say_and_down_leaves_nothing(url: str) -> None:
    engine = make_engine(url)
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert differences(connection) == []
        assert schema.revision(connection) == schema.HEAD
        indexes = {i["name"] for i in inspect(connection).get_indexes("events")}
        assert "ix_events_deployment_id_kind" in indexes
    schema.downgrade(engine, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert schema.revision(connection) == ""
    schema.upgrade(engine)
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def test_every_migration_goes_up_and_down_with_rows_in_it(url: str) -> None:
    engine = make_engine(url)
    tables: dict[str, set[str]] = {"base": set()}
    revisions = [script.revision for script in reversed(list(scripts().walk_revisions()))]
    for revision in revisions:
        schema.upgrade(engine, revision)
        with engine.begin() as connection:
            if revision == revisions[0]:
                connection.execute(
                    text("INSERT INTO plans (name, created, updated) VALUES ('p', :t, :t)"),
                    {"t": "2026-01-02 03:04:05.678901"},
                )
            tables[revision] = set(inspect(connection).get_table_names())
    for lower, revision in reversed(list(pairwise(["base", *revisions]))):
        schema.downgrade(engine, lower)
        with engine.connect() as connection:
            left = set(inspect(connection).get_table_names()) - {"alembic_version"}
            assert left == tables[lower] - {"alembic_version"}, revision
            if lower != "base":
                assert connection.scalar(text("SELECT count(*) FROM plans")) == 1
    engine.dispose()


def test_two_processes_may_migrate_at_once(url: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite's file has a lock file beside it: test_several_processes_may_be_the_first")

    def migrate(_turn: int) -> None:
        engine = make_engine(url)
        schema.upgrade(engine)
        engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(migrate, range(3))) == [None] * 3


def test_who_starts_while_another_makes_the_schema_waits_for_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half, go_on = threading.Event(), threading.Event()
    migrate = command.upgrade

    def pausing(config: Config, target: str) -> None:
        migrate(config, "0002")
        half.set()
        assert go_on.wait(30)
        migrate(config, target)

    monkeypatch.setattr(command, "upgrade", pausing)

    def start() -> None:
        open_database(url, tmp_path / "unused.db", tmp_path / "secret.key").close()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(start)
        assert half.wait(30)
        second = pool.submit(start)
        early, _ = wait([second], 0.5)
        go_on.set()
        assert (first.result(30), second.result(30)) == (None, None)
    assert early == set()


@pytest.mark.parametrize("_turn", range(3))
def test_several_engines_may_find_an_empty_database(url: str, tmp_path: Path, _turn: int) -> None:
    def start(_number: int) -> None:
        open_database(url, tmp_path / "unused.db", tmp_path / "secret.key").close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [None] * 4


def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))


def test_head_is_the_newest_migration() -> None:
    assert scripts().get_heads() == [schema.HEAD]


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE locks (x INTEGER)")  # in the way of the last table
    with pytest.raises(Exception, match="already exists"):
        schema.upgrade(engine)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["locks"]
    engine.dispose()


def test_a_database_newer_than_the_program_is_left_alone(tmp_path: Path) -> None:
    file, key = tmp_path / "u.db", tmp_path / "secret.key"
    open_database("", file, key).close()
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UndercloudError) as caught:
        open_database("", file, key)
    assert caught.value.findings[0].code == "DB-006"
    with sqlite3.connect(file) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_a_foreign_database_is_not_migrated_by_itself(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as raw:
        raw.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(UndercloudError) as caught:
        open_database(f"sqlite:///{tmp_path}/other.db", tmp_path / "unused.db", tmp_path / "secret.key")
    assert caught.value.findings[0].code == "DB-002"
    assert not (tmp_path / "secret.key").exists()
