"""The operator's own playbooks on nodes: which run where, what a failure stops, what a dead engine leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.test_deploy_ansible import lines, until
from tests.unit.deploy.world import World, failed, make_world, ok, request
from undercloud.conf.runner import Runner as Options
from undercloud.deploy import history
from undercloud.deploy.compiling import Node, NodePlaybook
from undercloud.deploy.engine import Deployment, EventKind, Status
from undercloud.deploy.requests import RollbackRequest
from undercloud.deploy.runner import INVENTORY, AnsibleRunner, Run
from undercloud.deploy.ssh import Answer
from undercloud.diagnostics import UndercloudError

PIN = "very-secret-pin"
TUNE = NodePlaybook("Compute", "tune.yaml", "node_playbooks/home/tune.yaml", {"pin_token": PIN, "size": 3})
KERNEL = NodePlaybook("Compute", "cli-overcloud-node-kernelargs.yaml", extra_vars={"kernel_args": "quiet"})
CONTROL = NodePlaybook("Controller", "control.yaml", "node_playbooks/control.yaml")
STEPS = "deploy_steps_playbook.yaml"


@pytest.fixture
def cloud(world: World) -> World:
    """Two computes, a controller, a playbook for each role and one that comes with us."""
    world.compiler.nodes = (
        Node("ctl-0", "192.0.2.11", "Controller"),
        *(Node(f"cmp-{number}", f"192.0.2.2{number}", "Compute") for number in range(2)),
    )
    world.ssh.keys = {node.name: {"ssh-ed25519": f"AAAA{node.name}"} for node in world.compiler.nodes}
    world.compiler.playbooks = (TUNE, KERNEL, CONTROL, NodePlaybook("Storage", "none.yaml", "none.yaml"))
    world.compiler.files = {one.file: b"[]\n" for one in (TUNE, CONTROL)}
    return world


def run(world: World, **changes: Any) -> Deployment:
    engine = world.engine()
    return engine.wait(engine.deploy(request(**changes)).id, 60)


def ran(world: World) -> list[tuple[str, str]]:
    return [(Path(one.playbook).name, one.limit) for one in world.runner.runs]


def test_they_run_in_order_on_their_roles_nodes_before_the_steps(cloud: World) -> None:
    there: list[bool] = []
    cloud.runner.script = lambda play, run: there.append((run.directory / run.playbook).is_file())
    ended = run(cloud)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert ran(cloud) == [
        ("tune.yaml", "cmp-0,cmp-1"),
        (KERNEL.name, "cmp-0,cmp-1"),
        ("control.yaml", "ctl-0"),
        (STEPS, ""),
    ]
    tune, kernel, *_ = cloud.runner.runs
    assert [one.extra_vars for one in cloud.runner.runs] == [TUNE.extra_vars, KERNEL.extra_vars, {}, {}]
    assert "pin_token" not in tune.variables
    assert there[:3] == [True] * 3
    assert Path(kernel.playbook).is_file(), "it comes with us"
    assert [one.operators for one in cloud.runner.runs] == [True, True, True, False]
    assert len({one.purpose for one in cloud.runner.runs}) == 4
    said = [event.message for event in cloud.engines[0].events(ended.id) if event.kind is EventKind.TASK]
    assert said[0] == "tune.yaml on cmp-0, cmp-1 (Compute)"
    run(cloud)
    assert len(cloud.runner.runs) == 8, "they run again with every deployment"


def test_the_database_keeps_their_variables_sealed(cloud: World) -> None:
    run(cloud)
    kept = b"".join(file.read_bytes() for file in cloud.settings.paths.state_dir.rglob("*") if file.is_file())
    assert PIN.encode() not in kept


def test_only_on_the_nodes_that_limit_means(cloud: World) -> None:
    cloud.runner.hosts = lambda inventory, pattern: {"cmp-1"}  # type: ignore[method-assign]
    assert run(cloud, limit="cmp-1").status is Status.SUCCEEDED
    assert ran(cloud)[:2] == [("tune.yaml", "cmp-1"), (KERNEL.name, "cmp-1")]
    assert len(cloud.runner.runs) == 3


def test_a_failure_names_node_and_task_and_stops_the_others(cloud: World) -> None:
    def fail(play: str, _: Run) -> list[dict[str, Any]] | None:
        broken = failed("cmp-1", "Set the clock", msg="no such clock")
        return [ok("cmp-0", "Set the clock"), broken] if play == "tune" else None

    cloud.runner.script = fail
    ended = run(cloud)
    assert (ended.status, ended.stage) == (Status.FAILED, "node-playbooks")
    engine = cloud.engines[0]
    (failure,) = engine.failures("overcloud", ended.id)
    assert (failure.host, failure.task, failure.stage) == ("cmp-1", "Set the clock", "node-playbooks")
    assert "no such clock" in failure.finding.message
    assert ran(cloud) == [("tune.yaml", "cmp-0,cmp-1")]
    cloud.runner.script = None
    again = engine.wait(engine.resume(ended.id).id, 60)
    assert again.status is Status.SUCCEEDED
    assert [name for name, _ in ran(cloud)[1:]] == ["tune.yaml", KERNEL.name, "control.yaml", STEPS]


def test_a_node_that_is_silent_stops_them(cloud: World) -> None:
    cloud.ssh.keys["cmp-0"] = {}
    cloud.ssh.answers["cmp-0"] = Answer(255, "", "ssh: connect to host 192.0.2.20 port 22: No route to host")
    ended = run(cloud, rollback_on_failure=True)
    assert (ended.status, ended.stage, cloud.runner.runs) == (Status.FAILED, "node-playbooks", [])
    assert [one.code for one in ended.findings] == ["DEP-010"]
    with pytest.raises(UndercloudError, match="before it touched a node"):
        cloud.engines[0].rollback(RollbackRequest("overcloud"))


def test_what_they_changed_can_be_rolled_back(cloud: World) -> None:
    run(cloud)
    cloud.runner.script = lambda play, _: [failed("cmp-1", "Set the clock")] if play == "tune" else None
    assert run(cloud).stage == "node-playbooks"
    with pytest.raises(
        UndercloudError, match="is the last good"
    ):  # of one version, but not refused as untouched
        cloud.engines[-1].rollback(RollbackRequest("overcloud"))


def test_the_steps_know_the_other_nodes_too(cloud: World) -> None:
    """Also when nobody looked at the nodes before them."""
    cloud.compiler.playbooks = (TUNE,)
    known: dict[str, str] = {}
    cloud.runner.script = lambda _, run: known.update(
        {Path(run.playbook).name: run.workspace.known_hosts.read_text()}
    )
    run(cloud, skip=("preflight",))
    assert "AAAActl-0" not in known["tune.yaml"]
    assert "AAAActl-0" in known[STEPS] and "AAAAcmp-0" in known[STEPS]


def test_a_deployment_that_stopped_goes_on_with_what_it_wrote(cloud: World) -> None:
    """Whatever was provisioned meanwhile."""
    cloud.runner.script = lambda play, _: [failed("cmp-1", "Start it")] if play == "Step 3" else None
    stopped = run(cloud)
    assert stopped.stage == "step-3"
    cloud.runner.script = None
    mine = cloud.compiler.files
    cloud.compiler.files = {one.file: b"[{}]\n" for one in (TUNE, CONTROL)}
    engine = cloud.engines[0]
    assert engine.wait(engine.provision(request()).id, 60).status is Status.SUCCEEDED
    assert engine.wait(engine.resume(stopped.id).id, 60).status is Status.SUCCEEDED
    steps = cloud.runner.runs[-1]
    assert steps.playbook == STEPS
    assert (steps.directory / TUNE.file).read_bytes() == mine[TUNE.file]


def test_provisioning_nodes_that_are_there_needs_no_machine(cloud: World) -> None:
    engine = cloud.engine()
    ended = engine.wait(engine.provision(request()).id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert [name for name, _ in ran(cloud)] == ["tune.yaml", KERNEL.name, "control.yaml"]


def test_they_can_be_left_out(cloud: World) -> None:
    ended = run(cloud, skip=("node-playbooks",))
    assert ended.status is Status.SUCCEEDED
    assert ran(cloud) == [(STEPS, "")]
    with cloud.engines[0]._database.read() as session:
        good = history.good(session, "overcloud")
    assert [row.id for row in good] == [ended.id], "services are deployed as whole as with them"


def test_a_dry_run_lists_them(cloud: World) -> None:
    ended = run(cloud, dry_run=True)
    assert ended.status is Status.SUCCEEDED
    assert [one.check for one in cloud.runner.runs] == [True]
    changes = cloud.engines[0].changes(ended.id)
    listed = sorted((one.host, one.name) for one in changes if one.name.startswith("playbook "))
    both = (f"playbook {KERNEL.name}", "playbook tune.yaml")
    computes = [(host, name) for host in ("cmp-0", "cmp-1") for name in both]
    assert listed == [*computes, ("ctl-0", "playbook control.yaml")]


# With real Ansible: three playbooks, each of which writes a line and waits as long as a file is there.

_INVENTORY = """
Compute:
  hosts:
    cmp-0: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
undercloud:
  hosts:
    undercloud: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
_PLAYBOOK = """
- hosts: all
  tasks:
    - name: Work
      ansible.builtin.shell: |
        echo {{ inventory_hostname }} {{ number }} {{ ansible_facts.system }} >> DIRECTORY/done
        while [ -e DIRECTORY/wait.{{ number }} ]; do sleep 0.1; done
"""
_CHILD = """
import sys
from pathlib import Path
from tests.unit.deploy.test_deploy_node_playbooks import world_with_ansible
from tests.unit.deploy.world import request
engine = world_with_ansible(Path(sys.argv[1])).engine()
engine.wait(engine.provision(request()).id, 60)
"""


def world_with_ansible(directory: Path) -> World:
    world = make_world(directory)
    world.compiler.nodes = (Node("cmp-0", "192.0.2.20", "Compute"),)
    world.ssh.keys = {"cmp-0": {"ssh-ed25519": "AAAA"}}
    world.compiler.files = {
        "node_playbooks/own.yaml": _PLAYBOOK.replace("DIRECTORY", str(directory)).encode(),
        INVENTORY: _INVENTORY.encode(),
    }
    world.compiler.playbooks = tuple(
        NodePlaybook(
            "Compute", "own.yaml", "node_playbooks/own.yaml", {"number": number, "number_token": PIN}
        )
        for number in range(3)
    )
    world.real_runner = AnsibleRunner(Options(forks=5, keep_runs=5, control_persist=30, pass_environment=()))
    return world


def test_killed_in_the_second_the_first_does_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "wait.1").touch()
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)])
    until(lambda: len(lines(tmp_path / "done")) == 2)
    shown = Path("/proc").glob("[0-9]*/cmdline")
    assert not any(PIN.encode() in line for line in _read_all(shown)), "no command line has a variable"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (tmp_path / "wait.1").unlink()
    engine = world_with_ansible(tmp_path).engine()
    (left,) = engine.deployments("overcloud")
    ended = engine.wait(engine.resume(left.id).id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert lines(tmp_path / "done") == [f"cmp-0 {number} Linux" for number in range(3)], "and never here"
    results = [event.data["task"] for event in engine.events(left.id) if event.kind is EventKind.RESULT]
    assert results == ["Gathering Facts", "Work"] * 3, "each is told of once"
    engine.close()


def _read_all(files: Any) -> list[bytes]:
    found = []
    for file in files:
        try:
            found.append(file.read_bytes())
        except OSError:
            continue  # it ended meanwhile
    return found
