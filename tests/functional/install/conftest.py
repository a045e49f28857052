"""An undercloud that is installed for real: in a temporary directory, on a loopback address."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.metadata import install
from undercloud.conf import installed

_ROOT = Path(__file__).resolve().parents[3]
CONF = """\
[DEFAULT]
local_ip = 127.66.0.1/24
undercloud_public_host = 127.66.0.2
undercloud_admin_host = 127.66.0.3
undercloud_hostname = undercloud.example.com
enable_ironic = false

[ctlplane-subnet]
cidr = 127.66.0.0/24
dhcp_start = 127.66.0.5
dhcp_end = 127.66.0.24
inspection_iprange = 127.66.0.100,127.66.0.120
gateway = 127.66.0.1
"""


INSTALL = ("undercloud", "install", "--config-dir", "{etc}", "--processes", "supervisor", "-f", "json")


@dataclass
class Machine:
    """A directory that stands for the machine: its home, where state and configuration go."""

    directory: Path
    environment: dict[str, str]
    within: tuple[str, ...] = ()
    """Words before each command, as to run it in a network namespace."""

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def etc(self) -> Path:
        return self.directory / "etc"

    def _command(self, words: tuple[str, ...]) -> list[str]:
        place = ("--undercloud-state-dir", str(self.state))
        filled = (word.format(etc=self.etc) for word in words)
        return [*self.within, sys.executable, "-m", "openstackclient.shell", *place, *filled]

    def killed_at(self, line: str, *words: str) -> None:
        """Run a command and kill it when it says a line."""
        with subprocess.Popen(
            self._command(words), env=self.environment, stderr=subprocess.PIPE, text=True, cwd=self.directory
        ) as process:
            assert process.stderr is not None
            said = next((text for text in process.stderr if line in text), None)
            process.kill()
        assert said, f"it never says {line}"

    def openstack(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(words),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            timeout=900,
            stdin=subprocess.DEVNULL,
        )

    def done(self, *words: str, status: int = 0) -> str:
        """What a command prints that is to end with ``status``."""
        ended = self.openstack(*words)
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout

    def install(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.done(*INSTALL))
        return told

    def status(self, status: int = 0) -> dict[str, dict[str, Any]]:
        rows = json.loads(self.done("undercloud", "status", "-f", "json", status=status))
        return {row["Process"]: row for row in rows}

    def plans(self) -> list[str]:
        words = ("--undercloud", "undercloud", "overcloud", "plan", "list", "-f", "value", "-c", "Plan")
        return self.done(*words).split()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "home").mkdir()
    modules = install(tmp_path / "installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": f"{modules}:{_ROOT}",
        "PYTHONWARNINGS": "ignore",
        "UNDERCLOUD_DATA_DIR": str(installed.data_directory()),
    }
    (tmp_path / "undercloud.conf").write_text(CONF)
    made = Machine(tmp_path, environment)
    yield made
    with contextlib.suppress(FileNotFoundError):
        made.openstack("undercloud", "uninstall", "--yes", "--no-backup")
