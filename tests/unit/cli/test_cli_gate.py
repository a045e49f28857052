"""The gate on the command line: what is forced and by whom, reports of a deployment, plans that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World, at, event
from undercloud.deploy.engine import Deployment, EventKind, Forced, Operation, PlanInfo, StackInfo, Status
from undercloud.deploy.requests import GivenFile
from undercloud.diagnostics import Finding, Location, Severity

PLAN = PlanInfo("overcloud", 4, at(0), at(1), 12)
ERROR = Finding("NET-001", "two overlap", "part them", locations=(Location("site.yaml", 2, 3),))
WARNING = Finding("NET-002", "a small pool", "widen it", Severity.WARNING, (Location("net.yaml", 7),))
NOTE = Finding("VAL-011", "nothing reads it", severity=Severity.INFO)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_who_forces_what_and_the_files_of_validation(
    openstack: Openstack, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    for name in ("nodes.json", "uc.conf", "rules.yaml"):
        (tmp_path / name).write_text(name)
    words = f"--force NET-001 --force SVC-002 --nodes {tmp_path}/nodes.json --rules {tmp_path}/rules.yaml"
    words += f" --undercloud-conf {tmp_path}/uc.conf --validation-warnings-fatal --validation-errors-nonfatal"
    assert openstack("overcloud", "deploy", *words.split()).status == 0
    (asked,) = world.asked
    assert asked.force == ("NET-001", "SVC-002")
    assert asked.operator.startswith("ann@")
    assert (asked.warnings_stop, asked.errors_pass) == (True, True)
    assert asked.given.nodes == GivenFile(f"{tmp_path}/nodes.json", "nodes.json")
    assert [file.text for file in asked.given.rules] == ["rules.yaml"]


def test_warnings_are_brief_and_reports_are_whole(openstack: Openstack, world: World, tmp_path: Path) -> None:
    world.script = (
        event(1, EventKind.FINDING, stage="validate", data=NOTE.as_dict()),
        event(2, EventKind.FINDING, stage="validate", data={**WARNING.as_dict(), "forced_by": "ann@desk"}),
    )
    world.ending = {"status": Status.SUCCEEDED, "findings": (NOTE, WARNING)}
    files = {form: tmp_path / f"report.{form}" for form in ("html", "json", "junit", "sarif")}
    options = [word for form, file in files.items() for word in ("--report", f"{form}={file}")]
    done = openstack("overcloud", "deploy", *options)
    assert done.status == 0
    assert "warning NET-002: a small pool (let pass by ann@desk)" in done.out
    assert "nothing reads it" not in done.out
    assert "widen it" not in done.out
    assert "1 warning, 1 note; with how to mend them: --report html=FILE" in done.out
    for file in files.values():
        assert "NET-002" in file.read_text()
    assert json.loads(files["json"].read_text())["findings"][1]["fix"] == "widen it"
    refused = openstack("overcloud", "deploy", "--report", "pdf=x")
    assert (refused.status, len(world.asked)) == (2, 1)


def test_status_says_what_was_forced(openstack: Openstack, world: World) -> None:
    forced = Forced("NET-001", "two overlap", "ann@desk", at(5), "ctl-0")
    last = Deployment("run-1", "overcloud", Operation.DEPLOY, Status.SUCCEEDED, forced=(forced,))
    world.known["overcloud"] = StackInfo("overcloud", "deployed", 4, last, None)
    assert f"NET-001 on ctl-0 by ann@desk at {at(5)}: two overlap" in openstack("overcloud", "status").out
    plain = json.loads(openstack("overcloud", "status", "-f", "json").out)
    assert plain["deployment"]["forced"][0]["operator"] == "ann@desk"


def test_a_kept_plan_is_validated(openstack: Openstack, world: World, tmp_path: Path) -> None:
    world.kept_plans["overcloud"] = PLAN
    world.found, world.found_texts = (ERROR, WARNING), {"site.yaml": "a: 1\nb: marvellous\n"}
    page = tmp_path / "page.html"
    done = openstack("overcloud", "plan", "validate", "overcloud", "--report", f"html={page}")
    assert done.status == 1
    assert "error NET-001  site.yaml:2:3" in done.out
    assert "marvellous" in page.read_text()
    assert world.asked[-1][:3] == ("validate", "overcloud", 0)
    world.found = (WARNING,)
    done = openstack("overcloud", "plan", "validate", "overcloud", "--plan-version", "2", "-f", "json")
    assert (done.status, world.asked[-1][2]) == (0, 2)
    assert [finding["code"] for finding in json.loads(done.out)["findings"]] == ["NET-002"]
    assert world.closed == 2


def test_a_kept_plan_and_files_do_not_go_together(openstack: Openstack, world: World) -> None:
    refused = openstack("overcloud", "plan", "validate", "overcloud", "-e", "x.yaml", "--previous", "out")
    assert refused.status == 2
    assert "--environment-file, --previous names others" in refused.err
    unknown = openstack("overcloud", "plan", "validate", "nobody")
    assert unknown.status == 2
    assert "DEP-003" in unknown.err
