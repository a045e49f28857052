"""Stages: commands run one after another, each with its time."""

import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """One command (no shell) of the way to a cloud; `text` tells the reader what it does."""

    name: str
    text: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Timing:
    """How long a stage took, in seconds, and its command's exit status."""

    name: str
    seconds: float
    status: int = 0


def run(
    stages: Iterable[Stage], *, env: Mapping[str, str], cwd: Path, say: Callable[[str], None]
) -> list[Timing]:
    """Run stages until one fails, which the last timing tells; their output goes where ours goes."""
    timings: list[Timing] = []
    for stage in stages:
        say(f"\n==> {stage.text}\n    {shlex.join(stage.command)}")
        begun = time.monotonic()
        status = _status(stage, env, cwd)
        timings.append(Timing(stage.name, time.monotonic() - begun, status))
        if status != 0:
            say(f"\n{stage.name}: exit status {status}")
            break
    return timings


def _status(stage: Stage, env: Mapping[str, str], cwd: Path) -> int:
    """Run a stage to its end. It knows how to stop: Ctrl-C reaches it by itself, SIGTERM is handed on."""
    with subprocess.Popen(stage.command, env=dict(env), cwd=cwd) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue
        finally:
            signal.signal(signal.SIGTERM, before)


def table(timings: Iterable[Timing]) -> str:
    """The times of all stages and their sum, one a line."""
    rows = [(timing.name, timing.seconds, "" if timing.status == 0 else "failed") for timing in timings]
    rows.append(("total", sum(seconds for _, seconds, _ in rows), ""))
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"  {name:<{width}}  {seconds:7.1f} s  {note}".rstrip() for name, seconds, note in rows)
