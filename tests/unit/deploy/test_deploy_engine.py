"""Deployments through the engine's public methods, over a real SQLite."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import stat
import threading
import time
from typing import Any

import pytest
import yaml

from tests.unit.deploy.world import PASSWORD, PLAYS, World, failed, ok, request
from undercloud.deploy import wire
from undercloud.deploy.engine import (
    Counts,
    Deployment,
    Engine,
    EventKind,
    HostCounts,
    Operation,
    Status,
    follow,
)
from undercloud.deploy.requests import DeleteRequest, SshAccess
from undercloud.deploy.runner import Run
from undercloud.deploy.ssh import Answer
from undercloud.diagnostics import Finding, Location, Severity, UndercloudError


def run(world: World, **changes: Any) -> Deployment:
    engine = world.engine()
    return engine.wait(engine.deploy(request(**changes)).id, 20)


def codes(error: pytest.ExceptionInfo[UndercloudError]) -> list[str]:
    return [finding.code for finding in error.value.findings]


def test_a_first_deployment(world: World) -> None:
    engine: Engine = world.engine()
    started = engine.deploy(request())
    events = list(follow(engine, started.id))
    ended = engine.deployment(started.id)
    assert ended.status is Status.SUCCEEDED
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[0].kind is EventKind.DEPLOYMENT
    assert (events[-1].kind, events[-1].status) == (EventKind.DEPLOYMENT, "succeeded")
    names = [
        "plan",
        "validate",
        "compile",
        "provision",
        "node-playbooks",
        "preflight",
        "directory",
        "node-checks",
        "scale-in",
        *(f"step-{n}" for n in range(6)),
        "finish",
        "final-checks",
        "clean",
    ]
    assert [stage.name for stage in ended.stages] == [*names, "credentials"]
    assert {stage.status for stage in ended.stages} == {Status.SUCCEEDED}
    assert all(stage.started <= stage.ended for stage in ended.stages)
    assert world.engine().hosts(ended.id) == (
        HostCounts("ctl-0", Counts(changed=len(PLAYS))),
        HostCounts("db-0", Counts(ok=len(PLAYS))),
    )
    assert (ended.counts, ended.host_counts) == (Counts(len(PLAYS), len(PLAYS)), Counts(1, 1))
    assert ended.version == 1
    assert world.runner.plays == list(PLAYS)
    result = next(event for event in events if event.kind is EventKind.RESULT and event.step == 0)
    assert (result.host, result.step, result.stage, result.data["elapsed"]) == ("ctl-0", 0, "step-0", 0.25)
    steps = [event.step for event in events if event.kind is EventKind.TASK]
    assert steps == [-1, 0, 1, 2, 3, 4, 5, -1, -1]


def test_what_is_on_disk_is_private_and_what_was_secret_is_gone(world: World) -> None:
    ended = run(world)
    directory = world.stack_dir / "config-download"
    assert ended.directory == str(directory)
    assert (directory / "site/plan.txt").read_text() == "one"
    for path in world.settings.paths.state_dir.rglob("*"):
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) & ~allowed == 0, path
    assert list(world.settings.paths.secure_tmp.iterdir()) == []
    assert json.loads(world.runner.secrets[0]) == {"admin": f"{PASSWORD}1"}
    assert world.runner.runs[0].variables["undercloud_fence"] == 1
    for path in world.settings.paths.state_dir.rglob("*"):
        if path.is_file() and path.name not in {"clouds.yaml", "overcloudrc"}:
            assert PASSWORD.encode() not in path.read_bytes(), path


def test_passwords_are_made_once_and_versions_only_for_changes(world: World) -> None:
    assert run(world).version == 1
    assert run(world).version == 1
    world.compiler.text = "two"
    assert run(world).version == 2
    assert world.compiler.made == 1
    assert {json.loads(text)["admin"] for text in world.runner.secrets} == {f"{PASSWORD}1"}
    engine = world.engine()
    assert [(plan.name, plan.version, plan.files) for plan in engine.plans()] == [("overcloud", 2, 1)]
    assert [run.variables["undercloud_fence"] for run in world.runner.runs] == [1, 2, 3]
    status = engine.status("overcloud")
    assert (status.status, status.version, status.lock) == ("deployed", 2, None)
    assert status.nodes == 2
    nodes = engine.stack_hosts("overcloud")
    assert {node.name: node.address for node in nodes} == {"ctl-0": "192.0.2.11", "db-0": "192.0.2.12"}
    assert status.auth_url == "https://192.0.2.5:13000/v3"
    assert [d.operation for d in engine.deployments("overcloud")] == [Operation.DEPLOY] * 3


def test_the_state_is_kept_before_a_node_is_touched(world: World) -> None:
    world.ssh.keys["db-0"] = {}
    world.ssh.answers["db-0"] = Answer(255, "", "ssh: connect to host 192.0.2.12 port 2222: No route to host")
    ended = run(world)
    assert (ended.status, ended.stage) == (Status.FAILED, "preflight")
    assert world.runner.runs == []
    (failure,) = world.engine().failures("overcloud")
    assert (failure.host, failure.stage, failure.finding.code) == ("db-0", "preflight", "DEP-010")
    assert "No route to host" in failure.finding.message
    assert failure.finding.fix
    world.ssh.keys["db-0"] = {"ssh-ed25519": "AAAAdb-0"}
    world.ssh.answers.clear()
    assert run(world).status is Status.SUCCEEDED
    assert world.compiler.made == 1


def test_errors_of_the_compiler_are_all_told_and_nothing_is_kept(world: World) -> None:
    findings = (
        Finding("ROLE-001", "no such service", "remove it", locations=(Location("roles.yaml", 3, 5),)),
        Finding("TOP-002", "a role without nodes", "add some"),
    )
    world.compiler.error = UndercloudError(*findings)
    ended = run(world)
    assert (ended.status, ended.stage, ended.findings) == (Status.FAILED, "validate", findings)
    engine = world.engine()
    assert [failure.finding for failure in engine.failures("overcloud")] == list(findings)
    assert world.ssh.looked == []
    world.compiler.error = None
    assert run(world).status is Status.SUCCEEDED
    assert world.compiler.made == 1


def test_forced_findings_and_warnings_do_not_stop(world: World) -> None:
    world.compiler.findings = (
        Finding("ROLE-009", "odd", severity=Severity.WARNING),
        Finding("TOP-002", "bad"),
    )
    assert run(world).status is Status.FAILED
    ended = run(world, force=("TOP-002",))
    assert ended.status is Status.SUCCEEDED
    assert [(f.code, f.severity) for f in ended.findings] == [("ROLE-009", "warning"), ("TOP-002", "warning")]


def test_a_fault_of_ours_ends_the_deployment_and_frees_the_lock(world: World) -> None:
    world.compiler.error = ZeroDivisionError("oops")
    ended = run(world)
    assert (ended.status, ended.findings[0].code) == (Status.FAILED, "INT-001")
    assert "ZeroDivisionError" in ended.findings[0].message
    assert world.engine().status("overcloud").lock is None


def test_a_failed_container_names_node_task_container_and_log(world: World) -> None:
    finding = {
        "code": "NODE-030",
        "message": "keystone did not get healthy",
        "fix": "look",
        "container": "keystone",
        "log": ["starting", f"cannot connect with {PASSWORD}1"],
    }

    def script(play: str, run: Any) -> list[dict[str, Any]] | None:
        told = failed("ctl-0", "Step 3", msg="unhealthy", finding=finding)
        return [ok("db-0", "Step 3"), told] if play == "Step 3" else None

    world.runner.script = script
    ended = run(world)
    assert (ended.status, ended.stage) == (Status.FAILED, "step-3")
    (failure,) = world.engine().failures("overcloud")
    assert (failure.host, failure.step, failure.task) == ("ctl-0", 3, "Step 3")
    assert (failure.container, failure.finding.code) == ("keystone", "NODE-030")
    assert failure.log == ("starting", "cannot connect with ********")
    assert ended.host_counts.failed == 1
    world.runner.script = None
    engine = world.engine()
    resumed = engine.wait(engine.resume(ended.id).id, 20)
    assert resumed.status is Status.SUCCEEDED
    assert engine.failures("overcloud") == ()
    assert resumed.findings == ()
    assert world.runner.runs[1].tags == ("step3", "step4", "step5", "finish", "finalchecks")


def test_a_second_writer_is_refused_and_told_who_and_since_when(world: World) -> None:
    world.runner.hold = threading.Event()
    first, second = world.engine(), world.engine()
    started = first.deploy(request())
    for wanted in (request(), request(dry_run=True)):
        with pytest.raises(UndercloudError) as caught:
            second.deploy(wanted)
        (finding,) = caught.value.findings
        assert finding.code == "DEP-001"
        assert started.id in finding.message
        assert started.started[:16] in finding.message
    assert second.deploy(request(stack="other")).status is Status.RUNNING
    lock = second.status("overcloud").lock
    assert lock is not None
    assert started.id in lock.holder
    world.runner.hold.set()
    assert second.wait(started.id, 20).status is Status.SUCCEEDED
    assert second.status("overcloud").lock is None


def test_cancel_from_another_engine_keeps_state_and_frees_the_lock(world: World) -> None:
    world.runner.hold = threading.Event()
    first, second = world.engine(), world.engine()
    started = first.deploy(request())
    for event in follow(second, started.id):
        if event.stage == "node-checks":
            second.cancel(started.id, "Ctrl-C")
            break
    ended = second.wait(started.id, 20)
    assert (ended.status, ended.stage) == (Status.INTERRUPTED, "node-checks")
    assert "Ctrl-C" in second.events(started.id)[-1].message
    assert second.status("overcloud").lock is None
    assert second.status("overcloud").status == "interrupted"
    world.runner.hold.set()
    resumed = second.wait(second.resume(started.id).id, 20)
    assert resumed.status is Status.SUCCEEDED
    assert world.compiler.made == 1
    assert len(world.ssh.looked) == 2


def test_cancel_while_a_node_keeps_us_waiting(world: World) -> None:
    world.ssh.hold = threading.Event()
    engine = world.engine()
    started = engine.deploy(request())
    while not world.ssh.looked:
        time.sleep(0.01)
    engine.cancel(started.id, "Ctrl-C")
    ended = engine.wait(started.id, 10)
    assert (ended.status, ended.stage, ended.findings) == (Status.INTERRUPTED, "preflight", ())
    assert world.runner.plays == []
    world.ssh.hold = None
    assert engine.wait(engine.resume(started.id).id, 20).status is Status.SUCCEEDED


def test_closing_the_engine_interrupts(world: World) -> None:
    world.runner.hold = threading.Event()
    engine = world.engine()
    started = engine.deploy(request())
    engine.close()
    assert world.engine().deployment(started.id).status is Status.INTERRUPTED


def test_only_the_last_stopped_deployment_can_be_resumed(world: World) -> None:
    world.compiler.error = UndercloudError.of("X-001", "no")
    first = run(world)
    world.compiler.error = None
    second = run(world)
    dry = run(world, dry_run=True)
    engine = world.engine()
    for deployment in (first, second, dry):
        with pytest.raises(UndercloudError) as caught:
            engine.resume(deployment.id)
        assert codes(caught) == ["DEP-007"]
    assert engine.status("overcloud").lock is None


def test_a_resumed_deployment_uses_the_plan_as_it_was(world: World) -> None:
    world.compiler.error = UndercloudError.of("X-001", "no")
    ended = run(world)
    world.compiler.error = None
    world.compiler.text = "changed meanwhile"
    engine = world.engine()
    engine.wait(engine.resume(ended.id).id, 20)
    assert (world.stack_dir / "config-download/site/plan.txt").read_text() == "one"


def test_dry_run_checks_and_keeps_nothing(world: World) -> None:
    change = {
        "kind": "file",
        "name": "/etc/x",
        "action": "update",
        "reason": "content",
        "diff": {"before": "a\n", "after": f"{PASSWORD}1\n"},
    }

    def script(play: str, run: Any) -> list[dict[str, Any]] | None:
        return [ok("db-0", "Step 2", changed=True, actions=[change])] if play == "Step 2" else None

    world.runner.script = script
    ended = run(world, dry_run=True)
    assert (ended.status, ended.operation) == (Status.SUCCEEDED, Operation.DRY_RUN)
    assert world.runner.runs[0].check
    engine = world.engine()
    changes = engine.changes(ended.id)
    assert [dataclasses.astuple(change) for change in changes] == [
        ("ctl-0", 2, "task", "Open the door", "run", "effect unknown", "", ""),
        ("db-0", 2, "file", "/etc/x", "update", "content", "a\n", "********\n"),
    ]
    assert engine.plans() == ()
    assert not (world.stack_dir / "config-download").exists()
    with engine._database.read() as session:
        assert session.connection().exec_driver_sql("select count(*) from states").scalar() == 0
        assert session.connection().exec_driver_sql("select count(*) from host_keys").scalar() == 0
    run(world)
    assert world.compiler.made == 2


def test_host_keys_are_pinned_at_first_contact(world: World) -> None:
    run(world)
    assert world.ssh.known_hosts == (
        "192.0.2.11 ssh-ed25519 AAAActl-0\n[192.0.2.12]:2222 ssh-ed25519 AAAAdb-0\n"
    )
    world.ssh.keys["db-0"] = {"ssh-ed25519": "AAAAother"}
    said = "@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed."
    world.ssh.answers["db-0"] = Answer(255, "", said)
    ended = run(world)
    assert (ended.status, ended.findings[0].code) == (Status.FAILED, "DEP-011")
    assert "AAAAother" not in world.ssh.known_hosts
    engine = world.engine()
    assert engine.forget_host_key("192.0.2.12", 2222)
    assert not engine.forget_host_key("192.0.2.12", 2222)
    world.ssh.answers.clear()
    assert run(world).status is Status.SUCCEEDED
    assert "AAAAother" in world.ssh.known_hosts


def test_an_operators_known_hosts_is_obeyed(world: World) -> None:
    run(world, ssh=SshAccess(known_hosts="/home/op/known_hosts"))
    assert world.ssh.known_hosts == ""


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("python \nuid 0\nsudo no\n", "DEP-014"),
        ("python /usr/bin/python3\nuid 1000\nsudo no\n", "DEP-015"),
    ],
)
def test_what_a_node_lacks(world: World, answer: str, code: str) -> None:
    world.ssh.answers["ctl-0"] = Answer(0, answer, "")
    ended = run(world)
    assert [(finding.code, "ctl-0" in finding.message) for finding in ended.findings] == [(code, True)]


def test_credentials(world: World) -> None:
    engine = world.engine()
    with pytest.raises(UndercloudError) as caught:
        engine.credentials("overcloud")
    assert codes(caught) == ["DEP-003"]
    run(world, dry_run=True)
    with pytest.raises(UndercloudError) as caught:
        engine.credentials("overcloud")
    assert codes(caught) == ["DEP-005"]
    run(world)
    given = engine.credentials("overcloud")
    assert given.clouds["auth"]["password"] == f"{PASSWORD}2", "the first was the dry run's"
    written = yaml.safe_load((world.stack_dir / "clouds.yaml").read_text())
    assert written == {"clouds": {"overcloud": given.clouds}}
    rc = (world.stack_dir / "overcloudrc").read_text()
    assert rc == given.rc
    assert f"export OS_PASSWORD='{PASSWORD}2'" in rc
    assert "export OS_AUTH_URL=https://192.0.2.5:13000/v3" in rc


def test_delete_then_forget(world: World) -> None:
    run(world, ssh=SshAccess(user="stack", private_key="/k"))
    engine = world.engine()
    with pytest.raises(UndercloudError) as caught:
        engine.delete_plan("overcloud")
    assert codes(caught) == ["DEP-006"]
    ended = engine.wait(engine.delete(DeleteRequest("overcloud")).id, 20)
    assert (ended.status, ended.operation) == (Status.SUCCEEDED, Operation.DELETE)
    assert world.runner.runs[-1].playbook == "delete_playbook.yaml"
    assert world.runner.runs[-1].access.user == "stack"
    assert engine.status("overcloud").status == "deleted"
    with pytest.raises(UndercloudError) as caught:
        engine.credentials("overcloud")
    assert codes(caught) == ["DEP-005"]
    engine.delete_plan("overcloud")
    assert engine.plans() == ()
    assert engine.deployments() == ()
    assert not world.stack_dir.exists()
    with pytest.raises(UndercloudError):
        engine.status("overcloud")
    run(world)
    assert world.compiler.made == 2
    assert world.runner.runs[-1].variables["undercloud_fence"] == 4, "the nodes remember the higher number"


def test_delete_with_a_dead_node_needs_abandon(world: World) -> None:
    run(world)
    world.ssh.answers["db-0"] = Answer(255, "", "ssh: connect to host 192.0.2.12: Connection timed out")
    engine = world.engine()
    ended = engine.wait(engine.delete(DeleteRequest("overcloud")).id, 20)
    assert (ended.status, ended.findings[0].code) == (Status.FAILED, "DEP-010")
    ended = engine.wait(engine.delete(DeleteRequest("overcloud", abandon=True)).id, 20)
    assert ended.status is Status.SUCCEEDED
    assert [(f.code, f.severity) for f in ended.findings] == [("DEP-023", "warning")]
    assert world.runner.runs[-1].limit == "all:!db-0"
    assert engine.status("overcloud").status == "deleted"


def test_delete_of_a_stack_that_never_got_to_nodes(world: World) -> None:
    world.compiler.error = UndercloudError.of("X-001", "no")
    run(world)
    engine = world.engine()
    assert engine.wait(engine.delete(DeleteRequest("overcloud")).id, 20).status is Status.SUCCEEDED
    assert world.runner.runs == []
    engine.delete_plan("overcloud")


def test_stacks_do_not_take_each_others_addresses(world: World) -> None:
    run(world)
    run(world, stack="edge")
    assert world.compiler.reserved == {"ctlplane": {"192.0.2.101": "overcloud"}}
    run(world)
    assert world.compiler.reserved == {"ctlplane": {"192.0.2.102": "edge"}}
    engine = world.engine()
    engine.wait(engine.delete(DeleteRequest("edge")).id, 20)
    run(world)
    assert world.compiler.reserved == {}


def test_limit_leaves_the_other_nodes_out(world: World) -> None:
    world.ssh.answers["db-0"] = Answer(255, "", "ssh: connect to host 192.0.2.12: No route to host")
    assert run(world, limit="ctl-*").status is Status.SUCCEEDED
    assert world.ssh.looked == ["ctl-0"]
    assert world.runner.runs[0].limit == "ctl-*"
    ended = run(world, limit="clt-0")
    assert (ended.status, ended.findings[0].code) == (Status.FAILED, "DEP-025")
    assert "ctl-0, db-0" in ended.findings[0].fix
    assert len(world.runner.runs) == 1


def test_a_node_that_left_the_plan_is_told_of(world: World) -> None:
    run(world)
    world.compiler.nodes = world.compiler.nodes[:1]
    ended = run(world)
    assert [(f.code, f.severity) for f in ended.findings] == [("DEP-024", "warning")]
    assert "db-0 (192.0.2.12)" in ended.findings[0].message
    assert run(world).findings == ()


def test_what_this_machine_refuses_is_told(world: World) -> None:
    world.compiler.error = OSError(28, "No space left on device", "/var/lib/undercloud/x")
    ended = run(world)
    assert (ended.status, ended.findings[0].code) == (Status.FAILED, "DEP-026")
    assert "No space left on device (/var/lib/undercloud/x)" in ended.findings[0].message


def test_a_record_that_breaks_off_says_why(world: World) -> None:
    engine = world.engine(busy_timeout=1)
    other = sqlite3.connect(world.settings.paths.database, isolation_level=None, check_same_thread=False)

    def hold_the_database(play: str, run: Run) -> None:
        if play == "Step 1":
            other.execute("BEGIN IMMEDIATE")

    world.runner.script = hold_the_database
    ended = engine.wait(engine.deploy(request()).id, 20)
    assert (ended.status, ended.stage, ended.findings[0].code) == (Status.INTERRUPTED, "step-1", "DB-004")
    other.execute("ROLLBACK")
    other.close()
    world.runner.script = None
    assert engine.wait(engine.resume(ended.id).id, 20).status is Status.SUCCEEDED


def test_all_answers_travel_as_json(world: World) -> None:
    world.compiler.findings = (Finding("A-001", "m", severity=Severity.INFO, locations=(Location("f", 1),)),)
    ended = run(world)
    engine = world.engine()
    values = [ended, engine.status("overcloud"), *engine.plans(), *engine.events(ended.id), request()]
    for value in values:
        plain = json.loads(json.dumps(wire.to_plain(value)))
        assert wire.from_plain(type(value), plain) == value
