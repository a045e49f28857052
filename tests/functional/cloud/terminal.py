"""An operator's terminal: a home, the undercloud's state, and `openstack` in it."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest
import yaml

from tests.functional.tool import CHECKOUT

OPENSTACK = str(Path(sys.executable).with_name("openstack"))
# Seconds that no single command may take on two busy cores; a machine that does much else may be given more.
LIMIT = float(os.environ.get("UNDERCLOUD_TEST_LIMIT", "300"))


@dataclass(frozen=True)
class Said:
    """What a command said, its exit status, the seconds it took and the CPU seconds, its children's too."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float
    cpu: float = 0.0

    @property
    def text(self) -> str:
        """All that an operator saw."""
        return self.stdout + self.stderr

    @property
    def document(self) -> dict[str, Any]:
        """stdout of a command with `-f json`."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document


class Command:
    """A command that runs while the test does other things."""

    def __init__(self, process: "subprocess.Popen[str]", words: tuple[str, ...], begun: float) -> None:
        self.process = process
        self.words = words
        self._begun = begun
        self._used = _used_by_children()
        self._stdout: list[str] = []
        self._stderr: list[str] = []
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self._stdout), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, self._stderr), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def text(self) -> str:
        """What it said until now."""
        return "".join([*self._stdout, *self._stderr])

    def wait_for(self, text: str, timeout: float = LIMIT) -> None:
        """Wait until a line of stdout holds a text; fail the test if it ends or `timeout` passes before."""
        deadline = time.monotonic() + timeout
        with self._news:
            while not any(text in line for line in self._stdout):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{text!r} was not said:\n{self.text}")
                self._news.wait(0.2)

    def end(self, timeout: float = LIMIT) -> Said:
        """Wait until it ends by itself; the test fails if it does not."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {timeout:.0f} s: {' '.join(self.words)}\n{self.text}")
        for reader in self._readers:
            reader.join(10)
        seconds = time.monotonic() - self._begun
        cpu = _used_by_children() - self._used
        return Said(self.words, status, "".join(self._stdout), "".join(self._stderr), seconds, cpu)

    def _read(self, stream: TextIO, lines: list[str]) -> None:
        for line in stream:
            with self._news:
                lines.append(line)
                self._news.notify_all()


def _used_by_children() -> float:
    """CPU seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Terminal:
    """An operator whose home and undercloud lie below `directory`."""

    directory: Path

    @property
    def home(self) -> Path:
        """The operator's home, where commands run: clouds.yaml and overcloudrc are written there."""
        return self.directory / "home"

    @property
    def state(self) -> Path:
        """The undercloud's state directory."""
        return self.directory / "state"

    @property
    def log(self) -> Path:
        """All commands and what they said: what a terminal has shown."""
        return self.directory / "terminal.log"

    @property
    def environment(self) -> dict[str, str]:
        """The operator's environment."""
        return {
            "PATH": f"{Path(OPENSTACK).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "UNDERCLOUD_STATE_DIR": str(self.state),
        }

    def write(self, name: str, content: Any) -> Path:
        """Write one of the operator's files: text as it is, anything else as YAML."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def parameters(self, name: str, **values: Any) -> tuple[str, str]:
        """Write an environment file that sets parameters; the option that names it."""
        return "-e", str(self.write(f"{name}.yaml", {"parameter_defaults": values}))

    def stock(self, name: str) -> tuple[str, str]:
        """The option that names one of the environments that come with undercloud."""
        return "-e", str(CHECKOUT / "environments" / f"{name}.yaml")

    def openstack(self, *words: str, check: bool = True, timeout: float = LIMIT) -> Said:
        """Run `openstack` to its end; unless `check` is off, another status than 0 fails the test."""
        with self.running(OPENSTACK, *words) as command:
            said = command.end(timeout)
        if check and said.status != 0:
            pytest.fail(f"openstack {' '.join(words)}: exit status {said.status}\n{said.text}")
        return said

    def shell(self, script: str, timeout: float = LIMIT, *, check: bool = True) -> Said:
        """Run a shell script to its end; another status than 0 fails the test, unless `check` is off."""
        with self.running("sh", "-ec", script) as command:
            said = command.end(timeout)
        if check and said.status != 0:
            pytest.fail(f"{script}: exit status {said.status}\n{said.text}")
        return said

    @contextmanager
    def running(self, *words: str) -> Iterator[Command]:
        """Run a command while the test does other things; what still runs at the end is killed."""
        begun = time.monotonic()
        with subprocess.Popen(
            words,
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            command = Command(process, words, begun)
            try:
                yield command
            finally:
                process.kill()
                said = command.end()
                with self.log.open("a") as log:
                    shown = f"$ {' '.join(words)}\n{said.text}"
                    log.write(f"{shown}[{said.status}, {said.seconds:.1f} s]\n\n")
