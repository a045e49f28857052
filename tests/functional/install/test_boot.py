"""The init script with a real undercloud: stopped, started as a boot would, asked how it is."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.functional.install.conftest import Machine
from undercloud.install.processes.boot import Boot, Way

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed"),
]


def test_the_init_script_stops_and_starts_an_undercloud(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = machine.install()
    boot = Boot(machine.state, "supervisor")
    assert told["boot"] == boot.told
    assert {row["Boot"] for row in machine.status().values()} == {str(boot.taken)}
    monkeypatch.setenv("PYTHONPATH", machine.environment["PYTHONPATH"])
    script = machine.directory / "init"
    script.write_text(boot.text(Way.SYSVINIT))

    def run(verb: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            ["sh", script, verb], env={"PATH": os.defpath}, capture_output=True, text=True, check=False
        )
        assert not done.stderr
        return done.returncode, done.stdout.splitlines()

    assert run("status") == (0, ["registry: running", "api: running"])
    assert run("start") == (0, [])
    before = machine.status()
    assert run("stop") == (0, [])
    assert run("status") == (3, ["registry: stopped", "api: stopped"])
    assert run("stop") == (0, [])

    assert run("start") == (0, [])
    assert run("status")[0] == 0
    assert machine.install()["started"] == "nothing differed"
    after = machine.status()
    assert all(row["Healthy"] for row in after.values())
    assert not {row["PID"] for row in before.values()} & {row["PID"] for row in after.values()}
    assert machine.plans() == []
