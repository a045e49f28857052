"""Following a deployment to its end on the operator's terminal, and letting go of it on Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

from undercloud.cli import progress
from undercloud.deploy.engine import Deployment, Engine, follow

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def view_for(stream: TextIO, title: str, *, quiet: bool) -> progress.View:
    """A live table where ``stream`` is a terminal that can show one, else one line a thing."""
    if quiet or not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return progress.Lines(stream, quiet=quiet)
    from rich.console import Console  # noqa: PLC0415  (only terminals need it)

    from undercloud.cli.live import LiveTable  # noqa: PLC0415

    return LiveTable(title, Console(file=stream, highlight=False))


def to_end(engine: Engine, deployment: Deployment, view: progress.View) -> tuple[Deployment, bool]:
    """Show events until the deployment is over; the deployment then, and whether it was stopped from here.

    Ctrl-C (or SIGTERM, SIGHUP) cancels it and waits until the engine has kept its state and freed the
    lock; a second Ctrl-C does not wait.
    """
    stopped = False
    try:
        with _signals_as_interrupt():
            try:
                _show_all(engine, deployment.id, view)
            except KeyboardInterrupt:
                stopped = True
                view.say("Stopping: what was done is kept. (Ctrl-C again: do not wait.)")
                engine.cancel(deployment.id, "stopped by the operator")
                _show_all(engine, deployment.id, view)
    finally:
        view.close()
    return engine.deployment(deployment.id), stopped


def _show_all(engine: Engine, deployment: str, view: progress.View) -> None:
    for event in follow(engine, deployment, after=view.progress.seq):
        view.show(event)


@contextlib.contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """A service manager's or a closed terminal's signal ends a deployment as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
