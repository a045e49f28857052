"""Answers that are kept: never an old one, and never to who may not have it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.conftest import Client, Serve
from tests.unit.api.test_api_deployments import ended, prepared, start
from undercloud.api.answers import Answers
from undercloud.api.calls import Answer
from undercloud.db import deployments, plans
from undercloud.db.database import Database, open_database
from undercloud.deploy.engine import Deployment


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database("", tmp_path / "undercloud.db", tmp_path / "secret.key")
    yield opened
    opened.close()


class Made:
    """Counts how often an answer was made."""

    def __init__(self, body: Any = None) -> None:
        self.count = 0
        self._body = body

    def __call__(self) -> Answer:
        self.count += 1
        return Answer({"made": self.count} if self._body is None else self._body)


def test_an_answer_is_kept_until_something_is_committed_or_a_second_has_passed(database: Database) -> None:
    now = [100.0]
    answers, made = Answers(database, lambda: now[0]), Made()
    assert [answers.get("a", made).body for _ in range(3)] == [b'{"made": 1}'] * 3
    assert answers.get("b", made).body == b'{"made": 2}'
    with database.write() as session:
        plans.ensure(session, "overcloud")
    assert answers.get("a", made).body == b'{"made": 3}'
    now[0] += 0.9
    assert answers.get("a", made).body == b'{"made": 3}'
    now[0] += 0.2
    assert answers.get("a", made).body == b'{"made": 4}'


def test_what_is_committed_while_an_answer_is_made_makes_it_old(database: Database) -> None:
    answers, made = Answers(database), Made()

    def overtaken() -> Answer:
        answer = made()
        with database.write() as session:
            plans.ensure(session, "overcloud")
        return answer

    assert answers.get("a", overtaken).body == b'{"made": 1}'
    assert answers.get("a", made).body == b'{"made": 2}'


def test_a_database_without_versions_and_long_answers_keep_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, long = Answers(database), Made("x" * 70_000)
    assert {answers.get("a", long).status for _ in range(3)} == {HTTPStatus.OK}
    assert long.count == 3
    monkeypatch.setattr(database, "version", lambda: None)
    made = Made()
    for _ in range(3):
        answers.get("a", made)
    assert made.count == 3


def test_only_the_last_ones_are_kept(database: Database) -> None:
    answers, made = Answers(database), Made()
    for number in range(300):
        answers.get(number, made)
    answers.get(299, made)
    assert made.count == 300
    answers.get(0, made)
    assert made.count == 301


@pytest.fixture
def counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The deployments that the engine was asked for."""
    engine, asked = client.running.service.engine, []
    real = engine.deployment

    def deployment(name: str) -> Deployment:
        asked.append(name)
        return real(name)

    monkeypatch.setattr(engine, "deployment", deployment)
    return asked


def test_a_status_that_is_read_again_and_again_is_looked_up_once(client: Client, counted: list[str]) -> None:
    prepared(client)
    place = f"/v1/deployments/{start(client)['id']}"
    first = ended(client, place)
    counted.clear()
    assert [client.get(place) for _ in range(20)] == [first] * 20
    assert len(counted) < 10, "at most once a second"
    paths = client.world.settings.paths
    other = open_database("", paths.database, paths.key_file)
    for name in ("elsewhere", "somewhere"):
        with other.write() as session:
            row = deployments.find(session, first["id"])
            assert row is not None
            row.holder = name
        assert client.get(place)["holder"] == name, "not one old answer after the commit"
    other.close()


def test_events_that_are_waited_for_are_not_kept(client: Client) -> None:
    prepared(client)
    place = f"/v1/deployments/{start(client)['id']}/events"
    ended(client, place.removesuffix("/events"))
    events = client.get(place)["events"]
    assert client.get(f"{place}?after=2&limit=3")["events"] == events[2:5]
    assert client.get(f"{place}?after=2&limit=2")["events"] == events[2:4], "another page is another answer"
    asked: list[float] = []
    engine = client.running.service.engine
    real = engine.events

    def waited(deployment: str, after: int, limit: int, wait: float) -> Any:
        asked.append(wait)
        return real(deployment, after, limit, wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "events", waited)
        for _ in range(2):
            assert client.get(f"{place}?after={len(events)}&wait=1")["events"] == []
    assert asked == [1, 1]


def test_what_is_kept_is_given_to_nobody_who_may_not_have_it(serve: Serve) -> None:
    client = serve({"rate_limit": "40/hour"})
    prepared(client)
    place = f"/v1/deployments/{start(client)['id']}"
    ended(client, place)
    reader = client.as_user("reader")
    reader.get(place)
    assert client.codes("GET", place, 401, auth=None) == ["API-005"]
    assert client.codes("GET", place, 401, auth=("reader", "wrong")) == ["API-005"]
    statuses = [reader.ask("GET", place).status_code for _ in range(40)]
    assert statuses == [200] * 39 + [429], "every request counts, whoever makes the answer"
