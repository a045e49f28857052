"""Machines that Ironic is made to forget while they become nodes, or are given back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.machine_world import QUICK, Answering, want, wanted
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from tests.unit.deploy.world import World, make_world, request
from undercloud.baremetal import fleet
from undercloud.deploy import provisioning
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import UnprovisionRequest


class Forgetful(SimulatedIronic):
    """Forgets the machine that was asked for ``verb``, once, after so many more looks."""

    name, verb, looks, most = "node-1", "", 0, 0
    drives = ""

    def move(self, name: str, verb: str, **arguments: Any) -> None:
        super().move(name, verb, **arguments)
        self.drives += str(arguments)
        self.most = max(self.most, str(self._load()["machines"]).count("'deploying'"))
        if (name, verb) == (self.name, self.verb) and not self.looks:
            self.delete(name)

    def machines(self, *, full: bool = True) -> Any:
        found = super().machines(full=full)
        if self.looks and any(one.name == self.name and one.provision_state == "active" for one in found):
            self.looks -= 1
            if not self.looks:
                self.delete(self.name)
        return found


class Gone:
    def __init__(self, directory: Path) -> None:
        self.world: World = make_world(directory, "[baremetal]\nendpoint = http://192.0.2.1:6385\n")
        self.ironic = Forgetful(directory)
        self.world.ironic = lambda: self.ironic
        self.world.ssh = answering = Answering()
        self.engine: LocalEngine = self.world.engine()
        answering.engine = self.engine
        for number in range(2):
            self.machine(f"node-{number}")

    def machine(self, name: str) -> None:
        self.ironic.create(name, {"driver": "fake-hardware"})
        self.ironic.add_port(self.ironic.machine(name), {"address": f"52:54:00:00:00:0{name[-1]}"})
        self.ironic.put(name, provision_state="available")

    def deploy(self, **more: Any) -> Deployment:
        want(self.world, *(wanted(number, **more) for number in range(2)))
        return self.engine.wait(self.engine.provision(request()).id, 60)

    def nodes(self) -> dict[str, str]:
        return {one.host: one.machine for one in self.engine.provisioned("overcloud")}


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gone:
    monkeypatch.setattr(fleet, "time", QUICK)
    monkeypatch.setattr(provisioning, "time", QUICK)
    return Gone(tmp_path)


@pytest.mark.parametrize("looks", [0, 1])
def test_a_node_whose_machine_is_forgotten_is_missing(gone: Gone, looks: int) -> None:
    """While it is installed, and when it just was."""
    gone.ironic.verb, gone.ironic.looks = "active", looks
    ended = gone.deploy()
    assert ended.status is Status.FAILED
    (failure,) = gone.engine.failures("overcloud")
    assert (failure.host, failure.finding.code) == ("compute-1", "BM-133")


def test_it_is_left_out_where_its_role_allows_that(gone: Gone) -> None:
    gone.ironic.verb = "active"
    ended = gone.deploy(tolerance=50)
    assert ended.status is Status.SUCCEEDED
    assert "BM-146" in [finding.code for finding in ended.findings]


def test_a_spare_takes_its_place(gone: Gone) -> None:
    gone.machine("node-2")
    gone.ironic.verb = "active"
    ended = gone.deploy()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert gone.nodes()["compute-1"] == "node-2"


def test_one_that_is_to_be_given_back_is_gone_as_well(gone: Gone) -> None:
    assert gone.deploy().status is Status.SUCCEEDED
    gone.ironic.verb = "deleted"
    every = UnprovisionRequest("overcloud", everything=True, sure=True)
    ended = gone.engine.wait(gone.engine.unprovision(every).id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert gone.nodes() == {}


def test_not_more_machines_at_once_than_was_asked_for(gone: Gone) -> None:
    want(gone.world, wanted(0), wanted(1))
    ended = gone.engine.wait(gone.engine.provision(replace(request(), concurrency=1)).id, 60)
    assert (ended.status, gone.ironic.most) == (Status.SUCCEEDED, 1)


def test_a_machine_without_a_port_is_not_installed(gone: Gone) -> None:
    gone.ironic.put("node-1", ports=())
    assert gone.deploy().status is Status.FAILED
    (failure,) = gone.engine.failures("overcloud")
    assert (failure.host, failure.finding.code) == ("compute-1", "BM-135")
    assert gone.ironic.asked[-1:] == [("node-0", "active")]


def test_what_an_operator_gives_cloud_init_is_kept_sealed(gone: Gone, tmp_path: Path) -> None:
    ended = gone.deploy(config_drive={"cloud_config": {"chpasswd": {"list": "root:very-secret-pin"}}})
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert gone.ironic.drives.count("very-secret-pin") == 2, "both machines get it"
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"very-secret-pin" not in kept
