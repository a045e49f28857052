"""Machines become nodes: the engine with a real Ironic; the plan, Ansible and SSH's answers are a world's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.baremetal.place import Place, make_place
from tests.functional.baremetal.real_ironic import RealIronic
from tests.functional.baremetal.test_machines import fake
from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import request
from undercloud.baremetal.ironic import Ironic
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.machines import UnprovisionRequest
from undercloud.diagnostics import UndercloudError

pytestmark = pytest.mark.functional


@pytest.fixture
def place(tmp_path: Path, service: RealIronic, ironic: Ironic) -> Iterator[Place]:
    made = make_place(tmp_path, service, ironic)
    yield made
    made.close()


def told(deployment: Deployment) -> list[str]:
    return [finding.code for finding in deployment.findings]


def test_from_a_plan_to_nodes_and_again(place: Place, service: RealIronic) -> None:
    place.enrol(fake(1), fake(2, capabilities="profile:control"), fake(3))
    place.want(wanted(0), wanted(1, capabilities={"profile": "control"}))
    ended = place.deploy()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert place.owners()["compute-1"] == "fake-2"
    assert sorted(place.states().values()) == ["active", "active", "available"]
    said = [event.message for event in place.engine.events(ended.id)]
    assert any("compute-1 becomes the machine fake-2" in text and "profile:control" in text for text in said)
    key = (place.world.settings.paths.state_dir / "ssh/id_ed25519.pub").read_text().strip()
    drive = place.ironic._client.node.get("fake-2", fields=["instance_info"]).instance_info
    assert drive["image_source"] == "http://192.0.2.1/image.raw"
    assert drive["image_os_hash_algo"] == "sha256"
    assert drive["capabilities"] == {"profile": "control"}
    owners = place.owners()
    assert place.deploy().status is Status.SUCCEEDED
    assert place.owners() == owners
    assert key.startswith("ssh-ed25519 ")


def test_nothing_is_done_where_not_all_find_a_machine(place: Place) -> None:
    place.enrol(fake(1))
    place.want(wanted(0), wanted(1, traits=("CUSTOM_X",)))
    ended = place.deploy()
    assert ended.status is Status.FAILED
    (finding,) = [one for one in ended.findings if one.code.startswith("BM-")]
    assert finding.code == "BM-140"
    assert "it has the trait CUSTOM_X" in finding.message
    assert place.states() == {"fake-1": "available"}
    assert place.owners() == {}


def broken(number: int, **more: Any) -> dict[str, Any]:
    """A machine that Ironic cannot deploy: its deploy interface needs a BMC's boot medium."""
    return fake(number, deploy_interface="direct", **more)


def test_a_machine_that_fails_is_named_and_a_spare_takes_its_place(place: Place) -> None:
    place.enrol(broken(1), fake(2))
    place.want(wanted(0))
    ended = place.deploy()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert place.owners() == {"compute-0": "fake-2"}
    told_of = [finding for finding in ended.findings if "fake-1" in finding.message]
    assert told_of
    assert "compute-0 on fake-1" in told_of[0].message
    assert place.states()["fake-2"] == "active"


def test_without_a_spare_the_deployment_fails_and_goes_on_once_there_is_one(place: Place) -> None:
    place.enrol(broken(1), fake(2))
    place.want(wanted(0), wanted(1))
    ended = place.deploy()
    assert ended.status is Status.FAILED
    (lost,) = place.failures().values()
    assert (lost.stage, lost.host) in {("provision", "compute-0"), ("provision", "compute-1")}
    assert place.states()["fake-2"] == "active", "who was good stays"
    place.enrol(fake(3))
    again = place.engine.wait(place.engine.resume(ended.id).id, 120)
    assert again.status is Status.SUCCEEDED, again.findings
    assert set(place.owners().values()) == {"fake-2", "fake-3"}


def test_a_failure_within_the_roles_tolerance_leaves_the_node_out(place: Place) -> None:
    place.enrol(broken(1), fake(2))
    place.want(wanted(0, tolerance=50), wanted(1, tolerance=50))
    ended = place.deploy()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert "BM-146" in told(ended)
    (left_out,) = {"compute-0", "compute-1"} - {
        one.host for one in place.engine.provisioned("overcloud") if one.status == "deployed"
    }
    assert place.world.runner.runs[-1].limit == f"all:!{left_out}"
    assert left_out not in place.ssh.looked


@pytest.mark.parametrize(
    ("kind", "code"), [("mute", "BM-144"), pytest.param("strange", "BM-145", marks=pytest.mark.long)]
)
def test_an_installed_node_that_does_not_answer_as_itself(place: Place, kind: str, code: str) -> None:
    place.enrol(fake(1))
    place.want(wanted(0))
    getattr(place.ssh, kind).add("compute-0")
    ended = place.deploy()
    assert ended.status is Status.FAILED
    assert place.failures()["compute-0"].finding.code == code
    assert place.states() == {"fake-1": "active"}, "nothing is taken back because of an error"
    getattr(place.ssh, kind).clear()
    again = place.engine.wait(place.engine.resume(ended.id).id, 60)
    assert again.status is Status.SUCCEEDED, again.findings


def test_a_dry_run_says_which_machine_it_would_take(place: Place) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0))
    assert place.deploy().status is Status.SUCCEEDED
    place.want(wanted(0), wanted(1))
    dry = place.deploy(dry_run=True)
    assert dry.status is Status.SUCCEEDED, dry.findings
    (change,) = [one for one in place.engine.changes(dry.id) if one.kind == "machine"]
    assert (change.host, change.action) == ("compute-1", "install")
    assert place.world.runner.runs[-1].limit == "all:!compute-1"
    assert sorted(place.states().values()) == ["active", "available"], "nothing was done"
    place.want(wanted(0), wanted(1), wanted(2))
    assert "BM-141" in told(place.deploy(dry_run=True))
    with pytest.raises(UndercloudError, match="compute-0"):
        place.engine.unprovision(UnprovisionRequest("overcloud", ("compute-0",)))


def test_two_stacks_do_not_share_a_machine(place: Place) -> None:
    place.enrol(fake(1))
    place.want(wanted(0))
    assert place.deploy().status is Status.SUCCEEDED
    other = place.engine.wait(place.engine.deploy(request(stack="other")).id, 60)
    assert other.status is Status.FAILED
    assert "it is the node compute-0 of overcloud" in str([one.message for one in other.findings])


def test_provision_alone_and_giving_back(place: Place) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0), wanted(1))
    ended = place.engine.wait(place.engine.provision(request()).id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert not place.world.runner.runs
    assert place.engine.status("overcloud").status == "none"
    with pytest.raises(UndercloudError, match="compute-1"):
        place.engine.unprovision(UnprovisionRequest("overcloud", ("compute-7",)))
    back = place.engine.wait(place.engine.unprovision(UnprovisionRequest("overcloud", ("compute-1",))).id, 60)
    assert back.status is Status.SUCCEEDED, back.findings
    assert list(place.owners()) == ["compute-0"]
    assert sorted(place.states().values()) == ["active", "available"]
    assert len(place.ironic.allocations()) == 1
    place.want(wanted(0))
    assert place.deploy().status is Status.SUCCEEDED
    with pytest.raises(UndercloudError) as caught:
        place.engine.unprovision(UnprovisionRequest("overcloud", everything=True))
    assert caught.value.findings[0].code == "BM-149"
    every = UnprovisionRequest("overcloud", everything=True, sure=True)
    assert place.engine.wait(place.engine.unprovision(every).id, 60).status is Status.SUCCEEDED
    assert set(place.states().values()) == {"available"}
