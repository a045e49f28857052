"""kill -9 at every change that work with machines makes: the next engine goes on, nothing is done twice."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.deploy.machine_world import QUICK, Answering, want, wanted
from tests.unit.deploy.simulated_ironic import Deadly, SimulatedIronic
from tests.unit.deploy.world import World, make_world, request
from undercloud.baremetal import fleet
from undercloud.deploy import provisioning
from undercloud.deploy.engine import Deployment, EventKind, Status
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import BARE_METAL, MachinesRequest, MachineWork, UnprovisionRequest
from undercloud.deploy.requests import GivenFile
from undercloud.diagnostics import UndercloudError

_MACHINES = 2
_LEAST = 12  # changes that any of this work makes
_STRIDE = int(os.environ.get("UNDERCLOUD_CRASH_STRIDE", "7"))  # 1: every change, which takes a minute
_FILE = GivenFile(
    "nodes.json",
    json.dumps(
        [
            {
                "name": f"node-{number}",
                "pm_type": "fake-hardware",
                "ports": [{"address": f"52:54:00:00:00:0{number}"}],
            }
            for number in range(_MACHINES)
        ]
    ),
)
_ALL = tuple(f"node-{number}" for number in range(_MACHINES))
Start = Callable[[LocalEngine], Deployment]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "time", QUICK)
    monkeypatch.setattr(provisioning, "time", QUICK)


def open_world(directory: Path, deadly: Deadly | None = None) -> tuple[World, LocalEngine, SimulatedIronic]:
    """A world with an Ironic in a directory, in which both may have been before."""
    world = make_world(directory, "[baremetal]\nendpoint = http://192.0.2.1:6385\n")
    ironic = SimulatedIronic(directory, deadly)
    world.ironic = lambda: ironic
    world.ssh = answering = Answering()
    want(world, wanted(0), wanted(1))
    engine = answering.engine = world.engine()
    if deadly:
        deadly.watch(engine._database)
    return world, engine, ironic


def dies(directory: Path, at: int, start: Start) -> bool:
    """Do something in a process of its own, which kills itself at that change; whether it came so far."""
    child = os.fork()
    if not child:
        try:
            engine = open_world(directory, Deadly(at))[1]
            engine.wait(start(engine).id, 60)
            engine.close()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


def run_in(directory: Path, start: Start) -> Deployment:
    _, engine, _ = open_world(directory)
    ended = engine.wait(start(engine).id, 60)
    engine.close()
    return ended


def prepare(*parts: MachineWork) -> Start:
    wanted = MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE, *parts), _FILE)
    return lambda engine: engine.prepare_machines(wanted)


AVAILABLE = prepare(MachineWork.PROVIDE)


@dataclasses.dataclass
class Left:
    """What a process left that died at one of its changes."""

    world: World
    engine: LocalEngine
    ironic: SimulatedIronic
    start: Start
    asked: int

    def time_passes(self) -> None:
        """Ironic does what it began, and nobody is there to see it."""
        for _ in range(5):
            self.ironic.machines()

    def ended(self) -> Deployment:
        """How it ended after the next engine went on by itself, or began what was not begun."""
        (taken,) = self.engine.take_over() or (self.start(self.engine).id,)
        return self.engine.wait(taken, 60)

    def done(self) -> Counter[tuple[str, str]]:
        """What Ironic was asked for since the beginning: machine and verb."""
        return Counter(self.ironic.asked[self.asked :])

    def states(self) -> list[str]:
        return [one.provision_state for one in self.ironic.machines()]


Deaths = Callable[..., Iterator[Left]]


@pytest.fixture
def deaths(tmp_path: Path) -> Deaths:
    """What is left where a process died, for every change that it makes."""

    def each(start: Start, *before: Start) -> Iterator[Left]:
        first = tmp_path / "first"
        for early in before:
            assert run_in(first, early).status is Status.SUCCEEDED
        open_world(first)[1].close()
        asked = len(SimulatedIronic(first).asked)
        for at in itertools.count(1, _STRIDE):
            directory = tmp_path / str(at)
            shutil.copytree(first, directory)
            if not dies(directory, at, start):
                assert at > _LEAST, "it was killed often enough to mean something"
                return
            world, engine, ironic = open_world(directory)
            yield Left(world, engine, ironic, start, asked)
            engine.close()

    return each


def once(*verbs: str) -> Counter[tuple[str, str]]:
    return Counter(itertools.product(_ALL, verbs))


def test_a_deployment_installs_every_machine_once(deaths: Deaths) -> None:
    for left in deaths(lambda engine: engine.deploy(request()), AVAILABLE):
        stage = next((one.stage for one in left.engine.deployments("overcloud")), "")
        owners = {one.host: one.machine for one in left.engine.provisioned("overcloud")}
        ended = left.ended()
        assert ended.status is Status.SUCCEEDED, ended.findings
        assert {stage.status for stage in ended.stages} == {Status.SUCCEEDED}
        assert left.done() == once("active")
        now = {one.host: one.machine for one in left.engine.provisioned("overcloud")}
        assert now.items() >= owners.items(), "who was to become what stays so"
        assert len(left.ironic.allocations()) == len(now) == 2
        if stage == "directory":
            return  # what comes after it, has its own tests


@pytest.mark.parametrize("alone", [False, True])
def test_machines_are_prepared_once(deaths: Deaths, *, alone: bool) -> None:
    parts = (MachineWork.INTROSPECT, MachineWork.CLEAN, MachineWork.PROVIDE)
    again = 0
    for left in deaths(prepare(*parts)):
        if alone:
            left.time_passes()
        ended = left.ended()
        assert ended.status is Status.SUCCEEDED, ended.findings
        assert left.states() == ["available"] * _MACHINES
        # One that came to rest unseen, and whose beginning was not yet written down, is looked at again.
        more = left.done() - once("enrol", "manage", "inspect", "clean", "provide")
        assert more.total() <= alone
        assert {verb for _, verb in more} <= {"inspect", "clean"}
        again += more.total()
        stages = [e for e in left.engine.events(ended.id) if e.kind is EventKind.STAGE]
        good = [event.stage for event in stages if event.status == Status.SUCCEEDED]
        assert good == ["enrol", "manage", "introspect", "clean", "provide"], "each stage ends once"
    assert again <= 2 * _MACHINES * alone


def test_machines_are_given_back_once(deaths: Deaths) -> None:
    every = UnprovisionRequest("overcloud", everything=True, sure=True)
    before = (AVAILABLE, lambda engine: engine.provision(request()))
    for left in deaths(lambda engine: engine.unprovision(every), *before):
        ended = left.ended()
        assert ended.status is Status.SUCCEEDED, ended.findings
        assert left.done() == once("deleted")
        assert left.states() == ["available"] * _MACHINES
        assert (left.engine.provisioned("overcloud"), left.ironic.allocations()) == ((), [])


def test_a_node_leaves_and_its_machine_is_given_back_once(deaths: Deaths) -> None:
    one = UnprovisionRequest("overcloud", ("compute-1",), leave=True)
    before = (AVAILABLE, lambda engine: engine.deploy(request()))
    for left in deaths(lambda engine: engine.unprovision(one), *before):
        gone = not any(node.host == "compute-1" for node in left.engine.provisioned("overcloud"))
        if gone and not left.engine.take_over():
            continue  # it died after its last word
        ended = left.engine.wait(left.engine.deployments("overcloud")[0].id, 60) if gone else left.ended()
        assert ended.status is Status.SUCCEEDED, ended.findings
        assert list(left.done().values()) == [1], "one machine was asked for one thing"
        assert [node.host for node in left.engine.provisioned("overcloud")] == ["compute-0"]
        assert [node.name for node in left.engine.stack_hosts("overcloud")] == ["compute-0"]


def test_what_failed_before_the_death_still_counts(tmp_path: Path) -> None:
    _, first, ironic = open_world(tmp_path)
    ironic.breaks(node_1="inspect")
    first.close()
    start = prepare(MachineWork.INTROSPECT, MachineWork.PROVIDE)
    at = next(number for number in itertools.count(20) if _dies_in("provide", tmp_path, number, start))
    assert at
    _, engine, ironic = open_world(tmp_path)
    (taken,) = engine.take_over()
    ended = engine.wait(taken, 60)
    assert (ended.status, ended.findings[-1].code) == (Status.FAILED, "BM-110")
    (failure,) = engine.failures(BARE_METAL)
    assert (failure.host, failure.stage) == ("node-1", "introspect")
    assert ("node-1", "provide") not in ironic.asked

    ironic.breaks()
    asked = len(ironic.asked)
    again = engine.wait(engine.resume(taken).id, 60)
    assert again.status is Status.SUCCEEDED, again.findings
    assert ironic.asked[asked:] == [("node-1", verb) for verb in ("manage", "inspect", "provide")]
    engine.close()


def _dies_in(stage: str, directory: Path, at: int, start: Start) -> bool:
    """Let it die at a change, in a copy; where that is in the stage, the copy takes the directory's place."""
    copy = directory.with_name(f"{directory.name}-{at}")
    shutil.copytree(directory, copy)
    assert dies(copy, at, start), f"it never came to {stage}"
    _, engine, _ = open_world(copy)
    (left,) = engine.deployments(BARE_METAL)
    engine.close()
    if left.stage != stage:
        return False
    shutil.rmtree(directory)
    copy.rename(directory)
    return True


def test_what_came_after_it_is_not_undone_by_going_on(tmp_path: Path) -> None:
    run_in(tmp_path, AVAILABLE)
    _, engine, _ = open_world(tmp_path)
    stopped = engine.provision(request())
    engine.cancel(stopped.id, "lunch")
    assert engine.wait(stopped.id, 60).status is Status.INTERRUPTED
    assert engine.wait(engine.resume(stopped.id).id, 60).status is Status.SUCCEEDED
    broken = engine.deploy(request())
    engine.cancel(broken.id, "tea")
    assert engine.wait(broken.id, 60).status is Status.INTERRUPTED
    every = UnprovisionRequest("overcloud", everything=True, sure=True)
    assert engine.wait(engine.unprovision(every).id, 60).status is Status.SUCCEEDED
    with pytest.raises(UndercloudError, match=r"unprovision .* came after it"):
        engine.resume(broken.id)
    engine.close()
