"""`openstack` and plain requests against an `undercloud-api` of its own process, which uses a real Ironic."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from tests.functional.baremetal.commands import Commands

_USER, _PASSWORD = "anna", "correct horse battery"
_API = "import sys; from undercloud.api.main import api; sys.exit(api())"


class RemoteCommands(Commands):
    """The operator's commands know nothing of the undercloud but its URL."""

    def __init__(self, directory: Path, endpoint: str, more: str = "") -> None:
        super().__init__(directory, endpoint, more)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command; the service before the first one."""
        self.serve()
        return super().start("--undercloud", "prod", *words)

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """One request; the JSON of its answer, None where it has none."""
        self.serve()
        answer = requests.request(
            method, self.url + path, auth=(_USER, _PASSWORD), verify=self._authority, timeout=120, **options
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def done(self, path: str, body: Any) -> Any:
        """Begin long work and wait for its end."""
        found = self.ask("POST", path, 202, json=body)
        while found["status"] in {"pending", "running"}:
            time.sleep(0.5)
            found = self.ask("GET", f"/v1/deployments/{found['id']}")
        return found

    def serve(self) -> None:
        """Start the service, unless it runs."""
        if self._process is not None:
            return
        conf = self.directory / "undercloud.conf"
        conf.write_text(conf.read_text() + "[api]\nport = 0\n")
        service = dict(self.environment)
        del self.environment["UNDERCLOUD_CONFIG_FILE"]
        self.environment["UNDERCLOUD_PASSWORD"] = _PASSWORD
        command = [sys.executable, "-c", _API, "--config-file", str(conf)]
        subprocess.run(
            [*command, "--add-user", _USER, "--role", "admin"],
            env=service,
            input=_PASSWORD + "\n",
            text=True,
            check=True,
            capture_output=True,
        )
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, env=service, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.directory
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "listens on https://" in line, self._log.read_text()
        self.url = line.split()[-1]
        text = f"underclouds:\n  prod: {{url: '{self.url}', username: {_USER}, cacert: {self._authority}}}\n"
        (self.directory / "underclouds.yaml").write_text(text)

    def close(self) -> str:
        """End the service; what it logged."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(60) == 0
            assert self._process.stdout is not None
            self._process.stdout.close()
        return self._log.read_text() if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.directory / "service.log"

    @property
    def _authority(self) -> str:
        return str(self.directory / "state" / "api" / "tls" / "ca.crt")
