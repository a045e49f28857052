"""Databases of all three kinds: SQLite always, PostgreSQL and MariaDB where their packages are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.db import servers
from undercloud.db import schema
from undercloud.db.database import Database, make_engine, open_database

KINDS = ("sqlite", "postgresql", "mariadb")
Opener = Callable[[], Database]


@pytest.fixture(scope="session")
def server_of() -> Iterator[Callable[[str], servers.Server]]:
    """A running server by its kind, started with the first test that wants it."""
    running: dict[str, servers.Server] = {}
    entered = []

    def find(kind: str) -> servers.Server:
        if not servers.installed(kind):
            pytest.skip(f"the packages of {kind} are not installed (tools/bootstrap.sh --host)")
        if kind not in running:
            context = servers.running(kind)
            running[kind] = context.__enter__()
            entered.append(context)
        return running[kind]

    yield find
    for context in entered:
        context.__exit__(None, None, None)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, server_of: Callable[[str], servers.Server], tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/undercloud.db"
    return server_of(request.param).new_database()


@pytest.fixture
def opener(url: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens the migrated database of each kind, as often as a test has processes."""
    engine = make_engine(url)
    schema.upgrade(engine)
    engine.dispose()
    opened: list[Database] = []

    def open_it() -> Database:
        opened.append(open_database(url, tmp_path / "undercloud.db", tmp_path / "secret.key"))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


@pytest.fixture
def database(opener: Opener) -> Database:
    """A database of each kind."""
    return opener()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    """SQLite, as it is made where no URL is given."""
    made = open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key")
    yield made
    made.close()
