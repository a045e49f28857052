"""Nodes that leave the plan: they leave first, are cleaned last, and are not forgotten before."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.deploy.world import NODES, PLAYS, World, failed, request
from undercloud.deploy.compiling import Node
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.requests import DeleteRequest, DeployRequest
from undercloud.deploy.runner import Run
from undercloud.deploy.ssh import Answer

STAYS, GOES = NODES
NEW = Node("db-1", "192.0.2.13")
LEAVING = [PLAYS[0], "Leave", *PLAYS[1:], "Clean"]
SILENT = Answer(255, "", "ssh: connect to host 192.0.2.12 port 2222: No route to host")


def _holds(*names: str, service: str = "mysql") -> dict[str, bytes]:
    """Desired states in which a service has data on some of the nodes."""
    entry = {"/var/lib/mysql": {"origin": {"service": service}}}
    steps = {node.name: {"2": {"directories": entry if node.name in names else {}}} for node in (*NODES, NEW)}
    return {
        f"desired_state/{name}.json": json.dumps({"hosts": {name: {"steps": of}}}).encode()
        for name, of in steps.items()
    }


def _run(world: World, wanted: DeployRequest | None = None) -> Deployment:
    engine = world.engine()
    return engine.wait(engine.deploy(wanted or request()).id, 60)


def _fails(play: str, host: str) -> Callable[[str, Run], list[dict[str, Any]] | None]:
    """A runner's script in which a host fails in a play."""
    return lambda name, run: [failed(host, name, msg="no")] if name == play else None


@pytest.fixture
def smaller(world: World) -> World:
    """A deployed cloud whose plan has a node less now."""
    assert _run(world).status is Status.SUCCEEDED
    world.compiler.nodes, world.compiler.text = (STAYS,), "two"
    world.runner.plays.clear()
    world.runner.runs.clear()
    return world


def _codes(deployment: Deployment) -> list[str]:
    return [finding.code for finding in deployment.findings]


def test_it_leaves_first_and_is_cleaned_last(smaller: World) -> None:
    done = _run(smaller)

    assert (done.status, _codes(done)) == (Status.SUCCEEDED, ["DEP-024"])
    assert smaller.runner.plays == LEAVING
    _, leave, steps, clean = smaller.runner.runs
    for run in (leave, clean):
        assert run.limit == GOES.name
        assert run.variables["undercloud_fence"] == steps.variables["undercloud_fence"]
        assert run.directory != steps.directory
        assert (run.directory / "site" / "plan.txt").read_text() == "one", "it is left as it was made"
    smaller.runner.plays.clear()

    again = _run(smaller)

    assert (again.status, _codes(again)) == (Status.SUCCEEDED, [])
    assert smaller.runner.plays == [*PLAYS]
    assert [
        event.stage for event in smaller.engine().events(again.id) if event.stage in {"scale-in", "clean"}
    ] == []


def test_who_does_not_answer_is_told_of_and_cleaned_when_it_does(smaller: World) -> None:
    smaller.ssh.answers[GOES.name] = SILENT
    for _ in range(2):
        done = _run(smaller)
        assert done.status is Status.SUCCEEDED
        assert _codes(done) == ["DEP-024", "DEP-030"]
        assert "No route to host" in done.findings[1].message
        assert smaller.runner.plays == [*PLAYS]
        smaller.runner.plays.clear()
    del smaller.ssh.answers[GOES.name]

    assert _run(smaller).status is Status.SUCCEEDED
    assert smaller.runner.plays == LEAVING


def test_an_error_in_between_destroys_nothing(smaller: World) -> None:
    smaller.runner.script = _fails("Step 3", STAYS.name)
    assert _run(smaller).status is Status.FAILED
    assert "Clean" not in smaller.runner.plays
    smaller.runner.script = None
    smaller.runner.plays.clear()

    engine = smaller.engine()
    (last,) = engine.deployments("overcloud", limit=1)
    assert engine.wait(engine.resume(last.id).id, 60).status is Status.SUCCEEDED
    assert smaller.runner.plays == ["Step 3", "Step 4", "Step 5", "Finish", "Final checks", "Clean"]


def test_put_back_it_stays(smaller: World) -> None:
    smaller.runner.script = lambda play, run: (
        [failed(STAYS.name, play, msg="no")] if play == PLAYS[0] else None
    )
    assert _run(smaller).status is Status.FAILED
    smaller.runner.script = None
    smaller.runner.plays.clear()
    smaller.compiler.nodes = NODES

    done = _run(smaller)

    assert (done.status, _codes(done)) == (Status.SUCCEEDED, [])
    assert smaller.runner.plays == [*PLAYS]


def test_a_node_that_fails_to_leave_stops_the_deployment(smaller: World) -> None:
    smaller.runner.script = _fails("Leave", GOES.name)
    done = _run(smaller)
    assert (done.status, done.stage) == (Status.FAILED, "scale-in")
    assert smaller.runner.plays == [PLAYS[0], "Leave"]


def test_nobody_leaves_for_nodes_that_are_not_fit(smaller: World) -> None:
    smaller.runner.script = _fails(PLAYS[0], STAYS.name)
    done = _run(smaller)
    assert (done.status, done.stage) == (Status.FAILED, "node-checks")
    assert smaller.runner.plays == [PLAYS[0]]


def test_another_name_for_the_same_node(world: World) -> None:
    _run(world)
    world.compiler.nodes = (STAYS, dataclasses.replace(GOES, name="database-0"))
    world.ssh.keys["database-0"] = world.ssh.keys[GOES.name]
    assert _codes(_run(world)) == []
    assert world.runner.plays == [*PLAYS, *PLAYS]


@pytest.mark.parametrize(
    ("holders", "refused"),
    [((), False), ((STAYS.name, GOES.name), False), ((STAYS.name,), False), ((GOES.name,), True)],
)
def test_the_last_copy_of_data_needs_a_word(world: World, holders: tuple[str, ...], refused: bool) -> None:
    world.compiler.files = _holds(*holders)
    _run(world)
    world.compiler.nodes, world.compiler.files = (STAYS,), {}
    world.runner.plays.clear()

    done = _run(world)

    assert ("DEP-029" in _codes(done)) == refused
    if refused:
        assert (done.status, world.runner.plays) == (Status.FAILED, [])
        assert "the only data of mysql leaves (/var/lib/mysql)" in done.findings[-1].message
        assert _run(world, request(force=("DEP-029",))).status is Status.SUCCEEDED
    assert world.runner.plays == LEAVING


@pytest.fixture
def doubled(world: World) -> World:
    """A deployed cloud whose plan has a second node for the data of a service now."""
    world.ssh.keys[NEW.name] = {"ssh-ed25519": "AAAAnew"}
    world.compiler.files = _holds(GOES.name)
    assert _run(world).status is Status.SUCCEEDED
    world.compiler.nodes, world.compiler.files = (*NODES, NEW), _holds(GOES.name, NEW.name)
    return world


def test_a_node_that_was_never_reached_has_no_copy(doubled: World) -> None:
    doubled.runner.script = _fails("Step 2", STAYS.name)
    assert _run(doubled).status is Status.FAILED
    doubled.runner.script = None
    doubled.compiler.nodes, doubled.compiler.files = (STAYS, NEW), _holds(NEW.name)

    refused = _run(doubled)

    assert (refused.status, _codes(refused)) == (Status.FAILED, ["DEP-024", "DEP-029"])
    assert "no deployment succeeded since db-1 came" in refused.findings[-1].message


def test_once_it_was_reached_it_has_one(doubled: World) -> None:
    assert _run(doubled).status is Status.SUCCEEDED
    doubled.compiler.nodes, doubled.compiler.files = (STAYS, NEW), _holds(NEW.name)
    assert _codes(_run(doubled)) == ["DEP-024"]


def test_a_new_node_may_go_again(doubled: World) -> None:
    doubled.runner.script = _fails("Step 2", STAYS.name)
    assert _run(doubled).status is Status.FAILED
    doubled.runner.script = None
    doubled.compiler.nodes, doubled.compiler.files = NODES, _holds(GOES.name)
    assert _codes(_run(doubled)) == ["DEP-024"]


def test_a_node_that_left_and_came_back_may_be_another(doubled: World) -> None:
    assert _run(doubled).status is Status.SUCCEEDED
    plans = [((*NODES,), (GOES.name,)), ((*NODES, NEW), (GOES.name, NEW.name))]
    doubled.runner.script = _fails("Step 2", STAYS.name)
    for nodes, having in plans:
        doubled.compiler.nodes, doubled.compiler.files = nodes, _holds(*having)
        assert _run(doubled).status is Status.FAILED
    doubled.runner.script = None
    doubled.compiler.nodes, doubled.compiler.files = (STAYS, NEW), _holds(NEW.name)
    assert "DEP-029" in _codes(_run(doubled))


def test_a_dry_run_asks_it_what_would_go(smaller: World) -> None:
    done = _run(smaller, request(dry_run=True))
    assert done.status is Status.SUCCEEDED
    assert smaller.runner.plays == [*PLAYS, "Clean"]
    assert all(run.check for run in smaller.runner.runs)
    smaller.runner.plays.clear()
    assert _run(smaller).status is Status.SUCCEEDED
    assert smaller.runner.plays == LEAVING


def test_some_nodes_only(smaller: World) -> None:
    done = _run(smaller, request(limit=STAYS.name))
    assert done.status is Status.SUCCEEDED
    assert smaller.runner.plays == [*PLAYS]
    smaller.runner.plays.clear()
    _run(smaller)
    assert smaller.runner.plays == LEAVING


def test_a_deletion_takes_along_who_was_not_clean_yet(smaller: World) -> None:
    smaller.ssh.answers[GOES.name] = SILENT
    _run(smaller)
    del smaller.ssh.answers[GOES.name]
    smaller.runner.plays.clear()
    engine = smaller.engine()
    assert engine.wait(engine.delete(DeleteRequest("overcloud")).id, 60).status is Status.SUCCEEDED
    assert smaller.runner.plays == ["Delete everything", "Clean"]
    assert smaller.runner.runs[-1].limit == GOES.name


def test_a_stranger_at_its_address_is_left_alone(smaller: World) -> None:
    smaller.ssh.answers[GOES.name] = Answer(255, "", "Host key verification failed.")
    done = _run(smaller)
    assert done.status is Status.SUCCEEDED
    assert "shows another host key" in done.findings[-1].message
    assert smaller.runner.plays == [*PLAYS]


def test_a_newcomer_may_take_its_place(smaller: World) -> None:
    """Another machine under the name of the one that leaves."""
    smaller.compiler.nodes = (STAYS, Node(GOES.name, "192.0.2.99"))
    assert _run(smaller).status is Status.SUCCEEDED
    assert smaller.runner.plays == LEAVING
