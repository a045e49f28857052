"""`overcloud validator`: what there is, one of them, and checks of a deployed cloud."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World, event
from undercloud.cli import validator
from undercloud.deploy.engine import EventKind, Failure, Status
from undercloud.diagnostics import Finding


def test_all_that_is_checked_is_listed(openstack: Openstack) -> None:
    rows = json.loads(openstack("overcloud", "validator", "list", "-f", "json").out)
    assert len(rows) > 150
    assert [row["ID"] for row in rows] == sorted(row["ID"] for row in rows)
    groups = {row["ID"]: row["Groups"] for row in rows}
    assert groups["NODE-117"] == "pre-deployment"
    assert groups["NODE-205"] == "post-deployment"
    assert groups["NODE-209"] == "vip-moves"
    assert set(groups.values()) == {"plan", "pre-deployment", "post-deployment", "vip-moves"}
    assert all(row["Name"] for row in rows)


def test_every_check_is_in_a_group_that_is_told(openstack: Openstack) -> None:
    rows = json.loads(openstack("tripleo", "validator", "group", "info", "-f", "json").out)
    counts = {row["Groups"]: row["Number of Validations"] for row in rows}
    listed = json.loads(openstack("overcloud", "validator", "list", "-f", "json").out)
    assert set(counts) == {row["Groups"] for row in listed}
    assert sum(counts.values()) == len(listed)
    assert all(row["Description"] for row in rows)


def test_groups_and_categories(openstack: Openstack) -> None:
    shown = openstack(
        "tripleo", "validator", "list", "--group", "pre-deployment", "--category", "mtu", "-f", "json"
    )
    assert [row["ID"] for row in json.loads(shown.out)] == ["NODE-112", "NODE-113"]


def test_one_is_shown(openstack: Openstack) -> None:
    shown = json.loads(openstack("overcloud", "validator", "show", "node-117", "-f", "json").out)
    assert shown["Name"] == "a port is taken by something that is not ours"
    unknown = openstack("overcloud", "validator", "show", "NODE-171")
    assert unknown.status == 2
    assert "there is no check NODE-171" in unknown.err


def test_every_code_of_a_node_is_known_once() -> None:
    codes = [check.code for check in validator.catalogue()]
    assert len(codes) == len(set(codes))


def test_a_run_is_followed(openstack: Openstack, world: World) -> None:
    finding = Finding("NODE-203", "the check 'Memcached answers' failed", "start it", path=("ctl-0",))
    world.script = (event(1, EventKind.STAGE, stage="checks", status="running"),)
    world.ending = {"status": Status.FAILED, "stage": "checks", "findings": (finding,)}
    world.found_failures = (
        Failure("run-1", "checks", -1, "ctl-0", "See that it works", "memcached", finding, ("x",)),
    )
    words = ["--group", "post-deployment", "--validation", "NODE-203,NODE-205", "--validation", "Deep"]
    done = openstack("overcloud", "validator", "run", "edge", *words)
    assert done.status == 1
    (asked,) = world.asked
    assert (asked.stack, asked.groups) == ("edge", ("post-deployment",))
    assert asked.names == ("NODE-203", "NODE-205", "Deep")
    assert (
        "ctl-0: stage checks\n  task: See that it works\n  container: memcached\n  error NODE-203\n"
        in done.out
    )
    assert "in: ctl-0" not in done.out
    assert "edge: check failed in stage checks" in done.out


def test_nothing_wrong(openstack: Openstack, world: World) -> None:
    done = openstack("tripleo", "validator", "run")
    assert done.status == 0
    assert "overcloud: checked, nothing is wrong in 1 min 15 s" in done.out
    assert "Use it" not in done.err


@pytest.mark.parametrize("words", [("--group", "plan"), ("--report", "pdf=x")])
def test_what_cannot_be_run(openstack: Openstack, world: World, words: tuple[str, ...]) -> None:
    assert openstack("overcloud", "validator", "run", *words).status == 2
    assert world.asked == []
