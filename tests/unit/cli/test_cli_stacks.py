"""status, failures, delete, plans and credentials, through the real shell."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import HOSTS, World, at, failure
from undercloud.deploy.engine import (
    Counts,
    Deployment,
    HostCounts,
    LockInfo,
    Operation,
    PlanInfo,
    StackInfo,
    Stage,
    Status,
)
from undercloud.deploy.requests import DeleteRequest, DeployRequest, PlanPaths, SshAccess


@pytest.fixture
def stack(world: World) -> StackInfo:
    last = Deployment(
        "run-9",
        "overcloud",
        Operation.DEPLOY,
        Status.FAILED,
        stage="run",
        version=3,
        started=at(0),
        ended=at(75),
    )
    world.found_hosts = (HostCounts("overcloud-controller-0", Counts(ok=4, failed=1)),)
    lock = LockInfo("undercloud pid 7", at(80), at(81), 5)
    info = StackInfo("overcloud", "failed", 3, last, lock, len(HOSTS), "http://192.0.2.5:5000")
    world.known["overcloud"] = info
    world.found_nodes = HOSTS
    return info


def test_status_for_a_person(openstack: Openstack, world: World, stack: StackInfo) -> None:
    shown = openstack("overcloud", "status").out
    for told in ("failed", "1 min 15 s", "undercloud pid 7 since", "overcloud-compute-0 192.0.2.12"):
        assert told in shown
    assert world.closed == 1


def test_status_for_a_program(openstack: Openstack, stack: StackInfo) -> None:
    told = json.loads(openstack("overcloud", "status", "--stack", "overcloud", "-f", "json").out)
    assert told["hosts"] == HOSTS
    assert told["deployment"]["hosts"]["overcloud-controller-0"]["failed"] == 1
    assert openstack("overcloud", "status", "-f", "value", "-c", "status").out == "failed\n"


@pytest.mark.parametrize("words", [("edge",), ("--stack", "edge"), ("--plan", "edge")])
def test_the_stack_is_named_in_any_of_tripleos_ways(
    openstack: Openstack, world: World, words: tuple[str, ...]
) -> None:
    refused = openstack("overcloud", "status", *words)
    assert refused.status == 2
    assert "DEP-003" in refused.err
    assert "there is no stack edge" in refused.err


def test_the_stack_comes_from_the_environment(
    openstack: Openstack, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERCLOUD_STACK_NAME", "from-env")
    assert "from-env" in openstack("overcloud", "status").err


def test_an_error_as_json(openstack: Openstack, world: World) -> None:
    refused = openstack("overcloud", "status", "-f", "json")
    assert [finding["code"] for finding in json.loads(refused.out)["findings"]] == ["DEP-003"]


def test_failures_say_where_why_and_the_last_lines(
    openstack: Openstack, world: World, stack: StackInfo
) -> None:
    assert "nothing failed" in openstack("overcloud", "failures").out
    world.found_failures = (failure(),)
    shown = openstack("overcloud", "failures").out
    for told in (
        "overcloud-controller-0: stage run, step 3",
        "container: keystone",
        "NODE-012",
        "    | no database",
    ):
        assert told in shown
    plain = json.loads(openstack("overcloud", "failures", "-f", "json").out)
    assert plain["failures"][0]["finding"]["fix"] == "look at its log"


def test_delete_asks_and_takes_a_no(openstack: Openstack, world: World, stack: StackInfo) -> None:
    declined = openstack("overcloud", "delete", answer="n\n")
    assert declined.status == 2
    assert "2 nodes (overcloud-controller-0, overcloud-compute-0)" in declined.out
    assert "Nothing was done" in declined.out
    assert world.asked == []


def test_delete_takes_a_yes(openstack: Openstack, world: World, stack: StackInfo) -> None:
    done = openstack("overcloud", "delete", answer="yes\n")
    assert done.status == 0
    assert "overcloud: deleted from its nodes in 1 min 15 s" in done.out
    assert world.asked == [DeleteRequest("overcloud")]


def test_delete_without_a_terminal_needs_yes(openstack: Openstack, world: World, stack: StackInfo) -> None:
    refused = openstack("overcloud", "delete")
    assert refused.status == 2
    assert "give --yes" in refused.err
    done = openstack("overcloud", "delete", "overcloud", "--yes", "--abandon", "--heat-type", "pod")
    assert done.status == 0
    assert "note: --heat-type changes nothing" in done.err
    assert world.asked == [DeleteRequest("overcloud", abandon=True)]


def test_plans_are_listed_shown_and_forgotten(openstack: Openstack, world: World, stack: StackInfo) -> None:
    world.kept_plans = {"overcloud": PlanInfo("overcloud", 3, at(0), at(9), 120)}
    (listed,) = json.loads(openstack("overcloud", "plan", "list", "-f", "json").out)
    assert (listed["Plan"], listed["Version"], listed["Stack"]) == ("overcloud", 3, "failed")
    assert json.loads(openstack("overcloud", "plan", "show", "overcloud", "-f", "json").out)["files"] == 120
    assert openstack("overcloud", "plan", "show", "nope").status == 2
    assert openstack("overcloud", "plan", "delete", "overcloud", answer="\n").status == 2
    assert "overcloud" in world.kept_plans
    mixed = openstack("overcloud", "plan", "delete", "nope", "overcloud", "-y")
    assert mixed.status == 2
    assert "there is no plan nope" in mixed.err
    assert world.kept_plans == {}


def test_credentials_are_written_for_their_owner_alone(
    openstack: Openstack, world: World, tmp_path: Path
) -> None:
    done = openstack("overcloud", "credentials", "overcloud", "--directory", str(tmp_path))
    assert done.status == 0
    assert "s3cret" not in done.out + done.err
    clouds, rc = tmp_path / "clouds.yaml", tmp_path / "overcloudrc"
    assert done.out.split() == [str(clouds), str(rc)]
    assert yaml.safe_load(clouds.read_text())["clouds"]["overcloud"]["auth"]["password"] == "s3cret"
    authority = tmp_path / "overcloud-ca.pem"
    assert authority.read_text() == "AUTHORITY\n"
    assert yaml.safe_load(clouds.read_text())["clouds"]["overcloud"]["cacert"] == str(authority)
    assert rc.read_text().endswith(f"export OS_CACERT={authority}\n")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (clouds, rc, authority)] == [0o600] * 3


def test_a_host_key_is_forgotten(openstack: Openstack, world: World) -> None:
    assert openstack("overcloud", "host", "key", "delete", "192.0.2.11", "--port", "2222").status == 0
    assert world.asked == [("forget", "192.0.2.11", 2222)]
    refused = openstack("overcloud", "host", "key", "delete", "192.0.2.99", "192.0.2.12")
    assert refused.status == 2
    assert "no host key of 192.0.2.99 port 22 is known" in refused.err
    assert world.asked[-1] == ("forget", "192.0.2.12", 22)


def test_delete_takes_another_way_in(
    openstack: Openstack, world: World, stack: StackInfo, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("")
    words = ("overcloud", "delete", "-y", "--overcloud-ssh-user", "me", "--overcloud-ssh-key", str(key))
    assert openstack(*words).status == 0
    assert world.asked[0].ssh == SshAccess(user="me", private_key=str(key))


def test_a_running_deployment_is_cancelled(openstack: Openstack, world: World) -> None:
    run = world.deploy(DeployRequest("overcloud", PlanPaths("/t")))
    world.known["overcloud"] = StackInfo("overcloud", "deploying", 3, run, None)
    done = openstack("overcloud", "cancel")
    assert done.status == 0
    assert ("cancel", run.id, "cancelled by the operator") in world.asked
    assert done.out == "overcloud: deploy interrupted\n"


def test_there_must_be_something_to_cancel(openstack: Openstack, world: World, stack: StackInfo) -> None:
    refused = openstack("overcloud", "cancel")
    assert refused.status == 2
    assert "nothing runs on overcloud" in refused.err


def test_history(openstack: Openstack, world: World, stack: StackInfo) -> None:
    for _ in range(3):
        openstack("overcloud", "delete", "--yes", "overcloud")
    listed = json.loads(openstack("overcloud", "deployment", "list", "--limit", "2", "-f", "json").out)
    assert [(one["ID"], one["Operation"]) for one in listed] == [("run-3", "delete"), ("run-2", "delete")]
    world._runs["run-1"] = dataclasses.replace(
        world._runs["run-1"],
        operation=Operation.DEPLOY,
        limit="db-*",
        rollback_of="run-0",
        stages=(Stage("step-0", Status.SUCCEEDED, at(0), at(65)), Stage("step-1")),
    )
    shown = openstack("overcloud", "deployment", "show", "run-1").out
    assert "deploy (rollback) (only db-*)" in shown
    assert "step-0 succeeded 1 min 05 s" in shown
    assert "step-1" not in shown
    told = json.loads(openstack("overcloud", "deployment", "show", "run-1", "-f", "json").out)
    assert told["rollback_of"] == "run-0"


def test_all_of_a_history_is_read_page_by_page(
    openstack: Openstack, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undercloud.cli.deployments._PAGE", 2)
    runs = [Deployment(f"run-{n}", "edge", Operation.DEPLOY, Status.SUCCEEDED) for n in range(5)]

    def page(stack: str, limit: int, marker: str) -> tuple[Deployment, ...]:
        assert stack == "edge"
        begin = next((n + 1 for n, run in enumerate(runs) if run.id == marker), 0)
        return tuple(runs[begin : begin + limit])

    monkeypatch.setattr(world, "deployments", page)
    words = openstack("overcloud", "deployment", "list", "edge", "--all", "-f", "value", "-c", "ID").out
    assert words.split() == [run.id for run in runs]
