"""The gate before every deployment: what stops it, what is forced and by whom, what it is compared with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.deploy.test_deploy_compiler import NODES, paths
from tests.unit.deploy.world import World, ok, request
from tests.unit.deploy.world import failed as failed_event
from undercloud.deploy.compiler import NativeCompiler
from undercloud.deploy.engine import Deployment, EventKind, Operation, Status
from undercloud.deploy.requests import CheckRequest, DeleteRequest, GivenFile, GivenFiles, SshAccess
from undercloud.deploy.runner import Run
from undercloud.diagnostics import Finding, Location, Severity, UndercloudError

ERROR = Finding("NET-001", "two networks overlap", "part them")
WARNING = Finding("NET-002", "a small pool", severity=Severity.WARNING)
NOTE = Finding("VAL-011", "nothing reads it", severity=Severity.INFO)


def run(world: World, **changes: Any) -> Deployment:
    engine = world.engine()
    return engine.wait(engine.deploy(request(**changes)).id, 60)


@pytest.mark.parametrize("dry_run", [False, True])
def test_errors_stop_it_before_anything_is_kept_or_touched(world: World, dry_run: bool) -> None:
    world.compiler.findings = (ERROR, WARNING, NOTE)
    ended = run(world, dry_run=dry_run)
    assert (ended.status, ended.stage) == (Status.FAILED, "validate")
    assert ended.findings == (WARNING, NOTE, ERROR)
    assert (world.ssh.looked, world.runner.runs, ended.forced) == ([], [], ())
    engine = world.engine()
    assert [failure.finding for failure in engine.failures("overcloud", ended.id)] == [ERROR]
    with engine._database.read() as session:
        assert session.connection().exec_driver_sql("select count(*) from states").scalar() == 0


def test_what_is_forced_is_kept_with_who_and_when(world: World) -> None:
    world.compiler.findings = (ERROR,)
    ended = run(world, force=("NET-001",), operator="ann@desk")
    assert (ended.status, ended.findings) == (
        Status.SUCCEEDED,
        (dataclasses.replace(ERROR, severity=Severity.WARNING),),
    )
    engine = world.engine()
    last = engine.status("overcloud").deployment
    assert last is not None
    (forced,) = last.forced
    assert forced == ended.forced[0]
    assert (forced.code, forced.message, forced.operator) == ("NET-001", ERROR.message, "ann@desk")
    assert ended.started <= forced.time <= ended.ended


def test_one_forced_code_does_not_cover_another(world: World) -> None:
    other = Finding("NET-003", "no gateway", "add one")
    world.compiler.findings = (ERROR, other)
    ended = run(world, force=("NET-001",))
    assert (ended.status, [f.code for f in ended.forced]) == (Status.FAILED, ["NET-001"])
    assert ended.findings[-1] == other


def test_all_errors_may_be_let_pass_and_warnings_may_stop(world: World) -> None:
    world.compiler.findings = (ERROR, WARNING)
    ended = run(world, errors_pass=True, operator="ann")
    assert (ended.status, [f.code for f in ended.forced]) == (Status.SUCCEEDED, ["NET-001"])
    world.compiler.findings = (WARNING, NOTE)
    assert run(world).status is Status.SUCCEEDED
    stopped = run(world, warnings_stop=True)
    assert (stopped.status, stopped.stage) == (Status.FAILED, "validate")
    assert run(world, warnings_stop=True, force=("NET-002",)).status is Status.SUCCEEDED


def test_what_cannot_be_compiled_cannot_be_forced(world: World) -> None:
    world.compiler.error = UndercloudError.of("ROLE-001", "no such key")
    world.compiler.findings = (ERROR,)
    ended = run(world, force=("ROLE-001", "NET-001"))
    assert ended.status is Status.FAILED
    assert [finding.code for finding in ended.findings] == ["NET-001", "ROLE-001", "DEP-027"]
    assert "--force NET-001, ROLE-001" in ended.findings[-1].message


def test_it_is_compared_with_what_is_deployed(world: World) -> None:
    run(world)
    world.compiler.text = "two"
    world.compiler.findings = (ERROR,)
    run(world)
    world.compiler.findings = ()
    run(world)
    engine = world.engine()
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 20)
    run(world)
    compared = [known.previous and known.previous["text"] for known in world.compiler.known]
    assert compared == [None, "one", "one", None], "the one that failed was never deployed"


def test_a_resumed_deployment_passes_the_gate_once(world: World) -> None:
    world.compiler.findings = (ERROR,)
    world.ssh.keys["db-0"] = {}
    ended = run(world, force=("NET-001",), operator="ann")
    assert (ended.status, ended.stage) == (Status.FAILED, "preflight")
    world.ssh.keys["db-0"] = {"ssh-ed25519": "AAAAdb-0"}
    engine = world.engine()
    again = engine.wait(engine.resume(ended.id).id, 20)
    assert (again.status, len(world.compiler.known), len(again.forced)) == (Status.SUCCEEDED, 1, 1)


def test_a_kept_plan_is_validated(world: World) -> None:
    run(world)
    world.compiler.text = "two"
    run(world)
    world.compiler.findings = (dataclasses.replace(ERROR, locations=(Location("site.yaml", 1),)),)
    given = GivenFiles(rules=(GivenFile("r.yaml", "rules: []"),))
    engine = world.engine()
    found = engine.validate_plan("overcloud", given=given)
    assert (found.version, [f.code for f in found.findings]) == (2, ["NET-001"])
    assert found.texts == {"site.yaml": "two"}
    assert (world.compiler.known[-1].given, world.compiler.known[-1].previous) == (
        given,
        {"version": 1, "text": "two"},
    )
    assert engine.validate_plan("overcloud", 1).texts == {"site.yaml": "one"}
    for name, version, code in (("nobody", 0, "DEP-003"), ("overcloud", 9, "DEP-028")):
        with pytest.raises(UndercloudError) as caught:
            engine.validate_plan(name, version)
        assert [finding.code for finding in caught.value.findings] == [code]
    assert not [e for e in engine.events(engine.deployments()[0].id) if e.kind is EventKind.FAILURE]


@pytest.fixture
def native(world: World, tmp_path: Path) -> World:
    """The world with the real compiler and validation, and one node."""
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(NODES))
    site(tmp_path)
    world.real_compiler = NativeCompiler("", tmp_path / "registry")
    world.ssh.keys["standalone-0"] = {"ssh-ed25519": "AAAA"}
    return world


def site(directory: Path, **values: object) -> None:
    given = {"ControlFixedIPs": [{"ip_address": "192.168.24.100"}], **values}
    (directory / "site.yaml").write_text(yaml.safe_dump({"parameter_defaults": given}))


def test_the_real_validation_is_the_gate(native: World, tmp_path: Path) -> None:
    """A typo, a wrong name of a type, and a change that would lose data: told at once, nothing touched."""
    engine = native.engine()
    first = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    assert (first.status, [f for f in first.findings if f.severity is not Severity.INFO]) == (
        Status.SUCCEEDED,
        [],
    )
    site(tmp_path, MemcachedMaxMemori="64", KeystoneRegion="regionTwo")
    native.ssh.looked.clear()
    ended = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    assert (ended.status, ended.stage, native.ssh.looked) == (Status.FAILED, "validate", [])
    told = {finding.code: finding for finding in ended.findings if finding.severity is not Severity.INFO}
    unknown = next(finding for finding in told.values() if "MemcachedMaxMemori" in finding.parameters)
    assert "MemcachedMaxMemory" in unknown.fix
    assert any(code.startswith("CHG-") for code in told), "the region differs from the deployed one"
    stored = engine.validate_plan("overcloud")
    assert {finding.code for finding in stored.findings} >= set(told)


def look(host: str, *findings: dict[str, Any], failed: bool = False) -> dict[str, Any]:
    """The result of the checks of a node."""
    event = failed_event if failed else ok
    return event(host, "Look at the node", findings=list(findings))


def test_nodes_tell_everything_at_once_and_nothing_else_runs(world: World) -> None:
    error = {"code": "NODE-117", "severity": "error", "message": "port 80 is taken", "fix": "stop it"}
    other = {"code": "NODE-105", "severity": "error", "message": "no room", "fix": "make some"}
    note = {"code": "NODE-130", "severity": "info", "message": "Linux", "fix": ""}

    def script(play: str, run: Run) -> list[dict[str, Any]] | None:
        if play != "Node checks":
            return None
        return [look("ctl-0", note, error, other, failed=True), look("db-0", error, failed=True)]

    world.runner.script = script
    ended = run(world, force=("NODE-114",), errors_pass=False, warnings_stop=True)
    assert (ended.status, ended.stage, world.runner.plays) == (Status.FAILED, "node-checks", ["Node checks"])
    assert world.runner.runs[0].variables["undercloud_gate"] == {
        "force": ["NODE-114"],
        "errors_pass": False,
        "warnings_stop": True,
    }
    found = world.engine().failures("overcloud")
    assert [(one.host, one.finding.code) for one in found] == [
        ("ctl-0", "NODE-117"),
        ("ctl-0", "NODE-105"),
        ("db-0", "NODE-117"),
    ]
    assert [(f.code, f.path) for f in ended.findings if f.severity is Severity.INFO] == [
        ("NODE-130", ("ctl-0",))
    ]


def test_what_a_node_lets_pass_is_recorded(world: World) -> None:
    passed = {"code": "NODE-117", "severity": "warning", "message": "taken", "fix": "", "forced": True}
    warning = {"code": "NODE-114", "severity": "warning", "message": "silent", "fix": "look"}
    world.runner.script = lambda play, run: [look("db-0", passed, warning)] if play == "Node checks" else None
    ended = run(world, force=("NODE-117",), operator="ann@desk")
    assert ended.status is Status.SUCCEEDED
    assert [(one.code, one.host, one.operator) for one in ended.forced] == [("NODE-117", "db-0", "ann@desk")]
    assert [finding.code for finding in ended.findings] == ["NODE-117", "NODE-114"]


def test_checks_of_a_deployed_cloud(world: World) -> None:
    engine = world.engine()
    with pytest.raises(UndercloudError) as caught:
        engine.check(CheckRequest("overcloud"))
    assert caught.value.findings[0].code == "DEP-003"
    world.compiler.files = {"checks_playbook.yaml": b"[]\n"}
    run(world, ssh=SshAccess(user="stack"))
    world.runner.script = lambda play, run: [
        look("ctl-0", {"code": "NODE-203", "message": "silent", "fix": "start it"}, failed=True),
        ok("db-0", "See that it works"),
    ]
    asked = CheckRequest("overcloud", groups=("post-deployment",), names=("NODE-203",))
    ended = engine.wait(engine.check(asked).id, 20)
    assert (ended.operation, ended.status, ended.stage) == (Operation.CHECK, Status.FAILED, "checks")
    (failure,) = engine.failures("overcloud", ended.id)
    assert (failure.host, failure.finding.code, failure.finding.fix) == ("ctl-0", "NODE-203", "start it")
    last = world.runner.runs[-1]
    assert last.variables["undercloud_checks"] == {"groups": ["post-deployment"], "names": ["NODE-203"]}
    assert (last.playbook, last.access.user) == ("checks_playbook.yaml", "stack")
    status = engine.status("overcloud")
    assert (status.status, status.lock) == ("deployed", None), "a check is no deployment"
    with pytest.raises(UndercloudError) as caught:
        engine.resume(ended.id)
    assert caught.value.findings[0].code == "DEP-007"
    world.runner.script = None
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 20)
    with pytest.raises(UndercloudError) as caught:
        engine.check(asked)
    assert caught.value.findings[0].code == "DEP-005"


def test_what_was_deployed_before_there_were_checks_cannot_be_checked(world: World) -> None:
    run(world)
    engine = world.engine()
    ended = engine.wait(engine.check(CheckRequest("overcloud")).id, 20)
    assert [finding.code for finding in ended.findings] == ["DEP-038"]
