"""Waiting for health, with a clock that only moves when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils.health import UnhealthyError, wait_healthy
from ansible_collections.undercloud.deploy.plugins.module_utils.model import ContainerEntry
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Scripted(Podman):
    """A container whose state and health are functions of the time since its start."""

    def __init__(
        self, clock: Clock, state: Callable[[float], dict[str, Any]], healthy: Callable[[float], bool]
    ) -> None:
        super().__init__()
        self.clock = clock
        self.checks = 0
        self._script, self._health = state, healthy

    def state(self, name: str) -> dict[str, Any]:
        standard = {
            "running": True,
            "exit_code": 0,
            "started": "t",
            "restarts": 0,
            "image_id": "id",
            "oom": False,
        }
        return {**standard, "checked": False, **self._script(self.clock.time)}

    def healthy(self, name: str, timeout: float) -> bool:
        self.checks += 1
        return self._health(self.clock.time)


def waited(
    state: Callable[[float], dict[str, Any]], healthy: Callable[[float], bool] = lambda _: False, **spec: Any
) -> tuple[float, str]:
    """How long it took, and what was wrong (or empty)."""
    clock = Clock()
    entry = ContainerEntry("svc", "service", "img:1", "hash", spec)
    podman = Scripted(clock, state, healthy)
    try:
        assert wait_healthy(podman, "a", entry, now=clock.now, sleep=clock.sleep) == "id"
    except UnhealthyError as error:
        return clock.time, str(error)
    return clock.time, ""


CHECKED = {"checked": True}


def test_check_that_succeeds_at_once_costs_nothing() -> None:
    assert waited(lambda _: CHECKED, lambda _: True) == (0.0, "")


def test_check_is_repeated_soon_at_first_and_never_seldom() -> None:
    spent, wrong = waited(lambda _: CHECKED, lambda time: time >= 1, healthcheck={"interval": 30})
    assert wrong == ""
    assert 1 <= spent < 2
    spent, _ = waited(lambda _: CHECKED, lambda time: time >= 100, healthcheck={"interval": 30})
    assert 100 <= spent <= 102


def test_check_that_never_succeeds() -> None:
    spent, wrong = waited(lambda _: CHECKED, timeout=20)
    assert wrong == "its health check still fails 20 s after its start"
    assert 20 < spent < 23


def test_without_check_it_must_run_for_two_seconds() -> None:
    spent, wrong = waited(lambda _: {})
    assert (2 <= spent < 3, wrong) == (True, "")


def test_without_check_a_restart_begins_the_two_seconds_anew() -> None:
    spent, wrong = waited(lambda time: {"restarts": int(time >= 1.5), "started": str(time >= 1.5)})
    assert (3.5 <= spent < 4.5, wrong) == (True, "")


def test_ended_for_good() -> None:
    spent, wrong = waited(lambda _: {"running": False, "exit_code": 3}, restart="no")
    assert (spent, wrong) == (0.0, "it ended with exit status 3")


def test_out_of_memory() -> None:
    assert (
        waited(lambda _: {"running": False, "oom": True}, restart="no")[1] == "it was killed, out of memory"
    )


def test_restarted_again_and_again() -> None:
    spent, wrong = waited(
        lambda time: {
            "running": time % 1 < 0.5,
            "exit_code": 1,
            "restarts": int(time),
            "started": str(int(time)),
        }
    )
    assert 20 < spent < 22
    assert wrong.startswith("it ended with exit status 1 again and again (2")


def test_restarts_are_borne_for_its_start_period() -> None:
    spent, wrong = waited(
        lambda time: {**CHECKED, "restarts": int(time), "started": str(int(time))},
        lambda time: time > 50,
        healthcheck={"start_period": 60},
    )
    assert wrong == ""
    assert spent > 50


@pytest.mark.parametrize("running", [True, False])
def test_neither_steady_nor_hopeless(running: bool) -> None:
    _, wrong = waited(lambda time: {"running": running, "started": str(time), "exit_code": 9}, timeout=5)
    expected = "it never ran for 2 s" if running else "it ended with exit status 9 and does not run,"
    assert wrong.startswith(expected)
