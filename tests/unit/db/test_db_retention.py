"""Deployments are forgotten when they are old and nobody needs them, on each kind of database."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import pytest
from sqlalchemy import func, select

from undercloud.conf import Settings, load
from undercloud.db import deployments, events, models, plans, states
from undercloud.db.database import Database
from undercloud.deploy import retention

_BEGAN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DEPLOY, DELETE, CHECK = "deploy", "delete", "check"
GOOD, BAD, RUNS = "succeeded", "failed", "running"


class History:
    """A stack's deployments, each a minute after the one before."""

    def __init__(self, database: Database, stack: str = "overcloud") -> None:
        self.database = database
        self.stack = stack
        self._minutes = itertools.count()
        with database.write() as session:
            version = plans.add_version(session, database.vault, plans.ensure(session, stack), {}, {})
            state = states.commit(session, database.vault, version.plan_id, {}, 0)
            self._compilation = states.keep_compilation(
                session, database.vault, version=version, state=state, files={}, facts={}, secrets={}
            ).id

    def add(
        self, name: str, operation: str, status: str, version: int = 1, told: int = 2, limit: str = ""
    ) -> None:
        """One more, with so many events."""
        began = _BEGAN + datetime.timedelta(minutes=next(self._minutes))
        with self.database.write() as session:
            row = models.Deployment(
                id=name, stack=self.stack, operation=operation, status=status, stage="", version=version,
                compilation_id=self._compilation, sealed_request=b"", holder="", fence=1, started=began,
                ended=began, hosts={}, findings=[], directory="", cancel=None, limited_to=limit,
                rollback_of="", playbook={},
            )  # fmt: skip
            deployments.add(session, row, ["plan"], status)
            events.append(session, name, (_event(began) for _ in range(told)))

    def left(self) -> list[str]:
        """The ids of what is there, oldest first; every one has all that belongs to it."""
        with self.database.read() as session:
            found = [row.id for row in deployments.brief(session, self.stack)][::-1]
            for kind in (models.Event, models.Stage):
                owners = set(session.scalars(select(kind.deployment_id)))
                assert owners >= set(found)
        return found

    def count(self) -> int:
        """How many events there are of all deployments."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(models.Event)) or 0


def _event(time: datetime.datetime) -> models.Event:
    return models.Event(time=time, kind="log", stage="", step=-1, host="", status="", message="told", data={})


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def settings(tmp_path: Path, keep: int) -> Settings:
    file = tmp_path / "keep.conf"
    file.write_text(f"[deployment]\nkeep_deployments = {keep}\n")
    return load(state_dir=str(tmp_path / "state"), config_file=str(file), environment={})


def forget(history: History, options: Settings) -> list[str]:
    return list(retention.forget_old(options, history.database, lambda: False))


def test_the_newest_of_each_kind_stay(history: History, tmp_path: Path) -> None:
    options = settings(tmp_path, 2)
    for number in range(4):
        history.add(f"deploy-{number}", DEPLOY, GOOD, told=5)
        history.add(f"check-{number}", CHECK, BAD)
        (options.paths.artifacts("overcloud") / f"deploy-{number}").mkdir(parents=True)
    other = History(history.database, "edge")
    other.add("alone", DEPLOY, BAD)
    assert sorted(forget(history, options)) == ["check-0", "check-1", "deploy-0", "deploy-1"]
    assert history.left() == ["deploy-2", "check-2", "deploy-3", "check-3"]
    assert other.left() == ["alone"]
    assert history.count() == 2 * (5 + 2) + 2
    assert sorted(path.name for path in options.paths.artifacts("overcloud").iterdir()) == [
        "deploy-2",
        "deploy-3",
    ]
    assert forget(history, options) == []


@pytest.mark.parametrize(
    ("past", "gone"),
    [
        ([(DEPLOY, RUNS, 1), (DEPLOY, "pending", 1), (DEPLOY, BAD, 1), (DEPLOY, GOOD, 1)], {2}),
        # What it stands as, what a rollback goes back to, and what failed since then.
        ([(DEPLOY, GOOD, 1), (DEPLOY, GOOD, 2), (DEPLOY, GOOD, 2), (DEPLOY, BAD, 3), (DEPLOY, BAD, 3)], {1}),
        # Nothing was ever good: only the last attempt tells anything.
        ([(DEPLOY, BAD, 1), (DEPLOY, BAD, 1), (DEPLOY, BAD, 1)], {0, 1}),
        # What was good before it was deleted is nothing to go back to.
        ([(DEPLOY, GOOD, 1), (DELETE, GOOD, 1), (DEPLOY, BAD, 1), (DEPLOY, BAD, 2)], {0, 2}),
        ([(DEPLOY, GOOD, 1), (DELETE, GOOD, 1), (DELETE, BAD, 1)], set()),
    ],
)
def test_what_is_needed_stays_however_old(
    history: History, tmp_path: Path, past: list[tuple[str, str, int]], gone: set[int]
) -> None:
    for number, (operation, status, version) in enumerate(past):
        history.add(f"d{number}", operation, status, version)
    assert set(forget(history, settings(tmp_path, 1))) == {f"d{number}" for number in gone}
    assert history.left() == [f"d{number}" for number in range(len(past)) if number not in gone]


def test_a_deployment_of_some_nodes_is_not_the_last_good_one(history: History, tmp_path: Path) -> None:
    history.add("all", DEPLOY, GOOD)
    history.add("some", DEPLOY, GOOD, limit="ctl-0")
    history.add("others", DEPLOY, GOOD, limit="ctl-1")
    assert forget(history, settings(tmp_path, 1)) == []


def test_many_events_go_bit_by_bit_and_an_end_in_between_loses_nothing(
    history: History, tmp_path: Path
) -> None:
    options = settings(tmp_path, 1)
    history.add("old", DEPLOY, GOOD, told=2500)
    history.add("new", DEPLOY, GOOD, told=3)
    looks = iter((False, True))
    assert list(retention.forget_old(options, history.database, lambda: next(looks))) == []
    assert history.left() == ["old", "new"]
    assert history.count() == 500 + 3
    assert forget(history, options) == ["old"]
    assert (history.left(), history.count()) == (["new"], 3)


def test_everything_stays_where_that_is_wanted(history: History, tmp_path: Path) -> None:
    for number in range(3):
        history.add(f"d{number}", DEPLOY, GOOD)
    assert forget(history, settings(tmp_path, 0)) == []
    assert len(history.left()) == 3
