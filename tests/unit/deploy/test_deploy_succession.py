"""What nobody foresaw ends neither the look for dead engines' work nor the signs of life of a living one."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from sqlalchemy import update

from tests.unit.deploy.test_deploy_kept import SpooledRunner, died
from tests.unit.deploy.world import World, request
from undercloud.db import locks, models
from undercloud.db.database import Database
from undercloud.deploy import background
from undercloud.deploy.engine import Status
from undercloud.deploy.lease import Lease
from undercloud.deploy.local import LocalEngine


def test_a_deployment_that_cannot_be_read_keeps_no_other_from_being_taken_over(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    engine = world.engine()
    left = []
    for stack in ("overcloud", "second"):
        world.real_runner = runner = SpooledRunner(deadly=9)
        engine = world.engine()
        left.append(died(world, engine, runner, request(stack=stack)))
    _of_another_version(engine._database, left[0], {"stack": "overcloud", "ssh": "by carrier pigeon"})
    assert engine.take_over() == (left[1],)
    assert engine.wait(left[1], 30).status is Status.SUCCEEDED
    (told,) = [record for record in caplog.records if "cannot be taken over" in record.getMessage()]
    assert left[0] in told.getMessage()
    assert told.exc_info is not None, "with its traceback"
    for changed, logged in (({}, 1), ({"stack": "overcloud", "plan": 3}, 2), ({}, 2)):
        if changed:
            _of_another_version(engine._database, left[0], changed)
        assert engine.take_over() == ()
        told_of = [record for record in caplog.records if "cannot be taken over" in record.getMessage()]
        assert len(told_of) == logged, "once, until it is another trouble"


def test_the_look_goes_on_after_what_nobody_foresaw(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.real_runner = runner = SpooledRunner(deadly=9)
    engine = world.engine()
    deployment = died(world, engine, runner, request())
    original, looks = LocalEngine.take_over, []

    def take_over(self: LocalEngine) -> tuple[str, ...]:
        looks.append(self)
        if len(looks) == 1:
            raise TypeError("nobody foresaw this")
        return original(self)

    monkeypatch.setattr(LocalEngine, "take_over", take_over)
    succession = background.succession(engine, 0.05)
    succession.start()
    try:
        deadline = time.monotonic() + 30
        while engine.deployment(deployment).status is not Status.SUCCEEDED:  # interrupted until it is seen
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        succession.stop()


def test_old_deployments_are_forgotten_beside_the_work_but_not_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_HOUR", 1.0)
    options = dataclasses.replace(world.settings.deployment, keep_deployments=1)
    world.settings = dataclasses.replace(world.settings, deployment=options)
    engine = world.engine()
    _, second = (engine.wait(engine.deploy(request(dry_run=True)).id, 30).id for _ in range(2))
    beside = background.beside(engine, 0.05)
    began = time.monotonic()
    for part in beside:
        part.start()
    deadline = began + 30
    while [one.id for one in engine.deployments()] != [second]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert time.monotonic() - began >= 1, "whoever starts it can still set how many are kept"
    for part in beside:
        part.stop()


def test_a_heartbeat_that_fails_in_an_unforeseen_way_is_not_the_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.runner.hold = threading.Event()
    engine = world.engine()
    original, looks = Lease._listen, []

    def listen(self: Lease) -> None:
        looks.append(self)
        if len(looks) == 1:
            raise TypeError("nobody foresaw this")
        original(self)

    monkeypatch.setattr(Lease, "_listen", listen)
    deployment = engine.deploy(request()).id
    _asked_to_stop_in_the_database(engine._database, deployment)
    assert engine.wait(deployment, 30).status is Status.INTERRUPTED
    with engine._database.read() as session:
        lock = locks.look(session, "overcloud")
        assert lock is not None
        assert lock.holder is None
    assert len(looks) > 1


def _of_another_version(database: Database, deployment: str, asked: dict[str, object]) -> None:
    """A request that this version cannot read."""
    with database.write() as session:
        session.execute(
            update(models.Deployment)
            .where(models.Deployment.id == deployment)
            .values(sealed_request=database.vault.seal_json(asked))
        )


def _asked_to_stop_in_the_database(database: Database, deployment: str) -> None:
    """As another engine does, which has no other way to this one's thread."""
    with database.write() as session:
        session.execute(
            update(models.Deployment).where(models.Deployment.id == deployment).values(cancel="enough")
        )
