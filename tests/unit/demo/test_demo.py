"""The demo: stages that stop at the first failure, and commands that the real command line takes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tools.demo import cli, readiness, stages
from tools.demo.cloud import Demo
from tools.demo.containers import ContainerDemo
from tools.demo.machines import MachineDemo
from tools.demo.stages import Stage, Step, Timing, Together
from tools.lab.cli import parser as lab_parser
from tools.rack.cli import parser as rack_parser
from undercloud.cli.credentials import CLOUDS_FILE
from undercloud.cli.deploy import Deploy
from undercloud.diagnostics import Severity
from undercloud.validation import validate

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=[ContainerDemo, MachineDemo])
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Demo:
    made: Demo = request.param(CHECKOUT, tmp_path / "demo")
    return made


def commands(demo: Demo) -> list[tuple[str, ...]]:
    """All commands of a demo, those that run side by side too."""
    steps: list[Step] = [*demo.stages(), *demo.cleaning()]
    lanes = [lane for step in steps for lane in (step.lanes if isinstance(step, Together) else ((step,),))]
    return [stage.command for lane in lanes for stage in lane]


def exits(name: str, status: int) -> Stage:
    return Stage(name, f"stage {name}", (sys.executable, "-c", f"raise SystemExit({status})"))


def test_stages_run_until_one_fails(tmp_path: Path) -> None:
    said: list[str] = []
    wanted: list[Step] = [exits("one", 0), exits("two", 3), exits("three", 0)]
    timings = stages.run(wanted, env=os.environ, cwd=tmp_path, say=said.append)
    assert [(timing.name, timing.status) for timing in timings] == [("one", 0), ("two", 3)]
    assert all(timing.seconds > 0 for timing in timings)
    assert any("stage two" in line for line in said)
    assert "exit status 3" in said[-1]


def test_lanes_run_side_by_side_and_what_failed_stops_what_follows(tmp_path: Path) -> None:
    said: list[str] = []
    # Each waits for the other: one after another they would never end.
    meets = [
        f"import pathlib, time\npathlib.Path({own!r}).touch()\n"
        f"while not pathlib.Path({other!r}).exists(): time.sleep(0.01)\nprint('met', {other!r})"
        for own, other in (("a", "b"), ("b", "a"))
    ]
    one, two = (Stage(f"lane{number}", "", (sys.executable, "-c", text)) for number, text in enumerate(meets))
    wanted: list[Step] = [Together(((one, exits("bad", 3), exits("never", 0)), (two,))), exits("three", 0)]
    timings = stages.run(wanted, env=os.environ, cwd=tmp_path, say=said.append)
    assert [(timing.name, timing.status) for timing in timings] == [("lane0", 0), ("bad", 3), ("lane1", 0)]
    assert "lane0 | met b" in said
    assert "lane1 | met a" in said


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stage_ends_in_its_own_time_when_it_is_stopped(tmp_path: Path, sent: signal.Signals) -> None:
    """It cleans up for longer than Python waits for a child by itself."""
    stage = f"""
import signal, sys, time
def stop(*_):
    time.sleep(1)
    open({str(tmp_path / "clean")!r}, "w").close()
    sys.exit(7)
signal.signal({int(sent)}, stop)
open({str(tmp_path / "up")!r}, "w").close()
time.sleep(60)
"""
    runner = f"""
import os, pathlib, sys
from tools.demo import stages
wanted = [stages.Stage("one", "a long one", (sys.executable, "-c", {stage!r}))]
ended = stages.run(wanted, env=os.environ, cwd=pathlib.Path("."), say=print)
print("ended", ended[0].status)
"""
    with subprocess.Popen(
        [sys.executable, "-c", runner],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not (tmp_path / "up").exists():
            assert process.poll() is None
            time.sleep(0.02)
        if sent is signal.SIGINT:
            os.killpg(process.pid, sent)  # as a terminal does
        else:
            process.send_signal(sent)
        said, _ = process.communicate(timeout=20)
    assert "ended 7" in said
    assert (tmp_path / "clean").exists()


def test_the_table_has_every_stage_and_the_whole() -> None:
    text = stages.table([Timing("bootstrap", 20.04), Timing("deploy", 100.0, 1)], 110.0)
    assert text.splitlines() == [
        "  bootstrap     20.0 s",
        "  deploy       100.0 s  failed",
        "  total        110.0 s",
    ]


def test_the_deploy_command_is_one_that_deploy_takes(demo: Demo) -> None:
    program, *words = demo.deploy_command()
    assert [program, *words[:2]] == ["openstack", "overcloud", "deploy"]
    parsed = Deploy(cast(Any, None), None).get_parser("deploy").parse_args(words[2:])
    assert parsed.baremetal_deployment == str(demo.deployment_file)
    demo.write_files()
    assert all(Path(file).is_file() for file in parsed.environment_files)
    if isinstance(demo, ContainerDemo):
        assert parsed.known_hosts == str(demo.lab.known_hosts), "host keys are checked"
        assert (CHECKOUT / "heat-templates" / parsed.networks_file).is_file()


def test_the_clouds_address_is_on_the_nodes_network(tmp_path: Path) -> None:
    demo = ContainerDemo(CHECKOUT, tmp_path, "10.9.8.0/24")
    demo.write_files()
    values = yaml.safe_load(demo.cloud_file.read_text())["parameter_defaults"]
    assert values == {
        "ControlPlaneSubnetCidr": "10.9.8.0/24",
        "ControlFixedIPs": [{"ip_address": "10.9.8.60"}],
    }
    assert demo.lab.host_address == "10.9.8.1"


def test_the_tools_take_their_commands(demo: Demo) -> None:
    parsers = {"tools.lab": lab_parser(), "tools.rack": rack_parser()}
    asked = [command for command in commands(demo) if command[1] == "-m"]
    assert asked
    for command in asked:
        parsers[command[2]].parse_args(command[3:])


def test_every_command_is_there(demo: Demo) -> None:
    """What `openstack` is asked for is a command that setup.cfg names."""
    names = {
        line.split("=")[0].strip().replace("_", " ")
        for line in (CHECKOUT / "setup.cfg").read_text().splitlines()
        if " = undercloud.cli." in line
    }
    asked = [" ".join(command[1:]) for command in commands(demo) if command[0] == "openstack"]
    ours = [words for words in asked if not words.startswith("--os-cloud overcloud token issue")]
    assert ours
    assert [words for words in ours if not any(words.startswith(name) for name in names)] == []


def test_the_underclouds_configuration_has_no_mistake(tmp_path: Path) -> None:
    demo = MachineDemo(CHECKOUT, tmp_path, "10.9.8.0/24")
    demo.write_files()
    text = demo.undercloud_file.read_text()
    assert "local_ip = 10.9.8.1/24" in text
    assert [one for one in validate.undercloud(text, "x") if one.severity is Severity.ERROR] == []


def test_one_kind_of_nodes_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(MachineDemo, "stages", lambda _demo: pytest.fail("it must not begin"))
    other = ContainerDemo(CHECKOUT, tmp_path)
    other.place.mkdir()
    assert cli.deploy(MachineDemo(CHECKOUT, tmp_path), [other], begun=0) == 1
    assert "the demo on containers is there" in capsys.readouterr().out


def test_the_environment_is_the_demos_own(demo: Demo) -> None:
    given = {"PATH": "/bin", "PYTHONPATH": "/else", "OS_CLOUD": "production", "HOME": "/root"}
    environment = demo.environment(given)
    assert environment["UNDERCLOUD_STATE_DIR"] == str(demo.state)
    assert environment["PATH"].split(":")[0] == str(demo.binaries)
    assert "OS_CLOUD" not in environment
    assert "PYTHONPATH" not in environment
    assert environment["HOME"] == str(demo.home), "the operator's own clouds.yaml stays as it is"


def test_the_scripts_lead_to_the_demos_state(demo: Demo) -> None:
    demo.write_files()
    shown = subprocess.run(
        ["sh", "-c", f". {demo.directory}/activate; echo $UNDERCLOUD_STATE_DIR $OS_CLIENT_CONFIG_FILE $PATH"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert shown[:2] == [str(demo.state), str(demo.clouds_file)]
    assert demo.clouds_file == demo.home / CLOUDS_FILE, "where the deployment writes it"
    assert shown[2].startswith(f"{demo.binaries}:")
    subprocess.run(["sh", "-n", str(demo.directory / "deploy")], check=True)
    assert os.access(demo.directory / "deploy", os.X_OK)


def test_how_to_go_on_is_said_after_a_failure(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(type(demo), "stages", lambda _demo: [exits("nodes", 0), exits("deploy", 1)])
    monkeypatch.setattr(readiness, "problems", lambda *_, **__: [])
    assert cli.deploy(demo, [], begun=0) == 1
    said = capfd.readouterr().out
    assert "run `make demo` again" in said
    assert "token issue" not in said


def test_only_root_makes_nodes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main([]) == 1
    assert "root" in capsys.readouterr().out
