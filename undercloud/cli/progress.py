"""How far a deployment is: a state that grows event by event, and the lines that tell of it."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TextIO

from undercloud.cli import rendering
from undercloud.deploy import wire
from undercloud.deploy.engine import Event, EventKind, ResultStatus, Status
from undercloud.diagnostics import Finding, Severity

_NAMED_ACTIONS = 3
_TELLING = ("container", "unit", "file", "volume", "image")  # then the rest: directories
BAD = frozenset({ResultStatus.FAILED, ResultStatus.UNREACHABLE})


@dataclasses.dataclass
class HostProgress:
    """One host: the step and task it was last heard of in, and how many tasks ended how."""

    step: int = -1
    task: str = ""
    status: str = ""
    counts: Counter[str] = dataclasses.field(default_factory=Counter)

    @property
    def failed(self) -> bool:
        """Whether a task failed on it or it did not answer."""
        return any(self.counts[bad] for bad in BAD)


@dataclasses.dataclass
class StageProgress:
    """A stage: its status, and when it began and ended (empty while it runs)."""

    status: str
    begun: str
    ended: str = ""


@dataclasses.dataclass
class Progress:
    """Where a deployment stands, as far as its events tell; hosts stand in the order last heard of."""

    started: str = ""
    time: str = ""
    seq: int = 0
    step: int = -1
    task: str = ""
    stages: dict[str, StageProgress] = dataclasses.field(default_factory=dict)
    hosts: dict[str, HostProgress] = dataclasses.field(default_factory=dict)

    @property
    def elapsed(self) -> float:
        """Seconds from the first event to the last."""
        return seconds_between(self.started, self.time)

    def take(self, event: Event) -> None:
        """Move on by one event."""
        self.started = self.started or event.time
        self.time, self.seq, self.step = event.time, event.seq, event.step
        match event.kind:
            case EventKind.STAGE:
                stage = self.stages.setdefault(event.stage, StageProgress(event.status, event.time))
                stage.status = event.status
                stage.ended = event.time if Status(event.status).final else ""
            case EventKind.TASK:
                self.task = event.message
            case EventKind.RESULT:
                host = self.hosts.pop(event.host, None) or HostProgress()
                host.step, host.status = event.step, event.status
                host.task = str(event.data.get("task", ""))
                host.counts[event.status] += 1
                self.hosts[event.host] = host


def seconds_between(begin: str, end: str) -> float:
    """Seconds between two of the engine's times; 0 where one is unknown."""
    if not begin or not end:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


class View(Protocol):
    """What shows a deployment's events to a person."""

    progress: Progress

    def show(self, event: Event) -> None:
        """Show one event."""
        ...

    def say(self, text: str) -> None:
        """Show a line of ours between the events."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


class Lines:
    """One line a thing that happened, for logs and pipes; it also words the lines of the live view.

    ``quiet`` leaves only stages, findings and failures.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._began = time.monotonic()
        self.progress = Progress()

    def show(self, event: Event) -> None:
        """Print the event's line, if it has one."""
        self.progress.take(event)
        text = line(event, self.progress)
        if text and not (self._quiet and event.kind in {EventKind.TASK, EventKind.RESULT, EventKind.LOG}):
            self.say(text)

    def say(self, text: str) -> None:
        """Print a line behind the elapsed time; where events keep one waiting, that of our own clock."""
        elapsed = max(self.progress.elapsed, time.monotonic() - self._began)
        self._stream.write(f"[{rendering.clock(elapsed)}] {text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is held."""


def line(event: Event, progress: Progress) -> str:
    """The line that tells of an event, without the elapsed time; empty for what is not worth one."""
    if event.kind is EventKind.STAGE:
        return _stage_line(event, progress)
    word = _WORDS.get(event.kind)
    return word(event) if word else ""


def _stage_line(event: Event, progress: Progress) -> str:
    stage = progress.stages[event.stage]
    if not stage.ended:
        return f"{event.stage}: {stage.status}"
    if stage.status == Status.SKIPPED:
        return f"{event.stage}: skipped"
    return (
        f"{event.stage}: {stage.status} after {rendering.duration(seconds_between(stage.begun, stage.ended))}"
    )


def _task_line(event: Event) -> str:
    step = f"step {event.step}: " if event.step >= 0 and event.stage != f"step-{event.step}" else ""
    return f"{event.stage}: {step}{event.message}"


def _result_line(event: Event) -> str:
    if event.status == ResultStatus.SKIPPED:
        return ""
    bad = event.status in BAD
    elapsed = event.data.get("elapsed")
    took = f" ({rendering.duration(float(elapsed))})" if elapsed is not None else ""
    why = event.message if bad else action_text(event.data.get("actions") or ())
    status = event.status.upper() if bad else event.status
    return f"  {event.host}  {status}  {event.data.get('task', '')}{took}{': ' + why if why else ''}"


def _finding_line(event: Event) -> str:
    found = wire.from_plain(Finding, event.data)
    if found.severity is Severity.INFO:
        return ""
    forced = f" (let pass by {event.data['forced_by']})" if event.data.get("forced_by") else ""
    return rendering.brief_line(found) + forced


_WORDS: Mapping[EventKind, Callable[[Event], str]] = {
    EventKind.TASK: _task_line,
    EventKind.RESULT: _result_line,
    EventKind.FINDING: _finding_line,
    EventKind.FAILURE: lambda event: f"FAILED {event.host or event.stage}: {event.message}",
    EventKind.LOG: lambda event: f"  | {event.message}",
}


def action_text(actions: Sequence[Mapping[str, Any]]) -> str:
    """The most telling actions of a result, and how many more there were."""
    by_kind = {kind: rank for rank, kind in enumerate(_TELLING)}
    ranked = sorted(actions, key=lambda one: by_kind.get(str(one.get("kind")), len(_TELLING)))
    shown = [f"{one.get('kind')} {one.get('name')} {one.get('action')}" for one in ranked[:_NAMED_ACTIONS]]
    more = len(actions) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
