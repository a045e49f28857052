"""The real thing: `undercloud-api` as a process with TLS and users, `openstack` as processes that use it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.unit.cli.metadata import install
from undercloud.conf import installed

pytestmark = pytest.mark.functional
_ROOT = Path(__file__).resolve().parents[3]
_PASSWORD = "not to be seen anywhere"
_SITE = """\
parameter_defaults:
  ControlPlaneSubnetCidr: 192.0.2.0/24
  ControlFixedIPs: [{ip_address: 192.0.2.100}]
"""
# TEST-NET-1: nobody answers there, so that the deployment ends in its preflight.
_NODES = """\
- name: Controller
  count: 1
  instances:
    - hostname: controller-0
      managed: false
      networks: [{network: ctlplane, fixed_ip: 192.0.2.11}]
"""


@dataclass
class Undercloud:
    """The service's process and the operator's directory."""

    directory: Path
    environment: dict[str, str]
    process: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self) -> None:
        code = "import sys; from undercloud.api.main import api; sys.exit(api())"
        with (self.directory / "service.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, "--config-file", str(self.directory / "undercloud.conf")],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.directory,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "listens on https://" in line, (self.directory / "service.log").read_text()
        self.url = line.split()[-1]
        text = f"underclouds:\n  prod: {{url: '{self.url}', username: anna, cacert: state/api/tls/ca.crt}}\n"
        (self.directory / "underclouds.yaml").write_text(text)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def openstack(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "openstackclient.shell", "--undercloud", "prod", *words],
            env={**self.environment, "UNDERCLOUD_PASSWORD": _PASSWORD},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            timeout=240,
        )


@pytest.fixture
def undercloud(tmp_path: Path) -> Iterator[Undercloud]:
    modules = install(tmp_path / "installed")
    (tmp_path / "home").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": f"{_ROOT}:{modules}",
        "PYTHONWARNINGS": "ignore",
        "UNDERCLOUD_DATA_DIR": str(installed.data_directory()),
    }
    (tmp_path / "memory").mkdir()
    (tmp_path / "undercloud.conf").write_text(
        f"[paths]\nstate_dir = {tmp_path}/state\nsecure_tmp = {tmp_path}/memory\n[api]\nport = 0\n"
    )
    (tmp_path / "site.yaml").write_text(_SITE)
    (tmp_path / "nodes.yaml").write_text(_NODES)
    made = Undercloud(tmp_path, environment)
    code = "import sys; from undercloud.api.main import api; sys.exit(api())"
    words = ["--config-file", str(tmp_path / "undercloud.conf"), "--add-user", "anna", "--role", "admin"]
    subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment,
        input=_PASSWORD + "\n",
        text=True,
        check=True,
        capture_output=True,
    )
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


def test_a_plan_goes_through_the_api_to_the_nodes_and_back(undercloud: Undercloud) -> None:
    files = ["-b", "nodes.yaml", "-e", "site.yaml"]
    done = undercloud.openstack("overcloud", "deploy", *files, "--timeout", "5", "-f", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    (failure,) = told["failures"]
    assert (failure["stage"], failure["host"]) == ("preflight", "controller-0"), told
    assert failure["finding"]["code"] == "DEP-010"
    assert told["deployment"]["version"] == 1
    status = undercloud.openstack("overcloud", "status", "-f", "json")
    shown = json.loads(status.stdout)
    assert (shown["status"], shown["hosts"]) == ("failed", {"controller-0": "192.0.2.11"})
    failures = undercloud.openstack("overcloud", "failures")
    assert "DEP-010" in failures.stdout
    plans = json.loads(undercloud.openstack("overcloud", "plan", "list", "-f", "json").stdout)
    assert [plan["Plan"] for plan in plans] == ["overcloud"]

    # What was there before a kill -9 is there after it.
    undercloud.stop(signal.SIGKILL)
    refused = undercloud.openstack("overcloud", "plan", "list")
    assert (refused.returncode, "CLI-043" in refused.stderr) == (2, True)
    undercloud.start()
    again = json.loads(undercloud.openstack("overcloud", "status", "-f", "json").stdout)
    assert again == shown
    deleted = undercloud.openstack("overcloud", "delete", "overcloud", "--yes", "--abandon")
    assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    assert undercloud.openstack("overcloud", "plan", "delete", "overcloud", "--yes").returncode == 0

    # The password and the generated secrets are in no log, and the audit log says who did what.
    assert undercloud.stop() == 0
    audit = [
        json.loads(line) for line in (undercloud.directory / "state/log/audit.log").read_text().splitlines()
    ]
    assert {entry["who"] for entry in audit} == {"anna"}
    operations = [entry["operation"] for entry in audit]
    # Who takes a cloud away looks first which entry of clouds.yaml was its own.
    assert operations == [
        "uploadVersion",
        "createDeployment",
        "getCredentials",
        "deleteStack",
        "deletePlan",
    ]
    for file in undercloud.directory.rglob("*.log"):
        assert _PASSWORD not in file.read_text()


def test_nobody_gets_in_without_a_password_or_without_tls(undercloud: Undercloud) -> None:
    authority = str(undercloud.directory / "state/api/tls/ca.crt")
    assert requests.get(f"{undercloud.url}/v1/plans", verify=authority, timeout=30).status_code == 401
    assert requests.get(f"{undercloud.url}/v1/health", verify=authority, timeout=30).status_code == 200
    plain = undercloud.url.replace("https:", "http:")
    with contextlib.suppress(requests.exceptions.ConnectionError):  # cut off, which is as good
        assert requests.get(f"{plain}/v1/health", timeout=30).status_code == 400
