"""deploy and resume, through the real shell: what the engine is asked, what is shown, how it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import GOOD_RUN, HOSTS, World, event, failure
from undercloud.cli import tripleo_flags
from undercloud.deploy.engine import Change, Deployment, EventKind, Operation, StackInfo, Status
from undercloud.diagnostics import Finding, Location, UndercloudError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_good_run(openstack: Openstack, world: World, home: Path) -> None:
    done = openstack("overcloud", "deploy", "--templates")
    assert done.status == 0
    lines = done.out.splitlines()
    assert "[00:02] compile: succeeded after 1.0 s" in lines
    assert "[00:04] run: step 1: Step 1" in lines
    assert "[00:05]   overcloud-controller-0  changed  Step 1 (2.0 s): container haproxy create" in lines
    assert "overcloud: deployed in 1 min 15 s (plan version 3)" in lines
    assert "openstack --os-cloud overcloud token issue" in done.err
    assert yaml.safe_load((home / ".config/openstack/clouds.yaml").read_text())["clouds"]["overcloud"]
    assert (home / "overcloudrc").read_text().startswith("export OS_PASSWORD=s3cret\nexport OS_CACERT=")
    assert "s3cret" not in done.out + done.err
    assert world.closed == 1


def test_quiet_leaves_the_stages(openstack: Openstack, world: World) -> None:
    shown = openstack("-q", "overcloud", "deploy").out
    assert "compile: succeeded" in shown
    assert "Step 1" not in shown


def test_what_the_engine_is_asked(openstack: Openstack, world: World, tmp_path: Path) -> None:
    for name in ("roles.yaml", "one.yaml", "nodes.yaml", "key", "hosts"):
        (tmp_path / name).write_text("")
    tree = tmp_path / "tree"
    (tree / "environments").mkdir(parents=True)
    (tree / "environments" / "tls.j2.yaml").write_text("")
    words = f"""--templates {tree} --stack edge -r {tmp_path}/roles.yaml -n /dev/null -b {tmp_path}/nodes.yaml
        -e {tmp_path}/one.yaml -e environments/tls.yaml --environment-directory {tmp_path}/tree
        --limit edge-compute-0 --force TOP-004 --timeout 90 --config-download-timeout 30
        --overcloud-ssh-user admin --overcloud-ssh-key {tmp_path}/key --known-hosts {tmp_path}/hosts
        --ntp-server a,b --libvirt-type qemu -y"""
    assert openstack("overcloud", "deploy", *words.split()).status == 0
    (asked,) = world.asked
    assert (asked.stack, asked.limit, asked.force, asked.timeout) == (
        "edge",
        "edge-compute-0",
        ("TOP-004",),
        1800,
    )
    assert asked.plan.templates == str(tree)
    assert asked.plan.networks_file == "/dev/null"
    assert asked.plan.environments == (f"{tmp_path}/one.yaml", "environments/tls.yaml")
    assert asked.plan.environment_directories == (f"{tmp_path}/tree",)
    assert (asked.ssh.user, asked.ssh.private_key, asked.ssh.known_hosts) == (
        "admin",
        f"{tmp_path}/key",
        f"{tmp_path}/hosts",
    )
    assert asked.parameters == {"NtpServer": ["a", "b"], "NovaComputeLibvirtType": "qemu"}


def test_an_answers_file_stands_behind_the_options(
    openstack: Openstack, world: World, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("templates: /t\nroles: /r\nnetworks: /n\nenvironments: [/1, /2]\n")
    assert (
        openstack("overcloud", "deploy", "--answers-file", str(answers), "-r", "/mine", "-e", "/3").status
        == 0
    )
    plan = world.asked[0].plan
    assert (plan.templates, plan.roles_file, plan.networks_file) == ("/t", "/mine", "/n")
    assert plan.environments == ("/1", "/2", "/3")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("environments: /one\n", "PLAN-074"),
        ("[1]\n", "PLAN-070"),
        ("colour: red\n", "PLAN-073"),
        (None, "PLAN-050"),
    ],
)
def test_a_bad_answers_file(
    openstack: Openstack, world: World, tmp_path: Path, text: str | None, code: str
) -> None:
    answers = tmp_path / "answers.yaml"
    if text is not None:
        answers.write_text(text)
    refused = openstack("overcloud", "deploy", "--answers-file", str(answers))
    assert refused.status == 1
    assert code in refused.out
    assert str(answers) in refused.out
    assert world.asked == []


def test_without_templates_the_installed_ones_are_taken(openstack: Openstack, world: World) -> None:
    openstack("overcloud", "deploy")
    assert world.asked[0].plan.templates.endswith("/heat-templates")


@pytest.mark.parametrize("flag", tripleo_flags.HARMLESS, ids=lambda flag: flag.names)
def test_a_harmless_flag_is_taken_with_a_note(
    openstack: Openstack, world: World, flag: tripleo_flags.Flag
) -> None:
    done = openstack("overcloud", "deploy", flag.names.split()[0], *(["5"] if flag.takes_value else []))
    assert done.status == 0
    assert f"note: {flag.names.split()[0]} changes nothing: {flag.why}" in done.err


def test_flags_that_cannot_be_carried_out_are_all_refused_at_once(openstack: Openstack, world: World) -> None:
    words = [
        word
        for flag in tripleo_flags.REFUSED
        for word in (flag.names.split()[-1], *(["x"] if flag.takes_value else []))
    ]
    refused = openstack("overcloud", "deploy", "-f", "json", *words)
    assert refused.status == 2
    told = [finding["message"] for finding in json.loads(refused.out)["findings"]]
    assert told == [f"{flag.names.split()[-1]} is not carried out here" for flag in tripleo_flags.REFUSED]
    assert world.asked == []


@pytest.mark.parametrize(
    "words",
    [
        ("--timeout", "0"),
        ("-t", "x"),
        ("--libvirt-type", "xen"),
        ("--overcloud-ssh-key", "/nowhere"),
        ("-b",),
    ],
)
def test_wrong_values_are_usage_errors(openstack: Openstack, world: World, words: tuple[str, ...]) -> None:
    assert openstack("overcloud", "deploy", *words).status == 2
    assert world.asked == []


def test_a_locked_stack_is_refused(openstack: Openstack, world: World) -> None:
    world.refusal = UndercloudError.of("DEP-001", "overcloud is written by pid 7 since noon", fix="wait")
    refused = openstack("overcloud", "deploy")
    assert refused.status == 2
    assert "pid 7 since noon" in refused.err
    assert world.closed == 1


def test_errors_in_the_plan(openstack: Openstack, world: World) -> None:
    found = Finding("HOT-020", "no such parameter", "declare it", locations=(Location("a.yaml", 3, 7),))
    world.script = (
        event(1, EventKind.STAGE, stage="compile", status="running"),
        event(2, EventKind.FINDING, stage="compile", data=found.as_dict()),
        event(3, EventKind.STAGE, stage="compile", status="failed"),
    )
    world.ending = {"status": Status.FAILED, "stage": "compile", "findings": (found,)}
    done = openstack("overcloud", "deploy")
    assert done.status == 1
    assert "[00:01] a.yaml:3:7: error HOT-020: no such parameter" in done.out
    assert "error HOT-020  a.yaml:3:7\n  no such parameter\n  fix: declare it\n\n1 error\n" in done.out
    assert "overcloud: deploy failed in stage compile after 1 min 15 s" in done.out


def test_a_failed_node(openstack: Openstack, world: World, home: Path) -> None:
    world.found_failures = (failure(),)
    world.ending = {"status": Status.FAILED, "stage": "run", "findings": (failure().finding,)}
    done = openstack("overcloud", "deploy")
    assert done.status == 1
    assert "container: keystone" in done.out
    assert "    | no database" in done.out
    assert done.out.count("error NODE-012") == 1
    assert not home.exists()


def test_the_result_as_json_leaves_stdout_to_it(openstack: Openstack, world: World) -> None:
    done = openstack("overcloud", "deploy", "-f", "json")
    told = json.loads(done.out)
    assert (told["deployment"]["status"], told["findings"], told["failures"]) == ("succeeded", [], [])
    assert {host: counts["ok"] for host, counts in told["deployment"]["hosts"].items()} == dict.fromkeys(
        HOSTS, 1
    )
    assert "compile: succeeded" in done.err


def test_a_dry_run_lists_changes_with_diffs(openstack: Openstack, world: World, home: Path) -> None:
    host = next(iter(HOSTS))
    world.found_changes = (
        Change(host, 3, "file", "/etc/k.conf", "update", "content", "a = 1\n", "a = 2\n"),
        Change(host, 3, "container", "keystone", "replace", "config"),
        Change(host, 4, "task", "Say hello", "run"),
    )
    done = openstack("overcloud", "deploy", "--dry-run")
    assert done.status == 0
    assert f"{host}: 2 changes" in done.out
    assert "  step 3  update file /etc/k.conf (content)\n" in done.out
    assert "    -a = 1\n    +a = 2\n" in done.out
    assert "step 4  task Say hello: will run, effect unknown" in done.out
    assert not home.exists()
    world.found_changes = ()
    assert "Nothing would change." in openstack("overcloud", "deploy", "--dry-run").out


def test_a_broken_clouds_yaml_does_not_spoil_a_deployment(
    openstack: Openstack, world: World, home: Path
) -> None:
    clouds = home / ".config/openstack/clouds.yaml"
    clouds.parent.mkdir(parents=True)
    clouds.write_text("clouds: [\n")
    done = openstack("overcloud", "deploy")
    assert done.status == 0
    assert "CLI-020" in done.err
    assert clouds.read_text() == "clouds: [\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_cleanly(openstack: Openstack, world: World, number: int) -> None:
    world.on_events = lambda: os.kill(os.getpid(), number)
    done = openstack("overcloud", "deploy")
    assert done.status == 130
    assert ("cancel", "run-1", "stopped by the operator") in world.asked
    assert "overcloud: deploy interrupted" in done.out
    assert "the plan and its passwords" in done.err
    assert "openstack overcloud resume overcloud" in done.err
    assert world.closed == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_resume_goes_on_and_repeats_no_old_news(openstack: Openstack, world: World) -> None:
    world.script = GOOD_RUN[:4]
    assert openstack("overcloud", "deploy").status == 0
    last = world.deployments()[0]
    world.known["overcloud"] = StackInfo("overcloud", "interrupted", 3, last, None)
    world.fresh = GOOD_RUN[4:]
    done = openstack("overcloud", "resume")
    assert done.status == 0
    assert world.asked[-1] == ("resume", "run-1")
    assert "compile" not in done.out
    assert "[00:00] run: step 1: Step 1" in done.out


def test_resume_with_less_and_rollback(openstack: Openstack, world: World) -> None:
    assert openstack("overcloud", "deploy", "--skip", "step-5", "--rollback-on-failure").status == 0
    assert (world.asked[-1].skip, world.asked[-1].rollback_on_failure) == (("step-5",), True)
    last = dataclasses.replace(world.deployment("run-1"), status=Status.FAILED)
    world.known["overcloud"] = StackInfo("overcloud", "failed", 3, last, None)
    assert openstack("overcloud", "resume", "--limit", "db-*", "--skip", "finish").status == 0
    assert world.asked[-1] == ("resume", "run-1", "db-*", ("finish",))
    assert openstack("overcloud", "rollback", "--plan-version", "2", "-t", "5").status == 0
    asked = world.asked[-1]
    assert (asked.stack, asked.version, asked.timeout) == ("overcloud", 2, 300)


def test_a_rollback_after_a_failure_is_followed(openstack: Openstack, world: World) -> None:
    world.ending = {"status": Status.FAILED}
    original = world.deployments
    back = dataclasses.replace(world._start("overcloud", Operation.DEPLOY), rollback_of="run-2", version=2)

    def deployments(stack: str = "", limit: int = 100, marker: str = "") -> tuple[Deployment, ...]:
        _ = original(stack, limit, marker)
        return (back,)

    world.deployments = deployments  # type: ignore[method-assign]
    done = openstack("overcloud", "deploy", "--rollback-on-failure")
    assert done.status == 1
    assert "Rolled back to version" in done.out
    told = openstack("overcloud", "deploy", "--rollback-on-failure", "-f", "json")
    assert "rollback" not in json.loads(told.out), "it was that of another"


def test_resume_takes_what_stopped_last_or_what_is_named(openstack: Openstack, world: World) -> None:
    world.ending = {"status": Status.FAILED}
    assert openstack("overcloud", "deploy").status == 1
    assert openstack("overcloud", "restore", "--yes", "--directory", "/b").status == 1
    assert openstack("overcloud", "validator", "run").status == 1
    last = dataclasses.replace(world.deployment("run-1"), status=Status.FAILED)
    world.known["overcloud"] = StackInfo("overcloud", "failed", 3, last, None)
    openstack("overcloud", "resume")
    assert world.asked[-1] == ("resume", "run-2"), "the restore, not the deployment before it"
    openstack("overcloud", "resume", "--deployment", "run-1")
    assert world.asked[-1] == ("resume", "run-1")
    asked = len(world.asked)
    refused = openstack("overcloud", "resume", "edge", "--deployment", "run-1")
    assert (refused.status, len(world.asked)) == (2, asked)
    assert "openstack overcloud resume overcloud --deployment run-1" in refused.err


def test_resume_needs_a_deployment(openstack: Openstack, world: World) -> None:
    world.known["overcloud"] = StackInfo("overcloud", "none", 1, None, None)
    refused = openstack("overcloud", "resume")
    assert refused.status == 2
    assert "never deployed" in refused.err
