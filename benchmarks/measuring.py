"""What a whole process costs, from its start to its end."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, children too), seconds on the clock, peak resident memory in MiB."""

    cpu: float
    wall: float
    memory: float

    @classmethod
    def least(cls, costs: Sequence[Cost]) -> Cost:
        """The run that the machine disturbed least."""
        return min(costs, key=lambda cost: cost.cpu)


class FailedError(RuntimeError):
    """The measured command failed; the message is what it said."""


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; raises FailedError."""
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
            raise FailedError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def machine() -> str:
    """The machine in general terms: its processor, cores and memory."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({model}), {memory} GiB; load {load:.1f} when this was measured"
