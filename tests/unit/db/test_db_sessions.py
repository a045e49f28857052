"""Who else uses a database on a server: real servers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy

from tests.unit.db import servers
from undercloud.db import sessions
from undercloud.db.database import make_engine
from undercloud.diagnostics import UndercloudError

_PATIENCE = 30  # seconds until a server has noticed that somebody left


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_who_was_there_lately(kind: str, server_of: Callable[[str], servers.Server]) -> None:
    server = server_of(kind)
    url = server.new_database().replace("mysql+", "mariadb+")  # an operator may write either
    assert sessions.others(url, 60) == ()
    there = make_engine(url)
    with there.connect() as connection:
        assert sessions.others(url, 60) == ("localhost",)
        assert sessions.others(server.new_database(), 60) == (), "it is another database"
        time.sleep(2.1)
        assert sessions.others(url, 1) == (), "who is silent counts for dead"
        connection.execute(sqlalchemy.text("SELECT 1"))
        assert sessions.others(url, 60) == ("localhost",)
    there.dispose()
    deadline = time.monotonic() + _PATIENCE
    while sessions.others(url, 60):
        assert time.monotonic() < deadline


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(UndercloudError, match="DB-004"):
        sessions.others("postgresql+psycopg://u:s3cret@127.0.0.1:1/x", 60)
