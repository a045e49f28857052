"""A process that keeps something: it goes on after a failure, and is told to end only between its rounds."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal
from undercloud.install import keeping
keeping._INTERVAL = 0.05
rounds = []
def ensure():
    rounds.append(1)
    if len(rounds) == 1:
        raise OSError("not yet")
    if len(rounds) == 3:
        os.kill(os.getpid(), signal.SIGTERM)
        return ["in the middle"]
    return []
keeping.keep("bridge", ensure)
print("taken back")
"""


def test_it_keeps_until_it_is_ended_and_then_its_caller_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["bridge: not yet", "in the middle", "taken back"]
