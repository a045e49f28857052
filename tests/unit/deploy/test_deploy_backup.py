"""Backups, restores and snapshots of a deployed cloud: the engine's half; Ansible is the world's."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from tests.unit.deploy.world import World, failed, ok, request
from undercloud.deploy import leaving
from undercloud.deploy.backup import MANIFEST, SUMS
from undercloud.deploy.engine import Deployment, Operation, Status, follow
from undercloud.deploy.requests import BackupRequest, DeleteRequest, SshAccess
from undercloud.deploy.runner import Ending, Run
from undercloud.diagnostics import UndercloudError


def deploy(world: World) -> None:
    engine = world.engine()
    ended = engine.wait(engine.deploy(request(ssh=SshAccess(user="stack"))).id, 60)
    assert ended.status is Status.SUCCEEDED


def back_up(world: World, action: str, directory: str = "") -> Deployment:
    engine = world.engine()
    return engine.wait(engine.backup(BackupRequest("overcloud", action, directory)).id, 60)


def refusal(world: World, action: str, directory: str = "") -> str:
    with pytest.raises(UndercloudError) as caught:
        world.engine().backup(BackupRequest("overcloud", action, directory))
    return caught.value.findings[0].code


def sealing(run: Run) -> None:
    """What the playbook does last."""
    sealed(Path(run.variables["undercloud_backup"]))


def sealed(directory: Path) -> None:
    """What tells a whole backup from one that was cut off."""
    for name in (MANIFEST, SUMS):
        (directory / name).write_text("")


def test_a_backup_goes_below_the_state_directory_and_is_found_there(world: World) -> None:
    assert refusal(world, "backup") == "DEP-003"
    deploy(world)
    assert refusal(world, "restore") == "DEP-035"
    world.runner.script = lambda play, run: sealing(run)
    made = back_up(world, "backup")
    assert (made.operation, made.status, made.stage) == (Operation.BACKUP, Status.SUCCEEDED, "nodes")
    directory = Path(made.directory)
    assert directory.parent == world.settings.paths.backups_dir("overcloud")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    run = world.runner.runs[-1]
    assert Path(run.playbook).is_file()
    assert Path(run.playbook).name == "backup.yaml"
    assert run.access.user == "stack", "the way in is that of the deployment"
    assert refusal(world, "backup", str(directory)) == "DEP-035"

    restored = back_up(world, "restore")
    assert (restored.operation, restored.status) == (Operation.RESTORE, Status.SUCCEEDED)
    assert world.runner.runs[-1].variables["undercloud_backup"] == str(directory)
    assert Path(world.runner.runs[-1].playbook).name == "restore.yaml"
    status = world.engine().status("overcloud")
    assert (status.status, status.lock) == ("deployed", None), "neither is a deployment"


def test_what_was_cut_off_is_no_backup(world: World, tmp_path: Path) -> None:
    deploy(world)
    world.runner.script = lambda play, run: [failed("db-0", "Dump the databases", msg="no room")]
    ended = back_up(world, "backup", str(tmp_path / "mine"))
    assert (ended.status, ended.stage) == (Status.FAILED, "nodes")
    (failure,) = world.engine().failures("overcloud", ended.id)
    assert (failure.host, failure.task) == ("db-0", "Dump the databases")
    assert refusal(world, "restore", str(tmp_path / "mine")) == "DEP-035"
    world.runner.script = lambda play, run: sealing(run)
    engine = world.engine()
    resumed = engine.wait(engine.resume(ended.id).id, 60)
    assert (resumed.status, resumed.directory) == (Status.SUCCEEDED, str(tmp_path / "mine"))
    assert back_up(world, "restore", str(tmp_path / "mine")).status is Status.SUCCEEDED
    (tmp_path / "mine" / MANIFEST).unlink()
    assert refusal(world, "restore", str(tmp_path / "mine")) == "DEP-035", "nobody knows of which cloud it is"


def test_a_node_that_was_given_back_is_left_out(world: World, tmp_path: Path) -> None:
    deploy(world)
    with world.engine()._database.write() as session:
        leaving.gave_back(session, "overcloud", {"db-0"})
    world.ssh.looked.clear()
    made = back_up(world, "backup", str(tmp_path / "mine"))
    assert (made.status, world.runner.runs[-1].limit) == (Status.SUCCEEDED, "all:!db-0")
    assert "db-0" not in world.ssh.looked


def test_a_restore_that_was_stopped_says_that_services_stand_still(world: World, tmp_path: Path) -> None:
    deploy(world)
    sealed(tmp_path)
    engine = world.engine()
    world.runner.hold = threading.Event()
    started = engine.backup(BackupRequest("overcloud", "restore", str(tmp_path)))
    for event in follow(engine, started.id):
        if event.stage == "nodes":
            engine.cancel(started.id, "Ctrl-C")
            break
    ended = engine.wait(started.id, 60)
    assert (ended.status, [finding.code for finding in ended.findings]) == (Status.INTERRUPTED, ["DEP-036"])
    assert "overcloud resume overcloud" in ended.findings[0].fix

    world.runner.hold = None
    world.runner.ending = Ending.TIMED_OUT
    ended = engine.wait(engine.resume(started.id).id, 60)
    assert ended.status is Status.FAILED
    told = [finding.code for finding in ended.findings]
    assert (told.count("DEP-036"), "DEP-018" in told) == (2, True)

    world.runner.ending = None
    world.runner.script = lambda play, run: [failed("db-0", "Put the databases back", msg="no room")]
    ended = engine.wait(engine.resume(started.id).id, 60)
    told = [finding.code for finding in ended.findings]
    assert told.count("DEP-036") == 2, "what fails on a node does not keep the playbook from starting them"


@pytest.mark.parametrize(
    ("action", "told"),
    [("snapshot", "create"), ("remove-snapshot", "remove"), ("revert-snapshot", "revert")],
)
def test_snapshots(world: World, action: str, told: str) -> None:
    deploy(world)
    world.runner.script = lambda play, run: [ok("ctl-0", "Look what the node runs on")]
    ended = back_up(world, action)
    assert (ended.operation, ended.status, ended.directory) == (Operation.SNAPSHOT, Status.SUCCEEDED, "")
    variables = world.runner.runs[-1].variables
    assert (variables["undercloud_snapshot"], "undercloud_backup" in variables) == (told, False)


def test_nothing_is_backed_up_that_is_not_there(world: World) -> None:
    deploy(world)
    engine = world.engine()
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 60)
    assert refusal(world, "backup") == "DEP-005"
