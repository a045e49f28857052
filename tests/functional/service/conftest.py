"""Real servers for the service's programs; tests that want one are skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.db import servers
from tests.unit.deploy import rabbit


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    yield from _server("postgresql")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[servers.Server]:
    yield from _server("mariadb")


def _server(kind: str) -> Iterator[servers.Server]:
    if not servers.installed(kind):
        pytest.skip(f"the package of {kind} is not installed (tools/bootstrap.sh --host)")
    with servers.running(kind) as server:
        yield server


@pytest.fixture(scope="module")
def broker() -> Iterator[rabbit.Rabbit]:
    if not rabbit.installed():
        pytest.skip("the package rabbitmq-server is not installed (tools/bootstrap.sh --host)")
    server = rabbit.Rabbit()
    server.start()
    yield server
    server.remove()
