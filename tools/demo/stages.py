"""Stages: commands run one after another, or some side by side, each with its time."""

import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """One command (no shell) of the way to a cloud; `text` tells the reader what it does."""

    name: str
    text: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Together:
    """Lanes that do not need each other: each is stages one after another, all lanes go at the same time."""

    lanes: tuple[tuple[Stage, ...], ...]


@dataclass(frozen=True)
class Timing:
    """How long a stage took, in seconds, and its command's exit status."""

    name: str
    seconds: float
    status: int = 0


Step = Stage | Together


def run(steps: Iterable[Step], *, env: Mapping[str, str], cwd: Path, say: Say) -> list[Timing]:
    """Run steps until a stage fails; what runs beside it comes to its end. Output goes where ours goes."""
    terminal = _Terminal(env, cwd, say)
    timings: list[Timing] = []
    with terminal.handing_on():
        for step in steps:
            timings += terminal.together(step.lanes) if isinstance(step, Together) else [terminal.alone(step)]
            if failed(timings):
                break
    return timings


def failed(timings: Iterable[Timing]) -> bool:
    """Whether a stage failed."""
    return any(timing.status != 0 for timing in timings)


class _Terminal:
    """Runs commands to their end, and lets them stop: Ctrl-C reaches them by itself, SIGTERM is handed on."""

    def __init__(self, env: Mapping[str, str], cwd: Path, say: Say) -> None:
        self._env = dict(env)
        self._cwd = cwd
        self._say = say
        self._running: set[subprocess.Popen[str]] = set()

    @contextmanager
    def handing_on(self) -> Iterator[None]:
        """While this lasts, SIGTERM goes to what runs."""

        def hand_on(*_: object) -> None:
            for process in list(self._running):
                process.terminate()

        before = signal.signal(signal.SIGTERM, hand_on)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def alone(self, stage: Stage) -> Timing:
        """Run one stage; what it says is shown as it is."""
        self._announce(stage, "")
        return self._timed(stage, "", lambda process: _patiently(process.wait), None)

    def together(self, lanes: Sequence[Sequence[Stage]]) -> list[Timing]:
        """Run lanes side by side; every line begins with its stage's name."""
        ended: list[list[Timing]] = [[] for _ in lanes]
        width = max(len(stage.name) for lane in lanes for stage in lane)
        threads = [
            threading.Thread(target=self._lane, args=(lane, width, timings))
            for lane, timings in zip(lanes, ended, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            _patiently(thread.join)
        return [timing for timings in ended for timing in timings]

    def _lane(self, lane: Sequence[Stage], width: int, timings: list[Timing]) -> None:
        for stage in lane:
            prefix = f"{stage.name:<{width}} | "
            self._announce(stage, prefix)
            timings.append(self._timed(stage, prefix, self._shown(prefix), subprocess.PIPE))
            if failed(timings):
                break

    def _shown(self, prefix: str) -> Callable[[subprocess.Popen[str]], int]:
        def follow(process: subprocess.Popen[str]) -> int:
            assert process.stdout is not None, "it was asked for a pipe"
            for line in process.stdout:
                self._say(prefix + line.rstrip())
            return process.wait()

        return follow

    def _timed(
        self, stage: Stage, prefix: str, follow: Callable[[subprocess.Popen[str]], int], output: int | None
    ) -> Timing:
        begun = time.monotonic()
        errors = subprocess.STDOUT if output else None
        with subprocess.Popen(
            stage.command, env=self._env, cwd=self._cwd, stdout=output, stderr=errors, text=True
        ) as process:
            self._running.add(process)
            try:
                status = follow(process)
            finally:
                self._running.discard(process)
        if status != 0:
            self._say(f"\n{prefix}{stage.name}: exit status {status}")
        return Timing(stage.name, time.monotonic() - begun, status)

    def _announce(self, stage: Stage, prefix: str) -> None:
        before = prefix or "\n"
        self._say(f"{before}==> {stage.text}\n{prefix or '    '}{shlex.join(stage.command)}")


def _patiently(wait: Callable[[], Result]) -> Result:
    """Wait through Ctrl-C: the commands have got it too, and end in their own time."""
    while True:
        try:
            return wait()
        except KeyboardInterrupt:
            continue


def table(timings: Iterable[Timing], seconds: float) -> str:
    """The times of all stages, one a line, and of the whole (some ran side by side, so it is no sum)."""
    rows = [(timing.name, timing.seconds, "" if timing.status == 0 else "failed") for timing in timings]
    rows.append(("total", seconds, ""))
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"  {name:<{width}}  {took:7.1f} s  {note}".rstrip() for name, took, note in rows)
