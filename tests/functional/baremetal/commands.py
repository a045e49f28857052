"""`openstack` as a process, beside an undercloud that uses a real Ironic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.functional.baremetal.real_ironic import PASSWORD, USER
from tests.unit.cli.metadata import install

_ROOT = Path(__file__).resolve().parents[3]


class Commands:
    """An operator's directory with the configuration of an undercloud."""

    def __init__(self, directory: Path, endpoint: str, more: str = "") -> None:
        self.directory = directory
        for name in ("home", "memory"):
            (directory / name).mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory / "home"),
            "PYTHONPATH": f"{install(directory / 'installed')}:{_ROOT}",
            "PYTHONWARNINGS": "ignore",
            "UNDERCLOUD_CONFIG_FILE": str(directory / "undercloud.conf"),
            "COLUMNS": "200",
        }
        (directory / "undercloud.conf").write_text(
            f"[paths]\nstate_dir = {directory}/state\nsecure_tmp = {directory}/memory\n"
            f"[baremetal]\nendpoint = {endpoint}\nusername = {USER}\npassword = {PASSWORD}\n{more}"
        )

    def write(self, name: str, value: Any) -> str:
        """A JSON file of the operator's; its path."""
        path = self.directory / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "openstackclient.shell", *words]
        return subprocess.Popen(
            command, env=self.environment, cwd=self.directory, stdout=pipe, stderr=pipe, text=True
        )

    def __call__(self, *words: str, status: int = 0) -> str:
        """Carry a command out; what it printed."""
        process = self.start(*words)
        output, error = process.communicate(timeout=300)
        assert process.returncode == status, f"{words}: {process.returncode}\n{output}\n{error}"
        assert PASSWORD not in output + error
        return output or error

    def json(self, *words: str, status: int = 0) -> Any:
        """Carry a command out that prints JSON."""
        return json.loads(self(*words, "-f", "json", status=status))
