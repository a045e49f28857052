"""Many machines on their way in a simulated Ironic: limits, failures, silence, restarts; our clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from undercloud.baremetal import fleet, preparing
from undercloud.baremetal.errors import ConflictError, NotAnsweringError
from undercloud.baremetal.fleet import Control, Journey, Pace, has_failed, to_states, travel
from undercloud.baremetal.ironic import Ironic, Machine


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Simulated(Ironic):
    """Machines that take ``takes`` seconds for a change; ``plans`` says what comes of it, by name and try."""

    def __init__(self, clock: Clock, count: int, takes: float = 5) -> None:
        self.clock = clock
        self.takes = takes
        self.now = {f"m{n}": Machine(f"u{n}", f"m{n}", "manageable", "power off") for n in range(count)}
        self.plans: dict[str, list[str]] = {}
        self.due: dict[str, tuple[float, str]] = {}
        self.begun: list[str] = []
        self.most = 0
        self.silent: Callable[[], bool] = lambda: False
        self.refuse: set[str] = set()
        self.history = ""
        self.error = "it burns"

    def machines(self, *, full: bool = True) -> list[Machine]:
        self._speak("list the machines")
        for name, (when, state) in list(self.due.items()):
            if self.clock.now >= when:
                del self.due[name]
                failed = "conductor was restarted" if state == "restarted" else self.error
                good = state == "manageable"
                self.now[name] = dataclasses.replace(
                    self.now[name],
                    provision_state="manageable" if good else "inspect failed",
                    last_error="" if good else failed,
                )
        return list(self.now.values())

    def machine(self, name: str) -> Machine:
        self._speak(f"show {name}")
        return next(one for one in self.now.values() if name in {one.uuid, one.name})

    def last_failure(self, name: str) -> str:
        return self.history

    def move(self, name: str, verb: str, **arguments: object) -> None:
        self._speak(f"{verb} {name}")
        if name in self.refuse:
            raise ConflictError(f"{verb} {name}", "locked")
        self.begun.append(name)
        left = self.plans.get(name) or ["manageable"]
        self.due[name] = (self.clock.now + self.takes, left.pop(0))
        self.now[name] = dataclasses.replace(self.now[name], provision_state="inspecting")
        self.most = max(self.most, len(self.due))

    def set_power(self, name: str, target: str, *, soft: bool = False) -> None:
        self.now[name] = dataclasses.replace(
            self.now[name], last_error="Failed to change power state to power on"
        )

    def _speak(self, request: str) -> None:
        if self.silent():
            raise NotAnsweringError(request, "connection refused")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(fleet, "time", made)
    return made


def run(
    world: Simulated, *, machines: list[Machine] | None = None, retries: int = 0, **pace: float
) -> list[str]:
    said: list[str] = []
    control = Control(
        world,
        lambda machine, message, status: said.append(f"{machine}: {message}"),
        Pace(**pace),  # type: ignore[arg-type]
    )
    outcomes = travel(control, machines or world.machines(), preparing.inspect(world, retries))
    return [one.finding.code if one.finding else "" for one in outcomes]


def test_never_more_at_once_than_the_limit(clock: Clock) -> None:
    world = Simulated(clock, 50)
    assert run(world, limit=7) == [""] * 50
    assert world.most == 7
    assert clock.now < 1000 + 50 / 7 * 8, "the next begins as soon as one has ended"


@pytest.mark.parametrize(
    ("error", "history", "cause"),
    [
        ("it burns", "it had been wet", "it burns"),
        ("", "it had been wet", "it had been wet"),
        ("", "", "Ironic says no more"),
    ],
)
def test_the_cause_is_looked_for_in_the_history(clock: Clock, error: str, history: str, cause: str) -> None:
    world = Simulated(clock, 1)
    world.plans["m0"], world.error, world.history = ["failed"], error, history
    control = Control(world, lambda *_: None, Pace())
    (outcome,) = travel(control, world.machines(), preparing.inspect(world, 0))
    assert outcome.finding is not None
    assert cause in outcome.finding.message


def test_one_that_fails_does_not_stop_the_others(clock: Clock) -> None:
    world = Simulated(clock, 3)
    world.plans["m1"] = ["failed"]
    world.refuse = {"m2"}
    assert run(world) == ["", "BM-110", "BM-104"]


def test_one_that_set_out_after_it_was_looked_at_is_waited_for(clock: Clock) -> None:
    """An engine asked and was killed: the next one finds the machine locked."""
    world = Simulated(clock, 2)
    seen = world.machines()
    world.move("m1", "inspect")
    world.refuse = {"m1"}
    assert run(world, machines=seen) == ["", ""]
    assert world.begun == ["m1", "m0"]


def test_retries(clock: Clock) -> None:
    world = Simulated(clock, 2)
    world.plans = {"m0": ["failed", "manageable"], "m1": ["failed", "failed", "manageable"]}
    assert run(world, retries=1) == ["", "BM-110"]
    assert world.begun.count("m0") == 2


def test_one_that_cannot_set_out_again_yet_does_so_later(clock: Clock) -> None:
    """Ironic is started anew, and away for as long as that takes."""
    world = Simulated(clock, 1)
    world.plans = {"m0": ["restarted", "manageable"]}
    refused = iter([False, True, True])
    move = world.move

    def away(name: str, verb: str, **arguments: object) -> None:
        if next(refused, False):
            raise NotAnsweringError(f"{verb} {name}", "connection refused")
        move(name, verb, **arguments)

    world.move = away  # type: ignore[method-assign]
    assert run(world, limit=1) == [""]
    assert world.begun == ["m0", "m0"]


def test_who_was_interrupted_by_a_restart_of_ironic_sets_out_again(clock: Clock) -> None:
    world = Simulated(clock, 2)
    world.plans = {"m0": ["restarted", "manageable"], "m1": ["restarted"] * 3}
    assert run(world) == ["", "BM-119"]


def test_one_that_takes_too_long(clock: Clock) -> None:
    world = Simulated(clock, 1, takes=1e9)
    assert run(world, timeout=60) == ["BM-111"]
    assert clock.now < 1000 + 70


def test_ironic_may_be_silent_for_a_while(clock: Clock) -> None:
    world = Simulated(clock, 5)
    world.silent = lambda: 1003 < clock.now < 1100
    assert run(world, limit=2) == [""] * 5


def test_but_not_for_ever(clock: Clock) -> None:
    world = Simulated(clock, 2)
    world.silent = lambda: clock.now > 1003
    with pytest.raises(NotAnsweringError):
        run(world)
    assert clock.now < 1000 + 400


def test_what_is_underway_is_not_begun_again(clock: Clock) -> None:
    world = Simulated(clock, 1)
    world.move("m0", "inspect")
    assert run(world) == [""]
    assert world.begun == ["m0"]


def test_cancelled(clock: Clock) -> None:
    world = Simulated(clock, 3)
    control = Control(world, lambda *said: None, Pace(limit=1), lambda: clock.now > 1006)
    outcomes = travel(control, world.machines(), preparing.inspect(world))
    assert [one.machine.name for one in outcomes] == ["m0"]


def test_a_machine_that_somebody_deletes_is_not_waited_for(clock: Clock) -> None:
    world = Simulated(clock, 2)

    def vanish(machine: Machine) -> None:
        del world.now[machine.name]

    gone = Journey("vanish", vanish, to_states([]), has_failed)
    control = Control(world, lambda *said: None)
    outcomes = travel(control, world.machines(), gone)
    assert [one.finding and one.finding.code for one in outcomes] == ["BM-133", "BM-133"]


def test_power_that_does_not_change(clock: Clock) -> None:
    world = Simulated(clock, 1)
    control = Control(world, lambda *said: None)
    (outcome,) = travel(control, world.machines(), preparing.power(world, "on"))
    assert outcome.finding is not None
    assert outcome.finding.code == "BM-114"
