"""Engines that are killed: the record says so, the next one goes on, nothing is lost, nothing done twice."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.unit.deploy.world import LEASE, PLAYS, World, make_world, request
from undercloud.db import locks, models
from undercloud.db.types import utcnow
from undercloud.deploy.engine import EventKind, Status, follow
from undercloud.deploy.local import LocalEngine
from undercloud.diagnostics import UndercloudError

STAGES = (
    "plan",
    "validate",
    "compile",
    "preflight",
    "directory",
    "node-checks",
    *(f"step-{n}" for n in range(6)),
    "finish",
    "final-checks",
    "credentials",
)
# Done in silence where no node leaves, and no machine is to become one.
QUIET = ("provision", "node-playbooks", "scale-in", "clean")

# A process of its own: it deploys or goes on with what a dead one left, and kills itself when the given stage
# begins or has ended.
_CHILD = """
import os, signal, sys
from pathlib import Path
from tests.unit.deploy.world import make_world, request
from undercloud.deploy.recorder import Recorder

directory, stage, moment, *resumed = sys.argv[1:]

def deadly(name, when):
    original = getattr(Recorder, name)
    def wrapped(self, stage_name, *rest):
        original(self, stage_name, *rest)
        if (stage_name, moment) == (stage, when):
            os.kill(os.getpid(), signal.SIGKILL)
    setattr(Recorder, name, wrapped)

deadly("stage_begins", "begins")
deadly("stage_ends", "ends")
engine = make_world(Path(directory)).engine()
if resumed:
    deployment = engine.resume(engine.deployments("overcloud")[0].id).id
else:
    (deployment,) = engine.take_over() or (engine.deploy(request()).id,)
engine.wait(deployment, 30)
"""


def die_at(directory: Path, stage: str, moment: str, *resumed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(directory), stage, moment, *resumed], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["begins", "ends"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_a_stage_and_resumed(tmp_path: Path, stage: str, moment: str) -> None:
    die_at(tmp_path, stage, moment)
    world = make_world(tmp_path)
    engine = world.engine()
    (left,) = engine.deployments("overcloud")
    assert left.status is Status.INTERRUPTED, "told before anybody wrote it down"
    stages = engine.deployment(left.id).stages
    done = [s.name for s in stages if s.status is Status.SUCCEEDED and s.name not in QUIET]
    before = STAGES.index(stage) + (moment == "ends")
    assert done == list(STAGES[:before])
    state = kept_state(world)

    resumed = engine.wait(engine.resume(left.id).id, 30)
    assert resumed.status is Status.SUCCEEDED
    assert {s.status for s in resumed.stages} == {Status.SUCCEEDED}
    steps = STAGES[5:14]
    wanted = [play for play, name in zip(PLAYS, steps, strict=True) if name not in done]
    assert world.runner.plays == wanted, "no finished step is repeated"
    if state:
        assert kept_state(world) == state, "the passwords are those that were made first"
        assert world.compiler.made == 0
    events = list(follow(engine, left.id))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    turns = [(event.stage, event.status) for event in events if event.kind is EventKind.STAGE]
    ended = [name for name, status in turns if status == Status.SUCCEEDED]
    assert ended == list(STAGES), "each stage ends once"
    engine.close()


@pytest.mark.parametrize("stage", ["plan", "compile", "directory", "step-1", "final-checks", "credentials"])
def test_killed_at_a_stage_and_taken_over_by_itself(tmp_path: Path, stage: str) -> None:
    die_at(tmp_path, stage, "ends")
    engine = make_world(tmp_path).engine()
    (taken,) = engine.take_over()
    assert engine.wait(taken, 30).status is Status.SUCCEEDED
    events = list(follow(engine, taken))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    ended = [e.stage for e in events if e.kind is EventKind.STAGE and e.status == Status.SUCCEEDED]
    assert ended == list(STAGES), "each stage ends once"
    engine.close()


def test_a_stage_that_cost_three_engines_their_lives_is_left_alone(tmp_path: Path) -> None:
    die_at(tmp_path, "step-1", "begins")
    for _ in range(3):
        die_at(tmp_path, "step-3", "begins")
    engine = make_world(tmp_path).engine()
    assert engine.take_over() == ()
    (left,) = engine.deployments("overcloud")
    assert (left.status, left.stage) == (Status.INTERRUPTED, "step-3")
    assert engine.status("overcloud").lock is None
    engine.close()
    die_at(tmp_path, "step-3", "begins", "resume")
    engine = make_world(tmp_path).engine()
    assert engine.take_over() == (left.id,), "who resumes it counts from none"
    assert engine.wait(left.id, 30).status is Status.SUCCEEDED
    engine.close()


def kept_state(world: World) -> list[object]:
    database = world.engine()._database
    with database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT sealed FROM states ORDER BY id").fetchall()
    return [json.loads(database.vault.open(row[0])) for row in rows]


def test_a_new_deployment_follows_a_dead_one(tmp_path: Path) -> None:
    die_at(tmp_path, "step-2", "begins")
    world = make_world(tmp_path)
    engine = world.engine()
    ended = engine.wait(engine.deploy(request()).id, 30)
    assert ended.status is Status.SUCCEEDED
    dead = engine.deployments("overcloud")[1]
    assert (dead.status, dead.stage) == (Status.INTERRUPTED, "step-2")
    assert engine.events(dead.id)[-1].message.endswith("died in stage step-2")
    stages = {stage.name: stage.status for stage in engine.deployment(dead.id).stages}
    assert stages["step-2"] is Status.INTERRUPTED
    assert world.runner.runs[0].variables["undercloud_fence"] == 2
    assert world.compiler.made == 0
    engine.close()


def test_what_a_dead_engine_left_in_memory_is_removed(tmp_path: Path) -> None:
    die_at(tmp_path, "step-3", "begins")
    world = make_world(tmp_path)
    (left,) = world.settings.paths.secure_tmp.iterdir()
    assert (left / "secrets.json").exists()
    engine = world.engine()
    engine.wait(engine.deploy(request()).id, 30)
    assert list(world.settings.paths.secure_tmp.iterdir()) == []
    engine.close()


def silence(engine: LocalEngine) -> None:
    """The lock's holder gave its last sign of life a lease ago."""
    past = utcnow() - datetime.timedelta(seconds=LEASE + 1)
    with engine._database.write() as session:
        session.execute(update(models.Lock).values(heartbeat=past))


def test_a_writer_on_another_machine_is_followed_after_its_lease(world: World) -> None:
    engine = world.engine()
    elsewhere = {"boot": "another", "namespace": "pid:[1]", "pid": 1, "started": 1}
    with engine._database.write() as session:
        locks.take(session, "overcloud", holder="far pid 1", process=elsewhere, now=utcnow())
    with pytest.raises(UndercloudError) as caught:
        engine.deploy(request())
    assert "far pid 1" in caught.value.findings[0].message
    silence(engine)
    assert engine.wait(engine.deploy(request()).id, 20).status is Status.SUCCEEDED
    assert world.runner.runs[0].variables["undercloud_fence"] == 2


def test_a_living_writer_here_is_never_overtaken(world: World) -> None:
    engine = world.engine()
    with subprocess.Popen(["sleep", "60"]) as other:
        start = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        process = {
            "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            "namespace": str(Path("/proc/self/ns/pid").readlink()),
            "pid": other.pid,
            "started": int(start),
        }
        with engine._database.write() as session:
            locks.take(session, "overcloud", holder="near", process=process, now=utcnow())
        silence(engine)
        with pytest.raises(UndercloudError):
            engine.deploy(request())
        other.kill()
    assert engine.wait(engine.deploy(request()).id, 20).status is Status.SUCCEEDED


def test_who_lost_the_lock_writes_no_more(world: World) -> None:
    engine = world.engine()

    def overtaken(play: str, run: object) -> None:
        if play == "Step 2":
            with engine._database.write() as session:
                process = {"boot": "another", "namespace": "x", "pid": 1, "started": 1}
                assert locks.take(session, "overcloud", holder="other", process=process, now=utcnow(), over=1)

    world.runner.script = overtaken
    ended = engine.wait(engine.deploy(request()).id, 20)
    assert ended.status is Status.INTERRUPTED
    lock = engine.status("overcloud").lock
    assert lock is not None
    assert (lock.holder, lock.fence) == ("other", 2), "the new holder's lock is not freed"
    assert "step-2" in {event.stage for event in engine.events(ended.id)}
    assert "step-3" not in {event.stage for event in engine.events(ended.id)}
