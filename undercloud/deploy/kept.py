"""The engine's side of a run that a process of its own keeps: begun or found again, followed, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from undercloud import durable
from undercloud.deploy import keeper, processes
from undercloud.deploy.holder import Process

_TICK = 0.05  # seconds between two looks for events
_PATIENCE = 20.0  # seconds that a keeper has to end when it was asked to


class KeptRun:
    """A run in ``directory``; ``mark`` tells its processes from all others on the machine."""

    def __init__(self, directory: Path, mark: str) -> None:
        self._directory = directory
        self._mark = mark
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def there(self) -> bool:
        """Whether it was begun, by this engine or an earlier one."""
        return (self._directory / keeper.RUN).exists()

    @property
    def alive(self) -> bool:
        """Whether its process runs, as ``ansible-runner is-alive`` would say."""
        if self._child is not None:
            return self._child.poll() is None
        process = self._process()
        return process is not None and process.visible and not process.dead

    @property
    def result(self) -> Mapping[str, Any] | None:
        """How it ended, None before it has."""
        try:
            found: Mapping[str, Any] = json.loads((self._directory / keeper.RESULT).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return found

    def start(self, wanted: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Begin what ``wanted`` says (see the keeper), in a session of its own; raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(self._directory / keeper.RUN, json.dumps({**wanted, "mark": self._mark}))
        paths = os.pathsep.join(path for path in sys.path if path)
        with (self._directory / "output").open("wb") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", keeper.__name__, str(self._directory)],
                env={**environment, "PYTHONPATH": paths, processes.MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def follow(self, cancelled: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
        """Yield its events from the first one on, until it has ended.

        ``cancelled`` is asked often; when it says so the run is asked to end.
        """
        asked, last = False, 0.0
        with (self._directory / keeper.EVENTS).open("ab+") as stream:
            stream.seek(0)
            rest = b""
            while True:
                over = self.result is not None or not self.alive  # before the last look for events
                while chunk := stream.read(1 << 20):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from map(json.loads, lines)
                if over:
                    self._reap()
                    return
                if time.monotonic() - last > keeper.POLL:
                    last = time.monotonic()
                    if cancelled() and not asked:
                        asked = True
                        self._signal(signal.SIGTERM)
                time.sleep(_TICK)

    def end(self) -> None:
        """End it, whatever it does, with everything that it started."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while self.alive and time.monotonic() < deadline:
            time.sleep(_TICK)
        self._signal(signal.SIGKILL)
        processes.end_all(self._mark)

    def output(self) -> str:
        """What its process itself had to say, which is nothing unless it broke."""
        try:
            return (self._directory / "output").read_text("utf-8", errors="replace")[-4000:]
        except FileNotFoundError:
            return ""

    def _signal(self, number: signal.Signals) -> None:
        """To its process, as long as it is that one."""
        if self._child is not None:
            self._child.send_signal(number)
        elif self.alive and (process := self._process()):
            os.kill(process.pid, number)

    def _reap(self) -> None:
        """Let the end of a child be known; one that said its result has nothing more to do."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_PATIENCE)

    def _process(self) -> Process | None:
        try:
            return Process.from_plain(json.loads((self._directory / keeper.PROCESS).read_text("utf-8")))
        except FileNotFoundError:
            return None


def whole(directory: Path) -> bool:
    """Whether a run that an earlier engine began still goes on, or has said how it ended."""
    run = KeptRun(directory, "")
    return run.result is not None or run.alive
