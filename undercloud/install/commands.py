"""Running a command of this machine that may take only so long, whatever it or its kernel does."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


def run(words: Sequence[str], seconds: float) -> Done:
    """Run a command to its end; raises OSError where it cannot be, TimeoutError after ``seconds``.

    ``subprocess.run`` waits on after it has killed: for ever, for one that the kernel holds (as it holds
    ip-link(8) while somebody uses the interface), or whose children keep its pipe. Here nothing is waited
    for, and what a command prints goes to files.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise TimeoutError(f"{' '.join(words)} did not end within {seconds:g} s") from None
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return Done(status, *texts)


def output(words: Sequence[str], seconds: float) -> str:
    """What a command prints; raises OSError with what it complains about, where it fails."""
    done = run(words, seconds)
    if done.status:
        raise OSError(done.err.strip() or f"{' '.join(words)}: status {done.status}")
    return done.out
