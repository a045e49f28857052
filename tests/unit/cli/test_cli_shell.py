"""The shell around our commands: no cloud needed, help with examples, nothing slow or loud at the start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli import metadata
from tests.unit.cli.conftest import Openstack
from tests.unit.cli.test_cli_commands import commands


def test_every_command_has_help_with_examples(openstack: Openstack) -> None:
    for command in commands():
        shown = openstack(*command.split(), "--help")
        assert shown.status == 0, command
        assert "Examples:\n  # " in shown.out, command
        assert f"openstack {command}" in shown.out.split("Examples:")[1], command


@pytest.mark.parametrize(
    ("clouds", "environment"),
    [
        ("", {"OS_CLOUD": "of-nobody"}),
        ("clouds: [\n", {"OS_CLOUD": "of-nobody"}),
        ("- not\n- a map\n", {}),
        ("clouds: {one: {regions: [{nonsense: 1}]}}\n", {"OS_CLOUD": "one"}),
        ("", {"OS_AUTH_TYPE": "nonsense", "OS_COMPUTE_API_VERSION": "x.y", "OS_VOLUME_API_VERSION": "9"}),
        ("", {"OS_UNDERCLOUD_API_VERSION": "7", "OS_IDENTITY_API_VERSION": "1"}),
        ("clouds: {envvars: {}}", {"OS_CLOUD_NAME": "envvars", "OS_USERNAME": "me"}),
    ],
)
def test_the_operators_clouds_are_left_alone(
    installed: Path, tmp_path: Path, clouds: str, environment: dict[str, str]
) -> None:
    (tmp_path / "clouds.yaml").write_text(clouds)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "openstackclient.shell",
            "overcloud",
            "role",
            "list",
            "-f",
            "value",
            "-c",
            "Role",
        ],
        cwd=tmp_path,
        env={**os.environ, **environment, "PYTHONPATH": f"{installed}:{metadata.ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Controller" in done.stdout.splitlines()


def test_other_commands_still_see_the_operators_cloud(
    openstack: Openstack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLOUD", "of-nobody")
    refused = openstack("token", "issue")
    assert refused.status == 1
    assert "of-nobody" in refused.err


def test_an_explicit_cloud_is_not_looked_for_either(openstack: Openstack) -> None:
    assert openstack("--os-cloud", "of-nobody", "overcloud", "role", "list").status == 0


def test_a_wrong_option_is_a_usage_error(openstack: Openstack) -> None:
    assert openstack("overcloud", "role", "list", "--colour").status == 2


def test_starting_the_shell_loads_nothing_heavy(installed: Path) -> None:
    heavy = (
        "yaql",
        "sqlalchemy",
        "ansible",
        "jinja2",
        "undercloud.plan",
        "undercloud.hot",
        "undercloud.deploy",
    )
    program = "import sys, openstackclient.shell, undercloud.cli.plugin; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{installed}:{metadata.ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(heavy) & set(done.stdout.split())


def test_a_fault_of_ours_is_told_without_a_traceback(
    openstack: Openstack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(instance: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("undercloud.cli.plugin.make_client", broken)
    told = openstack("overcloud", "status")
    assert told.status == 2
    assert "INT-001" in told.err
    assert "ZeroDivisionError: by nothing" in told.err
    assert "Traceback" not in told.err
    assert "Traceback" in openstack("--debug", "overcloud", "status").err


def test_other_plugins_are_back_for_another_command_in_the_same_process(openstack: Openstack) -> None:
    assert openstack("overcloud", "role", "list").status == 0
    for command in (("server", "list"), ("user", "list"), ("overcloud", "role", "list")):
        shown = openstack("help", *command)
        assert (shown.status, f"{' '.join(command)} [-h]" in shown.out) == (0, True)
