"""The Engine interface's part about machines over HTTP, against the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.api import bmc
from tests.unit.api.conftest import BUNDLE, Client
from tests.unit.api.test_api_deployments import prepared
from tests.unit.client.test_client_remote import code, remote
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from undercloud.client.remote import RemoteEngine
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.machines import (
    Configuration,
    DiscoverRequest,
    MachinesRequest,
    MachineWork,
    UnprovisionRequest,
    WholeEngine,
)
from undercloud.deploy.requests import DeployRequest, GivenFile, PlanPaths, SshAccess
from undercloud.diagnostics import UndercloudError

_NODES = [
    {"name": f"m{n}", "pm_type": "fake", "mac": [f"52:54:00:00:00:0{n}"], "capabilities": "boot_mode:uefi"}
    for n in (1, 2)
]
FILE = GivenFile("nodes.json", json.dumps({"nodes": _NODES}))
_WAY = (MachineWork.ENROL, MachineWork.MANAGE)


@pytest.fixture
def engine(client: Client, ironic: SimulatedIronic) -> Iterator[WholeEngine]:
    made = RemoteEngine(remote(prepared(client)))
    yield made
    made.close()


def done(engine: WholeEngine, started: Deployment) -> Deployment:
    ended = engine.wait(started.id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    return ended


def test_all_that_the_local_engine_says_of_machines_the_remote_one_says(
    client: Client, engine: WholeEngine, ironic: SimulatedIronic
) -> None:
    local = client.running.service.engine
    done(engine, engine.prepare_machines(MachinesRequest((*_WAY, MachineWork.PROVIDE), file=FILE)))
    assert engine.machines() == local.machines()
    assert engine.machine("m1") == local.machine("m1")
    assert engine.disk_images() == local.disk_images() == ()
    engine.set_maintenance(("m1", "m2"), True, "fan")
    assert [one.maintenance_reason for one in local.machines()] == ["fan", "fan"]
    engine.set_maintenance(("m2",), False)
    with pytest.raises(UndercloudError) as caught:
        engine.forget_machines(("m1", "m3"))
    assert code(caught) == "BM-107"
    engine.forget_machines(("m1",))
    assert [one.name for one in engine.machines()] == ["m2"]


def test_every_work_arrives_as_it_was_asked_for(engine: WholeEngine, ironic: SimulatedIronic) -> None:
    done(engine, engine.prepare_machines(MachinesRequest(_WAY, file=FILE)))
    before = len(ironic.asked)
    raid = {"logical_disks": [{"size_gb": "MAX", "raid_level": "1"}]}
    for request in (
        MachinesRequest((MachineWork.INTROSPECT, MachineWork.CLEAN), machines=("m1",), retries=1),
        MachinesRequest((MachineWork.BIOS,), machines=("m1",), bios={"a": "b"}),
        MachinesRequest((MachineWork.RAID,), machines=("m1",), raid=raid),
        MachinesRequest((MachineWork.POWER,), machines=("m2",), power="reboot", soft=True),
        MachinesRequest((MachineWork.MANAGE, MachineWork.PROVIDE)),
    ):
        done(engine, engine.prepare_machines(request))
    assert ironic.asked[before:] == [
        ("m1", "inspect"),
        ("m1", "clean"),
        ("m1", "clean"),
        ("m1", f"raid {raid}"),
        ("m1", "clean"),
        ("m2", "soft power reboot"),
        ("m1", "provide"),
        ("m2", "provide"),
    ]
    wanted = Configuration(capabilities={"profile": "control"})
    named = MachinesRequest((MachineWork.CONFIGURE,), machines=("m1",), configuration=wanted)
    done(engine, engine.prepare_machines(named))
    assert [one.profile for one in engine.machines()] == ["control", ""]


def test_what_failed_is_told_of_this_work(engine: WholeEngine, ironic: SimulatedIronic) -> None:
    done(engine, engine.prepare_machines(MachinesRequest(_WAY, file=FILE)))
    ironic.put("m1", provision_state="active")
    started = engine.prepare_machines(MachinesRequest((MachineWork.MANAGE,), machines=("m1",)))
    assert engine.wait(started.id, 60).status is Status.FAILED
    (failure,) = engine.failures(started.stack, started.id)
    assert (failure.host, failure.finding.code) == ("m1", "BM-108")


def test_passwords_that_fitted_are_put_in_here(client: Client, engine: WholeEngine) -> None:
    with bmc.serving() as address:
        wanted = DiscoverRequest((address,), ("a:b:c", f"{bmc.USER}:{bmc.PASSWORD}"))
        found = engine.discover_machines(wanted)
        assert found == client.running.service.engine.discover_machines(wanted)
    (entry,) = found.machines
    assert (entry["pm_user"], entry["pm_password"]) == (bmc.USER, bmc.PASSWORD)
    assert (entry["name"], entry["pm_addr"], entry["mac"]) == ("rack-1", address, ["52:54:00:00:00:07"])


def test_a_plan_gets_its_nodes_and_gives_them_back(
    client: Client, engine: WholeEngine, tmp_path: Path
) -> None:
    asked = DeployRequest("overcloud", PlanPaths(""), version=1, ssh=SshAccess(user="stack"), concurrency=2)
    local = client.running.service.engine
    assert done(engine, engine.allocate(asked)).version == 1
    assert engine.addresses("overcloud") == local.addresses("overcloud")
    assert done(engine, engine.provision(asked)).version == 1
    assert engine.provisioned("overcloud") == local.provisioned("overcloud")
    done(engine, engine.unprovision(UnprovisionRequest("overcloud", everything=True, leave=True)))
    with pytest.raises(UndercloudError) as caught:
        engine.unprovision(UnprovisionRequest("overcloud", ("ctl-0",)))
    assert code(caught) == "BM-148"
    # The operator's files are read here, and sent.
    for name, content in BUNDLE.files.items():
        (tmp_path / Path(name).name).write_bytes(content)
    sent = DeployRequest("sent", PlanPaths(str(tmp_path)))
    engine.wait(engine.provision(sent).id, 60)
    assert [plan.name for plan in engine.plans()] == ["overcloud", "sent"]


def test_nodes_are_entered_with_the_key_of_the_undercloud(engine: WholeEngine) -> None:
    asked = DeployRequest(
        "overcloud", PlanPaths(""), version=1, ssh=SshAccess(private_key="/home/me/.ssh/id")
    )
    for start in (engine.provision, engine.allocate):
        with pytest.raises(UndercloudError) as caught:
            start(asked)
        assert code(caught) == "CLI-045"
