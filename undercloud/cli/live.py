"""The live view on a terminal: a table of hosts that redraws itself, with what matters scrolling above it."""

from __future__ import annotations

import time

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from undercloud.cli import progress, rendering
from undercloud.deploy.engine import Event, EventKind, ResultStatus, Status

_ABOVE = frozenset({EventKind.FINDING, EventKind.FAILURE})
_SPARE_LINES = 8
_COLOURS: dict[str, str] = {
    Status.RUNNING: "bold",
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
    Status.SKIPPED: "dim",
}


class LiveTable:
    """Stages on one line, hosts below it, redrawn four times a second."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._began = time.monotonic()
        self.progress = progress.Progress()
        self._live = Live(get_renderable=self.picture, console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def show(self, event: Event) -> None:
        """Take an event in; findings and failures are also printed above the table, where they stay."""
        self.progress.take(event)
        line = progress.line(event, self.progress) if event.kind in _ABOVE else ""
        if line:
            self.say(line)

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Remove the table; what was printed above it stays."""
        self._live.stop()

    def picture(self) -> RenderableType:
        """The stages and as many hosts as the terminal has lines for: failed ones first, then the latest."""
        head = Text(f"{self._title}  {rendering.clock(time.monotonic() - self._began)}  ")
        for name, stage in self.progress.stages.items():
            head.append(f"{name} ", _COLOURS.get(stage.status, ""))
        task = (
            f"step {self.progress.step}: {self.progress.task}"
            if self.progress.step >= 0
            else self.progress.task
        )
        return Group(head, Text(task, overflow="ellipsis", no_wrap=True), self._hosts())

    def _hosts(self) -> RenderableType:
        if not self.progress.hosts:
            return Text("")
        latest = list(reversed(self.progress.hosts.items()))
        latest.sort(key=lambda item: not item[1].failed)
        room = max(1, self._console.size.height - _SPARE_LINES)
        table = Table(box=box.SIMPLE, padding=(0, 1))
        table.add_column("host", no_wrap=True)
        table.add_column("step", justify="right")
        table.add_column("task", no_wrap=True, overflow="ellipsis", ratio=1)
        for name in ("ok", "changed", "failed"):
            table.add_column(name, justify="right")
        for name, host in latest[:room]:
            bad = sum(host.counts[status] for status in progress.BAD)
            table.add_row(
                Text(name),
                str(host.step) if host.step >= 0 else "",
                Text(host.task),
                str(host.counts[ResultStatus.OK]),
                str(host.counts[ResultStatus.CHANGED]),
                str(bad),
                style="red" if bad else "",
            )
        if len(latest) > room:
            table.add_row(f"and {len(latest) - room} more", "", "", "", "", "")
        return table
