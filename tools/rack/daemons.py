"""Programs of the rack that go on when the command that started them has ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.lab.errors import LabError

TAIL_LINES = 12
ENDINGS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
"""How a program is ended: signals, and how many seconds each has to work."""


@dataclass(frozen=True)
class Daemon:
    """One program; `directory` holds its log and the file that says which process it is."""

    name: str
    directory: Path
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What it writes."""
        return self.directory / f"{self.name}.log"

    @property
    def _file(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def pid(self) -> int | None:
        """Its process, None if it does not run."""
        try:
            number, begun = self._file.read_text().split()
            pid = int(number)
        except (OSError, ValueError):
            return None
        return pid if _begun(pid) == begun else None

    def start(self, answers: Callable[[], bool], seconds: float = 60.0) -> None:
        """Start it, unless it runs, and wait until it answers. Raises LabError with its last words."""
        if self.pid() is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            with self.log.open("w") as log:
                process = _spawn(self.command, self.environment, log.fileno())
            self._file.write_text(f"{process.pid} {_begun(process.pid)}\n")
        until = time.monotonic() + seconds
        while not answers():
            if self.pid() is None or time.monotonic() > until:
                said = self.log.read_text(errors="replace").strip().splitlines()[-TAIL_LINES:]
                raise LabError(
                    "\n    ".join([f"{self.name} does not answer; its last words:", *said]), f"see {self.log}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, kindly first."""
        for kind, seconds in ENDINGS:
            pid = self.pid()
            if pid is None:
                break
            os.kill(pid, kind)
            until = time.monotonic() + seconds
            while self.pid() is not None and time.monotonic() < until:
                time.sleep(0.05)
        self._file.unlink(missing_ok=True)


def _begun(pid: int) -> str:
    """When a process began (ticks since boot), to know its number given again; empty if it ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _spawn(command: Sequence[str], environment: Mapping[str, str], log: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed", "run tools/bootstrap.sh --rack") from error
