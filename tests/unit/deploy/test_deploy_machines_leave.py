"""Nodes on machines leave a cloud, by name or by the plan, and are replaced; others stand beside them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.machine_world import QUICK, Answering, want, wanted
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from tests.unit.deploy.world import NODES, FakeCompiler, World, make_world, request
from undercloud.baremetal import fleet
from undercloud.db import host_keys
from undercloud.deploy import own_key
from undercloud.deploy.compiling import Compiled, Judged, Known, Loaded, Reserved
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import UnprovisionRequest
from undercloud.deploy.requests import CheckRequest, DeleteRequest
from undercloud.deploy.runner import Run
from undercloud.deploy.ssh import Answer
from undercloud.deploy.workspace import Workspace
from undercloud.diagnostics import UndercloudError

SILENT = Answer(255, "", "ssh: connect to host 192.0.2.21 port 22: No route to host")


@dataclasses.dataclass
class Cloud:
    """A world whose stack is deployed on machines."""

    world: World
    engine: LocalEngine
    ironic: SimulatedIronic
    ssh: Answering

    def deploy(self, **changes: Any) -> Deployment:
        return self.engine.wait(self.engine.deploy(request(**changes)).id, 60)

    def delete_node(self, *hosts: str, **more: Any) -> Deployment:
        wanted = UnprovisionRequest("overcloud", hosts, **{"leave": True, **more})
        return self.engine.wait(self.engine.unprovision(wanted).id, 60)

    def owners(self) -> dict[str, str]:
        return {one.host: one.machine for one in self.engine.provisioned("overcloud")}

    def states(self) -> dict[str, str]:
        return {one.name: one.provision_state for one in self.ironic.machines()}

    def key_of(self, address: str) -> Mapping[str, str]:
        with self.engine._database.read() as session:
            return host_keys.known(session, address, 22)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    world = make_world(tmp_path, "[baremetal]\nendpoint = http://192.0.2.1:6385\n")
    ironic = SimulatedIronic(tmp_path)
    monkeypatch.setattr(fleet, "time", QUICK)
    for number in range(3):
        machine = ironic.create(f"node-{number}", {"driver": "fake-hardware"})
        ironic.add_port(machine, {"address": f"52:54:00:00:00:0{number}"})
        for verb in ("manage", "provide"):
            ironic.move(machine.name, verb)
            for _ in range(3):
                ironic.machines()
    world.ironic = lambda: ironic
    world.ssh = ssh = Answering()
    engine = ssh.engine = world.engine()
    want(world, wanted(0), wanted(1))
    made = Cloud(world, engine, ironic, ssh)
    assert made.deploy().status is Status.SUCCEEDED
    world.runner.plays.clear()
    yield made
    engine.close()


def codes(deployment: Deployment) -> list[str]:
    return [finding.code for finding in deployment.findings]


def refused(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(UndercloudError) as caught:
        call()
    return [finding.code for finding in caught.value.findings]


def test_services_take_leave_before_the_machine_goes(cloud: Cloud) -> None:
    machine = cloud.owners()["compute-1"]
    then: list[str] = []

    def look(play: str, run: Run) -> None:
        then.append(cloud.states()[machine])

    cloud.world.runner.script = look
    done = cloud.delete_node("compute-1")
    assert (done.status, codes(done)) == (Status.SUCCEEDED, [])
    assert (cloud.world.runner.plays, then) == (["Leave"], ["active"])
    assert cloud.world.runner.runs[-1].limit == "compute-1"
    assert cloud.states()[machine] == "available"
    assert list(cloud.owners()) == ["compute-0"]
    assert [node.name for node in cloud.engine.stack_hosts("overcloud")] == ["compute-0"]


def test_the_next_deployment_replaces_it_under_its_name_and_address(cloud: Cloud) -> None:
    old, key = cloud.owners()["compute-1"], cloud.key_of("192.0.2.21")
    cloud.delete_node("compute-1")
    assert cloud.key_of("192.0.2.21") == {}
    cloud.ironic.set_maintenance(old, True)  # it is broken
    done = cloud.deploy()
    assert (done.status, codes(done)) == (Status.SUCCEEDED, [])
    assert cloud.owners()["compute-1"] not in {old, cloud.owners()["compute-0"]}
    assert cloud.key_of("192.0.2.21") not in ({}, key), "another machine, another host key"
    assert sum(verb == "active" for _, verb in cloud.ironic.asked) == 3, "nobody was installed again"


def test_without_it_the_next_deployment_does_not_look_for_it(cloud: Cloud) -> None:
    cloud.delete_node("compute-1")
    want(cloud.world, wanted(0))
    cloud.ssh.looked.clear()
    done = cloud.deploy()
    assert (done.status, codes(done)) == (Status.SUCCEEDED, [])
    assert set(cloud.ssh.looked) == {"compute-0"}
    assert "Clean" not in cloud.world.runner.plays


def test_first_out_of_the_plan_and_then_given_back(cloud: Cloud) -> None:
    want(cloud.world, wanted(0))
    done = cloud.deploy()
    assert (done.status, codes(done)) == (Status.SUCCEEDED, ["DEP-024"])
    assert [play for play in cloud.world.runner.plays if play in {"Leave", "Clean"}] == ["Leave", "Clean"]
    assert "active" in cloud.states().values()
    cloud.world.runner.plays.clear()
    assert cloud.delete_node("compute-1").status is Status.SUCCEEDED
    assert cloud.world.runner.plays == [], "it has left already"


def test_what_is_left_can_be_checked_and_deleted(cloud: Cloud) -> None:
    cloud.delete_node("compute-1")
    checked = cloud.engine.wait(cloud.engine.check(CheckRequest("overcloud")).id, 60)
    assert "compute-1" not in str(checked.findings)
    cloud.ssh.looked.clear()
    gone = cloud.engine.wait(cloud.engine.delete(DeleteRequest("overcloud")).id, 60)
    assert gone.status is Status.SUCCEEDED, gone.findings
    assert cloud.world.runner.runs[-1].limit == "all:!compute-1"
    assert set(cloud.ssh.looked) == {"compute-0"}


def test_a_dead_node_goes_all_the_same(cloud: Cloud) -> None:
    cloud.ssh.answers["compute-1"] = SILENT
    done = cloud.delete_node("compute-1")
    assert (done.status, codes(done)) == (Status.SUCCEEDED, ["BM-150"])
    assert "No route to host" in done.findings[0].message
    assert (cloud.world.runner.plays, list(cloud.owners())) == ([], ["compute-0"])


def test_an_error_on_the_way_out_gives_nothing_back(cloud: Cloud) -> None:
    machine = cloud.owners()["compute-1"]
    event = {"host": "compute-1", "task": "Leave", "task_action": "x", "duration": 1.0, "res": {"msg": "no"}}
    cloud.world.runner.script = lambda play, run: [{"event": "runner_on_failed", "event_data": event}]
    failed = cloud.delete_node("compute-1")
    assert (failed.status, failed.stage) == (Status.FAILED, "scale-in")
    assert cloud.states()[machine] == "active"
    cloud.world.runner.script = None
    again = cloud.engine.wait(cloud.engine.resume(failed.id).id, 60)
    assert again.status is Status.SUCCEEDED, again.findings
    assert list(cloud.owners()) == ["compute-0"]


def deploy_with_data(cloud: Cloud, *hosts: str) -> None:
    """Deploy with the data of one service on these hosts."""
    entry = {"/var/lib/mysql": {"origin": {"service": "mysql"}}}
    state = {"hosts": {host: {"steps": {"2": {"directories": entry}}} for host in hosts}}
    cloud.world.compiler.files = {"desired_state/compute.json": json.dumps(state).encode()}
    assert cloud.deploy().status is Status.SUCCEEDED


def test_the_last_data_goes_only_where_it_may(cloud: Cloud) -> None:
    deploy_with_data(cloud, "compute-1")
    assert refused(lambda: cloud.delete_node("compute-1")) == ["DEP-029"]
    assert refused(lambda: cloud.delete_node("compute-1", leave=False)) == ["BM-149"]
    assert cloud.delete_node("compute-1", sure=True).status is Status.SUCCEEDED


def test_one_copy_after_the_other_is_not_the_way_to_lose_the_last(cloud: Cloud) -> None:
    deploy_with_data(cloud, "compute-0", "compute-1")
    assert cloud.delete_node("compute-1").status is Status.SUCCEEDED
    assert refused(lambda: cloud.delete_node("compute-0")) == ["DEP-029"]
    want(cloud.world, wanted(1), wanted(2))
    done = cloud.deploy()
    assert (done.status, "DEP-029" in codes(done)) == (Status.FAILED, True)
    assert list(cloud.owners()) == ["compute-0"]


def test_a_machine_that_became_somebody_elses_is_left_to_them(cloud: Cloud) -> None:
    machine = cloud.owners()["compute-1"]
    for allocation in cloud.ironic.allocations():
        if ".compute-1." in allocation.name:
            cloud.ironic.deallocate(allocation.name)
    patch = [{"op": "add", "path": "/instance_uuid", "value": "another"}]
    cloud.ironic.update(machine, patch)
    done = cloud.delete_node("compute-1")
    assert (done.status, codes(done)) == (Status.SUCCEEDED, ["BM-151"])
    assert (cloud.states()[machine], list(cloud.owners())) == ("active", ["compute-0"])


def test_nodes_that_are_there_already_stand_beside(cloud: Cloud) -> None:
    stands = NODES[0]
    cloud.world.compiler.nodes = (*cloud.world.compiler.nodes, stands)
    seen: list[str] = []

    def look(play: str, run: Run) -> None:
        seen.append(run.workspace.ssh_config.read_text())

    cloud.world.runner.script = look
    done = cloud.deploy()
    assert done.status is Status.SUCCEEDED, done.findings
    assert seen[0].splitlines()[0] == "Host 192.0.2.20 192.0.2.21", "our key is for these alone"
    assert cloud.key_of(stands.address) == {"ssh-ed25519": f"AAAA{stands.name}"}, "pinned at first contact"
    assert not cloud.world.runner.runs[-1].access.private_key
    cloud.deploy(
        ssh=dataclasses.replace(
            request().ssh, private_key=str(own_key.own_key(cloud.world.settings.paths.state_dir))
        )
    )
    assert cloud.world.runner.runs[-1].access.private_key, "a key that is named is for all"


def test_ssh_enters_each_by_its_own_way(tmp_path: Path) -> None:
    """What the system's ssh makes of the file."""
    workspace = Workspace(tmp_path)
    own_key.let_in(tmp_path / "state", workspace, {"192.0.2.20", "192.0.2.21"})

    def settings(address: str) -> dict[str, str]:
        command = ["ssh", "-G", "-F", str(workspace.ssh_config), address]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(line.partition(" ")[::2] for line in told.splitlines())

    ours, other = settings("192.0.2.21"), settings("192.0.2.11")
    key = str(tmp_path / "state/ssh/id_ed25519")
    assert (ours["identityfile"].strip('"'), ours["identitiesonly"]) == (key, "yes")
    assert key not in other["identityfile"]
    assert other["identitiesonly"] == "no"


@dataclasses.dataclass
class Allocating(FakeCompiler):
    """Gives a plan the first address that no other stack holds; ``between`` happens once after judging."""

    between: Callable[[], None] | None = None

    def compile(self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved) -> Compiled:
        made = super().compile(loaded, state, reserved)
        held = set(reserved.get("ctlplane", ()))
        free = next(text for number in range(50, 60) if (text := f"192.0.2.{number}") not in held)
        return dataclasses.replace(made, state={**made.state, "addresses": {"ctlplane": {"vip": free}}})

    def judge(
        self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved, known: Known
    ) -> Judged:
        judged = super().judge(loaded, state, reserved, known)
        between, self.between = self.between, None
        if between:
            between()
        return judged


def test_two_stacks_that_take_addresses_at_once_get_different_ones(world: World) -> None:
    engine = world.engine()
    world.compiler = compiler = Allocating()

    def other() -> None:
        assert engine.wait(engine.deploy(request(stack="other")).id, 60).status is Status.SUCCEEDED

    compiler.between = other
    done = engine.wait(engine.deploy(request()).id, 60)
    assert done.status is Status.SUCCEEDED, done.findings
    assert engine.addresses("other") == {"ctlplane": {"vip": "192.0.2.50"}}
    assert engine.addresses("overcloud") == {"ctlplane": {"vip": "192.0.2.51"}}
