"""A process that keeps something of this machine as it shall be, until it is ended."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable

_INTERVAL = 5.0  # seconds
_ENDS = (signal.SIGTERM, signal.SIGINT)


def keep(name: str, ensure: Callable[[], Iterable[str]]) -> None:
    """Call ``ensure`` every few seconds and print what it did, until this process is told to end.

    What it raises as OSError is printed, too: the next time may be better. The signals are waited for, never
    handled in the middle of ``ensure``, so that nothing is made by half.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    while True:
        try:
            for done in ensure():
                sys.stdout.write(f"{done}\n")
        except OSError as error:
            sys.stdout.write(f"{name}: {error}\n")
        sys.stdout.flush()
        if signal.sigtimedwait(_ENDS, _INTERVAL):
            return
