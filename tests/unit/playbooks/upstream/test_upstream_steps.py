"""Tasks and the step that they are for."""

from __future__ import annotations

from typing import Any

import pytest

from undercloud.playbooks.upstream.steps import of_step


@pytest.mark.parametrize(
    ("condition", "steps"),
    [
        (None, {0, 1, 2, 3}),
        ("step|int == 2", {2}),
        ("(step|int) == 2", {2}),
        ("step == 1", {1}),
        (["step|int == 1", "container_cli == 'podman'"], {1}),
        (["step|int == 1 or step|int == 3"], {1, 3}),
        ("step|int\n  ==\n  3", {3}),
        ("is_additional_cell|bool", {0, 1, 2, 3}),
        (True, {0, 1, 2, 3}),
        ([True, "step|int == 2"], {2}),
        # A comparison that is no equality names no step.
        ("step|int >= 2", {0, 1, 2, 3}),
    ],
)
def test_step_of_a_task(condition: Any, steps: set[int]) -> None:
    task = {"name": "x"} if condition is None else {"name": "x", "when": condition}
    assert {step for step in range(4) if of_step([task], step)} == steps


def test_order_stays() -> None:
    tasks = [{"name": name} for name in "ba"]
    assert of_step(tasks, 0) == tasks
