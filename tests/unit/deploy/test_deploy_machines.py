"""The part of the Engine interface about machines: over RPC, over a REST API, and without an Ironic."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.deploy.world import World
from undercloud.conf import Settings
from undercloud.db.database import open_database
from undercloud.deploy import rpc, wire
from undercloud.deploy.engine import Status
from undercloud.deploy.machines import (
    Configuration,
    Discovered,
    DiscoverRequest,
    MachinesRequest,
    MachineWork,
    UnprovisionRequest,
    WholeEngine,
)
from undercloud.deploy.requests import GivenFile
from undercloud.diagnostics import UndercloudError

FILE = GivenFile("nodes.yaml", "nodes: [{name: a, pm_type: fake}]")


def remote(settings: Settings, world: World) -> Iterator[WholeEngine]:
    transport = rpc.open_transport(settings)
    server = rpc.Server(settings, transport, world.engine(), "test")
    server.start()
    paths = settings.paths
    database = open_database("", paths.database, paths.key_file)
    yield rpc.RpcEngine(settings, database, transport, database.close)
    server.stop()


@pytest.fixture(params=["here", "over RPC"])
def engine(request: pytest.FixtureRequest, world: World) -> Iterator[WholeEngine]:
    if request.param == "here":
        yield world.engine()
    else:
        yield from remote(world.settings, world)


def code(caught: pytest.ExceptionInfo[UndercloudError]) -> str:
    return caught.value.findings[0].code


def test_without_an_ironic_it_is_said_so(engine: WholeEngine) -> None:
    with pytest.raises(UndercloudError) as caught:
        engine.machines()
    assert code(caught) == "BM-106"
    with pytest.raises(UndercloudError) as caught:
        engine.set_maintenance(("a",), True, "fan")
    assert code(caught) == "BM-106"
    started = engine.prepare_machines(MachinesRequest((MachineWork.ENROL,), file=FILE))
    ended = engine.wait(started.id, 30)
    assert (ended.status, [finding.code for finding in ended.findings]) == (Status.FAILED, ["BM-106"])
    assert [stage.name for stage in ended.stages][:3] == ["enrol", "manage", "configure"]


def test_what_no_machine_runs_is_not_given_back(engine: WholeEngine) -> None:
    with pytest.raises(UndercloudError) as caught:
        engine.provisioned("overcloud")
    assert code(caught) == "DEP-003"
    with pytest.raises(UndercloudError) as caught:
        engine.unprovision(UnprovisionRequest("overcloud", ("controller-0",)))
    assert code(caught) == "BM-148"
    with pytest.raises(UndercloudError) as caught:
        engine.addresses("overcloud")
    assert code(caught) == "DEP-003"


def test_nobody_answers_where_nobody_is(engine: WholeEngine) -> None:
    wanted = DiscoverRequest(("http://127.0.0.1:9",), ("u:p",))
    assert engine.discover_machines(wanted) == Discovered()
    with pytest.raises(UndercloudError) as caught:
        engine.discover_machines(DiscoverRequest(("127.0.0.1", "nowhere", "10.0.0.0/8"), ("u:p",)))
    assert [finding.code for finding in caught.value.findings] == ["BM-121", "BM-121"]


def test_a_request_travels_whole() -> None:
    request = MachinesRequest(
        (MachineWork.CONFIGURE, MachineWork.RAID),
        FILE,
        ("a",),
        configuration=Configuration(capabilities={"profile": "x"}),
        raid={"logical_disks": [{"size_gb": 10}]},
        bios={"a": True},
    )
    assert wire.from_plain(MachinesRequest, wire.to_plain(request)) == request
    assert "nodes: [" not in repr(request), "a file of machines holds passwords"
