"""What `undercloud status` makes of a process as its manager sees it and of the answer of its part."""

from types import SimpleNamespace
from typing import Any

import pytest

from undercloud.cli import undercloud_status
from undercloud.install.part import Health
from undercloud.install.processes.boot import Way
from undercloud.install.processes.manager import Condition, State


def shown(condition: Condition, pid: int, *, answers: bool) -> dict[str, Any]:
    process = SimpleNamespace(name="api")
    part = SimpleNamespace(name="api", processes=lambda: (process,), healthy=lambda: Health(answers, "says"))
    manager = SimpleNamespace(states=lambda: {"api": State(condition, pid, 1)})
    installation: Any = SimpleNamespace(manager=manager, parts=(part,), boot=SimpleNamespace(taken=Way.NONE))
    (row,) = undercloud_status.processes(installation)
    return dict(zip(undercloud_status.COLUMNS, row, strict=True))


@pytest.mark.parametrize(
    ("condition", "answers", "state", "healthy"),
    [
        (Condition.RUNNING, True, "running", True),
        # supervisord says so for the first seconds of a process, however soon it answers
        (Condition.STARTING, True, "running", True),
        (Condition.STARTING, False, "starting", False),
        (Condition.RUNNING, False, "running", False),
        (Condition.FAILED, True, "failed", False),
    ],
)
def test_a_process_is_well_when_it_runs_and_answers(
    condition: Condition, answers: bool, state: str, healthy: bool
) -> None:
    row = shown(condition, 7, answers=answers)
    assert (row["State"], row["Healthy"]) == (state, healthy)
