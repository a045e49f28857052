"""Many machines on the same way at once: begin, watch, end, with a limit on how many are under way.

One loop asks Ironic for the states of all machines in one request, so that a thousand of them cost no threads
and no more requests than ten; what has to be asked for each is asked for some at a time. Ironic may be away
for a while: what it does goes on when it is back.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from undercloud.baremetal import causes
from undercloud.baremetal.errors import ConflictError, IronicError, NotAnsweringError
from undercloud.baremetal.ironic import Ironic, Machine
from undercloud.diagnostics import Finding

_PATIENCE = 300.0  # seconds that Ironic may be silent, as it is while it is restarted
_RESTARTS = 2  # how often a machine sets out again because Ironic was started anew
_HANDS = 8  # requests at the same time; most of one's time Ironic waits for its database and for locks
_LEISURE = 4  # a look is followed by a pause of so many times its length, so that Ironic can work,
_LONGEST_PAUSE = 10.0  # but of no more seconds
GONE = "BM-133"
"""Somebody made Ironic forget the machine."""
_FAILED = frozenset({"enroll", "inspect failed", "clean failed", "deploy failed", "error", "adopt failed"})

T = TypeVar("T")
R = TypeVar("R")


class Tell(Protocol):
    """Hears of every machine's state as it changes; ``status`` is begun, running, ok or failed."""

    def __call__(self, machine: str, message: str, status: str) -> None:
        """Take a word."""
        ...


@dataclasses.dataclass(frozen=True)
class Journey:
    """A way that machines go.

    ``what`` is the verb of messages (introspect); ``begin`` sets a machine out; ``there`` says whether it has
    arrived; ``failed`` whether it never will; ``underway`` are states in which it is on this way already, so
    that it is not set out anew, if it is the way to ``goal`` (a provision state, see ``has_begun``);
    ``retries`` is how often a failed machine sets out again, besides when Ironic was started anew under it:
    ``begin`` has to do from a failed state, too.
    """

    what: str
    begin: Callable[[Machine], None]
    there: Callable[[Machine], bool]
    failed: Callable[[Machine], bool]
    underway: frozenset[str] = frozenset()
    goal: str = ""
    retries: int = 0

    def has_begun(self, machine: Machine) -> bool:
        """Whether a machine is on this way, whoever set it out.

        Ironic cleans by order, towards manageable, and by itself, towards available.
        """
        return machine.provision_state in self.underway and machine.target_state in {"", self.goal}


@dataclasses.dataclass(frozen=True)
class Pace:
    """How many at once; after how many seconds one counts as lost; seconds between two looks."""

    limit: int = 20
    timeout: float = 1800
    poll: float = 1.0


@dataclasses.dataclass(frozen=True)
class Control:
    """What all work with machines has in common: who does it, how fast, who hears of it, when to stop."""

    ironic: Ironic
    tell: Tell
    pace: Pace = Pace()
    cancelled: Callable[[], bool] = lambda: False


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How it ended for one machine; ``finding`` says why it failed."""

    machine: Machine
    seconds: float
    finding: Finding | None = None


def to_states(states: Iterable[str]) -> Callable[[Machine], bool]:
    """Whether a machine is in one of these provision states."""
    wanted = frozenset(states)
    return lambda machine: machine.provision_state in wanted


has_failed = to_states(_FAILED)


def side_by_side(ask: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """What ``ask`` answers for each thing, in their order; some are asked at the same time, in threads."""
    with ThreadPoolExecutor(_HANDS, thread_name_prefix="machines") as hands:
        yield from hands.map(ask, things)


def gone(machine: str) -> Finding:
    """That somebody made Ironic forget a machine."""
    fix = "Whoever did that knows why. Register it again, or go on without it: give the command again."
    return Finding(GONE, f"{machine} is not registered any more", fix)


def travel(control: Control, machines: Iterable[Machine], journey: Journey) -> list[Outcome]:
    """Send machines on their way and wait for them; what is under way when it is cancelled goes on by itself.

    Findings of outcomes: BM-111 it is not there in time, BM-133 it is not registered any more, those of
    ``causes`` where it failed, and Ironic's refusals (``errors``). Raises NotAnsweringError where Ironic
    stays away. Only machines of cancelled work have no outcome.
    """
    return _Travel(control, journey).run(list(machines))


class _Travel:
    def __init__(self, control: Control, journey: Journey) -> None:
        self._ironic = control.ironic
        self._journey = journey
        self._pace = control.pace
        self._tell = control.tell
        self._cancelled = control.cancelled
        self._begun: dict[str, float] = {}
        self._known: dict[str, Machine] = {}
        self._again: list[Machine] = []
        self._seen: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        self._ended: dict[str, Outcome] = {}
        self._silent_since = 0.0

    def run(self, machines: list[Machine]) -> list[Outcome]:
        self._known = {one.uuid: one for one in machines}
        waiting = machines
        while (waiting or self._begun) and not self._cancelled():
            room = max(0, self._pace.limit - len(self._begun))
            waiting = [*self._set_out(waiting[:room]), *waiting[room:]]
            looked = time.monotonic()
            self._look()
            waiting += self._again
            self._again = []
            if waiting or self._begun:
                took = time.monotonic() - looked
                time.sleep(max(self._pace.poll, min(_LEISURE * took, _LONGEST_PAUSE)))
        return [self._ended[one.uuid] for one in machines if one.uuid in self._ended]

    def _set_out(self, machines: list[Machine]) -> list[Machine]:
        """Set machines out; those that could not be, because Ironic is away."""
        left = []
        for machine, outcome in zip(machines, side_by_side(self._begin, machines), strict=True):
            if isinstance(outcome, NotAnsweringError):
                self._be_patient(outcome)
                left.append(machine)
            elif isinstance(outcome, IronicError):
                self._end(machine, outcome.findings[0])
            elif outcome:
                self._silent_since = 0.0
                self._begun.setdefault(machine.uuid, time.monotonic())
                self._tell(machine.title, f"{self._journey.what} begins", "begun")
        return left

    def _begin(self, machine: Machine) -> IronicError | bool:
        """Whether it is on its way, which it is not where the work was cancelled; or why it cannot be."""
        if self._journey.has_begun(machine):
            return True
        if self._cancelled():
            return False
        try:
            self._journey.begin(machine)
        except ConflictError as error:
            return self._has_begun_since(machine) or error
        except IronicError as error:
            return error
        return True

    def _has_begun_since(self, machine: Machine) -> bool:
        """Whether it is locked because it set out after we looked at it: for an engine that is dead now."""
        try:
            return self._journey.has_begun(self._ironic.machine(machine.uuid))
        except IronicError:
            return False

    def _look(self) -> None:
        if not self._begun:
            return
        try:
            now = {one.uuid: one for one in self._ironic.machines(full=False)}
        except NotAnsweringError as error:
            self._be_patient(error)
            return
        self._silent_since = 0.0
        for uuid in list(self._begun):
            if uuid in now:
                self._judge(now[uuid])
            else:
                self._end(self._known[uuid], gone(self._known[uuid].title))

    def _judge(self, machine: Machine) -> None:
        if self._journey.there(machine):
            self._end(machine)
        elif self._journey.failed(machine):
            self._fail(machine)
        elif time.monotonic() - self._begun[machine.uuid] > self._pace.timeout:
            text = (
                f"{self._journey.what} of {machine.title} is not done after {self._pace.timeout:.0f} s; "
                f"it is {machine.provision_state}, {machine.power_state or 'its power is not known'}"
                f"{', in step ' + machine.step if machine.step else ''}"
            )
            fix = "Look at its console; Ironic goes on with it until its own time is over. Then ask again."
            self._end(machine, Finding("BM-111", text, fix))
        else:
            self._say(machine, f"{machine.provision_state}{': ' + machine.step if machine.step else ''}")

    def _fail(self, machine: Machine) -> None:
        tried = self._tries.get(machine.uuid, 0)
        said = machine.last_error or self._remembered(machine) or "Ironic says no more"
        finding = causes.explain(machine.title, self._journey.what, said)
        tries = max(self._journey.retries, _RESTARTS if finding.code == causes.RESTARTED else 0)
        if tried < tries:
            self._tries[machine.uuid] = tried + 1
            self._say(machine, f"{self._journey.what} failed and is tried again: {said}")
            if self._set_out([machine]):  # Ironic is away: it waits, as who has not begun
                del self._begun[machine.uuid]
                self._again.append(machine)
            return
        self._end(machine, finding)

    def _remembered(self, machine: Machine) -> str:
        try:
            return self._ironic.last_failure(machine.uuid)
        except IronicError:
            return ""

    def _end(self, machine: Machine, finding: Finding | None = None) -> None:
        begun = self._begun.pop(machine.uuid, time.monotonic())
        self._ended[machine.uuid] = Outcome(machine, time.monotonic() - begun, finding)
        message = finding.message if finding else f"{self._journey.what} done"
        self._tell(machine.title, message, "failed" if finding else "ok")

    def _say(self, machine: Machine, message: str) -> None:
        if self._seen.get(machine.uuid) != message:
            self._seen[machine.uuid] = message
            self._tell(machine.title, message, "running")

    def _be_patient(self, error: NotAnsweringError) -> None:
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        if now - self._silent_since > _PATIENCE:
            raise error
