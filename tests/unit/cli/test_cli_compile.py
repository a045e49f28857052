"""plan compile, on the templates that come with undercloud, through the real shell and the real compiler."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli import metadata
from tests.unit.cli.conftest import Openstack, Outcome

NODES = """\
- name: Standalone
  count: 1
  defaults: {managed: false}
  instances:
    - hostname: all-in-one
      managed: false
      networks: [{network: ctlplane, fixed_ip: 192.0.2.11}]
"""
SITE = """\
parameter_defaults:
  ControlFixedIPs: [{ip_address: 192.0.2.5}]
  ControlPlaneSubnetCidr: 24
"""


@pytest.fixture
def plan(tmp_path: Path, openstack: Openstack) -> list[str]:
    """The options of a cloud of one node, and an output directory ``out`` that is not there yet."""
    (tmp_path / "nodes.yaml").write_text(NODES)
    (tmp_path / "site.yaml").write_text(SITE)
    roles = str(tmp_path / "roles.yaml")
    assert openstack("overcloud", "roles", "generate", "-o", roles, "Standalone").status == 0
    words = f"-r {roles} -n /dev/null -b {tmp_path}/nodes.yaml -e {tmp_path}/site.yaml"
    return ["--templates", *words.split(), "--output-dir", str(tmp_path / "out")]


@pytest.fixture
def compile_plan(openstack: Openstack, plan: list[str]) -> Compile:
    return Compile(openstack, plan)


class Compile:
    def __init__(self, openstack: Openstack, plan: list[str]) -> None:
        self._openstack, self.plan = openstack, plan

    def __call__(self, *more: str) -> Outcome:
        return self._openstack("overcloud", "plan", "compile", *self.plan, *more)


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_written(compile_plan: Compile, tmp_path: Path) -> None:
    done = compile_plan()
    out = tmp_path / "out"
    assert (done.status, done.err) == (0, "")
    assert (
        f"overcloud: 1 node, {len(list((out / 'config-download').rglob('*.*'))) - 1} files in {out}"
        in done.out
    )
    assert {path.name for path in out.iterdir()} == {
        "config-download",
        "desired_state.json",
        "export.json",
        "facts.json",
        "snapshot.json",
        "plan.json",
        "rendered",
        "stack.json",
        "state.json",
    }
    assert json.loads((out / "stack.json").read_text())["outputs"]["RoleDataContract"] == "native/1"
    assert list(json.loads((out / "desired_state.json").read_text())["hosts"]) == ["all-in-one"]
    assert (out / "rendered" / "overcloud.yaml").read_text().startswith("heat_template_version")
    assert json.loads((out / "config-download" / "secrets.json").read_text())


def test_nobody_else_can_read_it(compile_plan: Compile, tmp_path: Path) -> None:
    compile_plan()
    for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        program = path.name == "ansible-playbook-command.sh"
        assert mode == (0o700 if path.is_dir() or program else 0o600), path


def test_again_gives_the_same_bytes(compile_plan: Compile, tmp_path: Path) -> None:
    compile_plan()
    first = tree(tmp_path / "out")
    compile_plan()
    assert tree(tmp_path / "out") == first


def test_another_directory_with_the_same_state_gives_the_same(compile_plan: Compile, tmp_path: Path) -> None:
    state = str(tmp_path / "kept.json")
    compile_plan("--state", state)
    compile_plan("--state", state, "--output-dir", str(tmp_path / "other"))
    assert tree(tmp_path / "other") == tree(tmp_path / "out")
    assert "state.json" not in tree(tmp_path / "out")
    assert stat.S_IMODE(Path(state).stat().st_mode) == 0o600


def test_no_secret_is_shown(compile_plan: Compile, tmp_path: Path) -> None:
    done = compile_plan("-f", "json")
    passwords = json.loads((tmp_path / "out" / "state.json").read_text())["passwords"]
    words = [word for word in passwords.values() if isinstance(word, str)]
    assert len(words) > 3
    assert not [word for word in words if word in done.out + done.err]


def test_the_result_as_json(compile_plan: Compile, tmp_path: Path) -> None:
    told = json.loads(compile_plan("-f", "json").out)
    assert told["hosts"] == {"all-in-one": "192.0.2.11"}
    assert told["output_dir"] == str(tmp_path / "out")
    assert told["findings"] == []


def test_errors_are_a_report_and_nothing_is_written(compile_plan: Compile, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("parameter_defaults:\n  KeystoneWorkers: [\n")
    done = compile_plan("-e", str(bad), "-f", "json")
    assert done.status == 1
    (finding, *_) = json.loads(done.out)["findings"]
    assert finding["locations"][0]["file"] == str(bad)
    assert finding["locations"][0]["line"] > 1
    assert not (tmp_path / "out").exists()


def test_errors_leave_an_earlier_output_alone(compile_plan: Compile, tmp_path: Path) -> None:
    compile_plan()
    before = tree(tmp_path / "out")
    (tmp_path / "nodes.yaml").write_text(NODES.replace("network: ctlplane", "network: nowhere"))
    done = compile_plan()
    assert done.status == 1
    assert "nodes.yaml:5:" in done.out
    assert tree(tmp_path / "out") == before


def test_a_directory_of_somebody_else(compile_plan: Compile, tmp_path: Path) -> None:
    done = compile_plan("--output-dir", str(tmp_path))
    assert done.status == 2
    assert "CLI-030" in done.err


def test_a_broken_state_is_not_overwritten(compile_plan: Compile, tmp_path: Path) -> None:
    state = tmp_path / "kept.json"
    state.write_text("{")
    done = compile_plan("--state", str(state))
    assert done.status == 1
    assert f"{state}:1:2" in done.out
    assert state.read_text() == "{"


def test_a_missing_file_is_named(compile_plan: Compile, tmp_path: Path) -> None:
    done = compile_plan("-e", str(tmp_path / "nowhere.yaml"), "--vip-file", str(tmp_path / "neither.yaml"))
    assert done.status == 1
    assert "nowhere.yaml" in done.out
    assert "neither.yaml" in done.out


def test_the_output_directory_must_be_named(openstack: Openstack) -> None:
    assert openstack("overcloud", "plan", "compile", "--templates").status == 2


def test_as_a_process_whatever_the_operators_clouds_say(
    installed: Path, plan: list[str], tmp_path: Path
) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: [\n")
    done = subprocess.run(
        [sys.executable, "-m", "openstackclient.shell", "overcloud", "plan", "compile", *plan, "-f", "json"],
        cwd=tmp_path,
        env={**os.environ, "OS_CLOUD": "of-nobody", "PYTHONPATH": f"{installed}:{metadata.ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["findings"] == []
