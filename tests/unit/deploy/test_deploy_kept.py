"""Runs that go on while no engine is there: found again, read on, nothing lost, nothing told twice."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.unit.deploy.world import PLAYS, FakeRunner, World, failed, plays_of, request, usual
from undercloud.db.database import Database
from undercloud.deploy import keeper
from undercloud.deploy.engine import Event, EventKind, Operation, Status
from undercloud.deploy.kept import KeptRun
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.runner import Ending, OnEvent, Result, Run
from undercloud.deploy.workspace import LeftError
from undercloud.diagnostics import UndercloudError


@dataclasses.dataclass
class SpooledRunner(FakeRunner):
    """Its keeper is done at once, its engine ends before or after the event with the number ``deadly``.

    At the event ``restarted`` it waits until its engine is asked to leave, as long as that is not set to 0.
    """

    deadly: int = 0
    after: bool = False
    restarted: int = 0
    begun: int = 0
    waits: threading.Event = dataclasses.field(default_factory=threading.Event)

    def run(self, run: Run, on_event: OnEvent, cancelled: Callable[[], bool]) -> Result:
        directory = run.workspace.run_directory(run.purpose)
        kept = KeptRun(directory, run.mark)
        if not kept.there:
            self.begun += 1
            self._spool(directory, run)
        for event in kept.follow(cancelled):
            if event["counter"] == self.deadly and not self.after:
                raise LeftError
            on_event(event)
            while event["counter"] == self.restarted:
                self.waits.set()
                cancelled()
                time.sleep(0.01)
            if event["counter"] == self.deadly:
                raise LeftError
        assert kept.result is not None
        return Result(Ending(kept.result["status"]))

    def _spool(self, directory: Path, run: Run) -> None:
        told: list[dict[str, Any]] = []
        for play in plays_of(run):
            told.append({"event": "playbook_on_play_start", "event_data": {"play": play}})
            told += (self.script(play, run) if self.script else None) or usual(play)
        directory.mkdir()
        (directory / keeper.RUN).write_text("{}")
        lines = [json.dumps({**event, "counter": number}) for number, event in enumerate(told, 1)]
        (directory / keeper.EVENTS).write_text("".join(f"{line}\n" for line in lines))
        bad = any(event["event"] == "runner_on_failed" for event in told)
        (directory / keeper.RESULT).write_text(json.dumps({"status": "failed" if bad else "successful"}))


def told(events: tuple[Event, ...]) -> Counter[tuple[str, ...]]:
    """What tasks did, and the turns from stage to stage, without what every new attempt says anew."""
    of_tasks = [e for e in events if e.kind in {EventKind.TASK, EventKind.RESULT, EventKind.FINDING}]
    ends = [e for e in events if e.kind is EventKind.STAGE and e.status != Status.RUNNING]
    return Counter((str(e.kind), e.stage, e.host, e.status, e.message) for e in (*of_tasks, *ends))


def died(world: World, engine: LocalEngine, runner: SpooledRunner, wanted: DeployRequest) -> str:
    """Deploy with an engine that dies; the deployment's id."""
    world.real_runner = runner
    deployment = engine.deploy(wanted).id
    engine._jobs.join()
    assert engine.deployment(deployment).status is Status.INTERRUPTED
    runner.deadly = 0
    return deployment


_EVENTS = len(PLAYS) * 4  # a play's beginning, a task's, and a result of each of two nodes


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("deadly", range(1, _EVENTS + 1, 3))
def test_an_engine_dies_at_any_event_and_another_reads_on(world: World, deadly: int, after: bool) -> None:
    whole = SpooledRunner()
    world.real_runner = whole
    engine = world.engine()
    expected = told(engine.events(engine.wait(engine.deploy(request()).id, 30).id))

    runner = SpooledRunner(deadly=deadly, after=after)
    world.real_runner = runner
    first = world.engine()
    deployment = died(world, first, runner, request())
    second = world.engine()
    assert second.take_over() == (deployment,)
    ended = second.wait(deployment, 30)
    assert ended.status is Status.SUCCEEDED
    assert runner.begun == 1, "the playbook is found again, not begun again"
    events = second.events(deployment)
    assert told(events) == expected
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {host.counts.ok + host.counts.changed for host in engine.hosts(ended.id)} == {len(PLAYS)}


def test_a_failure_that_the_dead_engine_recorded_counts(world: World) -> None:
    def script(play: str, _run: Run) -> list[dict[str, Any]] | None:
        return [failed("db-0", "boom", msg="no luck")] if play == "Final checks" else None

    runner = SpooledRunner(script=script, deadly=_EVENTS - 2, after=True)
    world.real_runner = runner
    deployment = died(world, world.engine(), runner, request())
    second = world.engine()
    second.take_over()
    assert second.wait(deployment, 30).status is Status.FAILED
    (failure,) = second.failures("overcloud")
    assert (failure.host, failure.stage) == ("db-0", "final-checks")


def test_what_is_limited_begins_anew(world: World) -> None:
    runner = SpooledRunner(deadly=5)
    world.real_runner = runner
    engine = world.engine()
    deployment = died(world, engine, runner, request())
    assert engine.wait(engine.resume(deployment, "db-*").id, 30).status is Status.SUCCEEDED
    assert runner.begun == 2


def test_an_engine_that_ends_leaves_its_work_and_the_next_one_goes_on(world: World) -> None:
    runner = SpooledRunner(deadly=9)
    world.real_runner = runner
    first = world.engine()
    deployment = died(world, first, runner, request())
    first.leave()
    second = world.engine()
    assert second.take_over() == (deployment,)
    assert second.wait(deployment, 30).status is Status.SUCCEEDED
    assert second.take_over() == ()
    assert list(world.settings.paths.secure_tmp.iterdir()) == []


def test_a_request_to_cancel_that_nobody_heard_still_holds(world: World) -> None:
    world.real_runner = runner = SpooledRunner(deadly=9)
    engine = world.engine()
    deployment = died(world, engine, runner, request())
    engine.cancel(deployment, "enough")
    engine.take_over()
    ended = engine.wait(deployment, 30)
    assert ended.status is Status.INTERRUPTED
    assert engine.events(deployment)[-1].message.endswith("enough")
    assert engine.status("overcloud").lock is None
    assert engine.wait(engine.resume(deployment).id, 30).status is Status.SUCCEEDED


def test_what_only_looked_ends(world: World) -> None:
    world.real_runner = runner = SpooledRunner(deadly=9)
    engine = world.engine()
    deployment = died(world, engine, runner, request(dry_run=True))
    assert engine.take_over() == ()
    assert engine.events(deployment)[-1].status == Status.INTERRUPTED
    assert engine.deployment(deployment).operation is Operation.DRY_RUN


def test_engines_that_are_restarted_in_one_long_step_go_on_with_it_every_time(world: World) -> None:
    world.real_runner = runner = SpooledRunner(restarted=9)
    deployment = world.engine().deploy(request()).id
    for _ in range(6):
        assert runner.waits.wait(30)
        runner.waits.clear()
        world.engines[-1].leave()
        assert world.engine().take_over() == (deployment,)
    assert runner.waits.wait(30)
    runner.restarted = 0
    engine = world.engines[-1]
    assert engine.wait(deployment, 30).status is Status.SUCCEEDED
    assert runner.begun == 1
    ends = [e.message for e in engine.events(deployment) if e.status == Status.INTERRUPTED]
    assert len(ends) == 6
    assert not any("died" in message for message in ends)


class Outage:
    """A database that is away for some attempts to write, from the moment a play begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, attempts: int) -> None:
        self.left = 0
        self.attempts = attempts
        original = Database.write

        def write(database: Database) -> AbstractContextManager[Session]:
            if self.left and threading.current_thread().name.startswith("deploy-"):
                self.left -= 1
                raise UndercloudError.of("DB-004", "the database went away")
            return original(database)

        monkeypatch.setattr(Database, "write", write)
        monkeypatch.setattr("undercloud.deploy.recorder._AGAIN", 0.01)

    def begin(self, play: str, _run: Run) -> None:
        if play == "Step 2":
            self.left = self.attempts


def test_a_database_that_is_away_for_a_moment_costs_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(monkeypatch, attempts=5)
    world.runner.script = outage.begin
    engine = world.engine()
    ended = engine.wait(engine.deploy(request()).id, 30)
    assert (ended.status, outage.left) == (Status.SUCCEEDED, 0)
    events = engine.events(ended.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert Counter(e.stage for e in events if e.kind is EventKind.RESULT)["step-2"] == 2
    assert {host.counts.ok + host.counts.changed for host in engine.hosts(ended.id)} == {len(PLAYS)}


def test_work_is_left_where_the_database_stays_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    outage = Outage(monkeypatch, attempts=1_000_000)
    world.runner.script = outage.begin
    engine = world.engine()
    deployment = engine.deploy(request()).id
    engine._jobs.join()
    outage.left = 0
    world.runner.script = None
    found = engine.deployment(deployment)
    assert (found.status, found.findings[-1].code) == (Status.INTERRUPTED, "DB-004")
    assert engine.take_over() == (deployment,)
    assert engine.wait(deployment, 30).status is Status.SUCCEEDED
