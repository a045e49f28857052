"""Migrations: up, down, and the same as the models."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable

from undercloud.db import schema
from undercloud.db.database import make_engine, open_database
from undercloud.db.models import Base
from undercloud.diagnostics import UndercloudError


def test_up_makes_what_the_models_say_and_down_leaves_nothing(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/x.db")
    schema.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert schema.revision(connection) == schema.HEAD
        indexes = {i["name"] for i in inspect(connection).get_indexes("events")}
        assert indexes == {"ix_events_deployment_id_kind"}
    schema.downgrade(engine, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert schema.revision(connection) == ""
    schema.upgrade(engine)
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert scripts.get_heads() == [schema.HEAD]


@pytest.mark.parametrize("dialect", [postgresql.dialect, mysql.dialect], ids=["postgresql", "mariadb"])
def test_other_databases_understand_the_models(dialect: Any) -> None:
    ddl = {t.name: str(CreateTable(t).compile(dialect=dialect())) for t in Base.metadata.sorted_tables}
    if dialect is mysql.dialect:
        assert "LONGBLOB" in ddl["blobs"]
        assert "DATETIME(6)" in ddl["events"]
        assert "COLLATE utf8mb4_bin" in ddl["plan_files"]
    else:
        assert "BYTEA" in ddl["blobs"]
        assert "TIMESTAMP WITHOUT TIME ZONE" in ddl["events"]


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE locks (x INTEGER)")  # in the way of the last one
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
    with pytest.raises(UndercloudError) as caught:
        open_database(f"sqlite:///{tmp_path}/other.db", tmp_path / "unused.db", tmp_path / "secret.key")
    assert caught.value.findings[0].code == "DB-002"
    assert not (tmp_path / "secret.key").exists()
