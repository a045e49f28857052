"""Ironic goes away where only records are kept: what happened before is what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.deploy.machine_world import QUICK
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from tests.unit.deploy.test_deploy_machines_crash import AVAILABLE, open_world
from tests.unit.deploy.world import request
from undercloud.baremetal import fleet
from undercloud.baremetal.errors import IronicError, NotAnsweringError
from undercloud.deploy import machine_records, provisioning
from undercloud.deploy.engine import Status
from undercloud.deploy.local import LocalEngine
from undercloud.diagnostics import UndercloudError

Place = tuple[LocalEngine, SimulatedIronic, Callable[[], None]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(fleet, "time", QUICK)
    monkeypatch.setattr(provisioning, "time", QUICK)
    _, engine, ironic = open_world(tmp_path)
    prepared = engine.wait(AVAILABLE(engine).id, 60)
    assert prepared.status is Status.SUCCEEDED, prepared.findings

    def away() -> None:
        """From now on there is no answer when records are to be kept."""

        def keep(*_: object) -> None:
            raise NotAnsweringError("list the machines", "connection refused")

        monkeypatch.setattr(machine_records, "keep", keep)

    yield engine, ironic, away
    engine.close()


def test_why_nodes_were_not_provisioned_is_told(place: Place) -> None:
    engine, ironic, away = place
    ironic.breaks(node_0="active", node_1="active")
    away()
    ended = engine.wait(engine.provision(request()).id, 60)
    assert ended.status is Status.FAILED
    codes = {finding.code for finding in ended.findings}
    assert "BM-110" in codes
    assert "BM-100" not in codes


def test_what_was_cancelled_is_interrupted_not_failed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _, away = place
    away()
    original = SimulatedIronic.move

    def move(self: SimulatedIronic, name: str, verb: str, **arguments: object) -> None:
        original(self, name, verb, **arguments)
        engine.cancel(engine.deployments("overcloud")[0].id, "lunch")

    monkeypatch.setattr(SimulatedIronic, "move", move)
    ended = engine.wait(engine.provision(request()).id, 60)
    assert (ended.status, ended.findings) == (Status.INTERRUPTED, ())


def test_installed_nodes_are_there_whatever_becomes_of_the_records(place: Place) -> None:
    engine, _, away = place
    away()
    assert engine.wait(engine.provision(request()).id, 60).status is Status.SUCCEEDED
    assert len(engine.provisioned("overcloud")) == 2


def test_what_ironic_refused_to_forget_is_told_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _, away = place
    away()

    def delete(_: SimulatedIronic, name: str) -> None:
        raise IronicError(f"delete {name}", "it has a volume")

    monkeypatch.setattr(SimulatedIronic, "delete", delete)
    with pytest.raises(UndercloudError) as caught:
        engine.forget_machines(("node-0", "node-1"))
    assert [finding.code for finding in caught.value.findings] == ["BM-102", "BM-102", "BM-100"]
