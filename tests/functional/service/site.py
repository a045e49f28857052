"""A site of the service's real programs: started, asked over HTTPS, killed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

from undercloud.api import users
from undercloud.conf import load
from undercloud.db import plans, schema
from undercloud.db.database import make_engine, open_database

_ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "nobody shall read this"
_PATIENCE = 120  # seconds; the machine may be busy


@dataclasses.dataclass
class Program:
    """A running program; ``said`` has the lines that it printed."""

    process: subprocess.Popen[str]
    said: queue.Queue[str]

    def line(self, text: str) -> str:
        """Wait for a line with that text."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            assert time.monotonic() < deadline
            with contextlib.suppress(queue.Empty):
                line = self.said.get(timeout=0.2)
                if text in line:
                    return line

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(how)
        return self.process.wait(_PATIENCE)


class Site:
    """The programs over one directory; the playbook waits in a step while the file ``wait.STEP`` is there."""

    def __init__(
        self, directory: Path, state: Path, database: str = "", transport: str = "", more: str = ""
    ) -> None:
        """``more`` are lines for the end of the configuration."""
        self.directory = directory
        self.state = state
        self.programs: list[Program] = []
        self.url = ""
        memory = directory / "memory"
        memory.mkdir()
        file = directory / "service.conf"
        file.write_text(
            f"[paths]\nstate_dir = {state}\nsecure_tmp = {memory}\n[api]\nport = 0\n"
            f"[deployment]\nheartbeat = 0.5\nlease = 8\n"
            f"[database]\nconnection = {database}\nbusy_timeout = 20\n"
            f"[messaging]\ntransport_url = {transport}\ntimeout = 60\n{more}"
        )
        self.settings = load(config_file=str(file), environment={})
        users.put_user(self.settings.api.users(state), "anna", PASSWORD, "admin")
        if database:
            engine = make_engine(database)
            schema.upgrade(engine)
            engine.dispose()
        self.keep_plan()

    def keep_plan(self, stack: str = "overcloud") -> None:
        """A version of a plan that the simulated compiler takes."""
        paths, options = self.settings.paths, self.settings.database
        opened = open_database(options.connection, paths.database, paths.key_file)
        with opened.write() as session:
            plan = plans.ensure(session, stack)
            plans.add_version(session, opened.vault, plan, {"site.yaml": b"kept"}, {"stack": stack})
        opened.close()

    def start(self, program: str, *words: str, within: Sequence[str] = ()) -> Program:
        """Start `undercloud-api` (and learn its URL) or `undercloud-engine`, ``within`` another command."""
        with (self.directory / f"{program}.log").open("a") as log:
            process = subprocess.Popen(
                [
                    *within,
                    sys.executable,
                    "-m",
                    "tests.functional.service.simulated",
                    str(self.directory),
                    program,
                    *words,
                ],
                env={"PATH": os.environ["PATH"], "HOME": str(self.directory), "PYTHONPATH": str(_ROOT)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_ROOT,
            )
        said: queue.Queue[str] = queue.Queue()
        started = Program(process, said)
        self.programs.append(started)
        threading.Thread(target=_listen, args=(process, said), daemon=True).start()
        if program == "api":
            self.url = started.line("listens on").split()[-1]
        return started

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request."""
        authority = str(self.state / "api" / "tls" / "ca.crt")
        return requests.request(
            method, self.url + path, auth=("anna", PASSWORD), verify=authority, timeout=90, **options
        )

    def get(self, path: str) -> Any:
        """The answer to a GET that has to go well."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deploy(self, verbosity: int = 0, stack: str = "overcloud") -> str:
        """Begin a deployment; its id."""
        body = {"stack": stack, "version": 1, "verbosity": verbosity}
        answer = self.ask("POST", "/v1/deployments", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def deploy_to_step_2(self) -> str:
        """Begin a deployment that waits in step 2; its id."""
        self.hold(2)
        deployment = self.deploy()
        until(lambda: len(self.done()) == 3)
        return deployment

    def hold(self, step: int) -> None:
        """Let a step wait once it has done its work."""
        (self.directory / f"wait.{step}").touch()

    def go_on(self, step: int = 2) -> None:
        """Let it end."""
        (self.directory / f"wait.{step}").unlink()

    def done(self) -> list[str]:
        """What the playbook did: a line a step, with the fencing number that it had."""
        file = self.directory / "done"
        return file.read_text().splitlines() if file.exists() else []

    def ended(self, deployment: str) -> Any:
        """The deployment when its status is final."""
        found: dict[str, Any] = {}

        def look() -> bool:
            answer = self.ask("GET", f"/v1/deployments/{deployment}")
            if answer.status_code == 503:
                return False
            found.update(answer.json())
            return found["status"] not in {"pending", "running"}

        until(look)
        return found

    def events(self, deployment: str) -> list[dict[str, Any]]:
        """All events, which have to be numbered without gaps."""
        found: list[dict[str, Any]] = self.get(f"/v1/deployments/{deployment}/events?limit=1000")["events"]
        assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
        return found

    def changed(self, deployment: str) -> dict[str, int]:
        """How many tasks changed something on each host."""
        hosts = self.get(f"/v1/deployments/{deployment}/hosts")["hosts"]
        return {host["name"]: host["counts"]["changed"] for host in hosts}

    def close(self) -> None:
        """End all that still runs."""
        for program in self.programs:
            if program.process.poll() is None:
                program.end()
            if program.process.stdout is not None:
                program.process.stdout.close()


def until(good: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _PATIENCE
    while not good():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _listen(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.put(line)
