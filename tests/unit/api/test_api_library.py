"""What the API keeps of slow work: worked out once, while who asks for something else waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from undercloud.api.library import Memory

_PATIENCE = 10  # seconds


class Slow:
    """Work that begins, and ends when it is told to; it counts how often it was begun."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        self.begun.set()
        assert self.may_end.wait(_PATIENCE)
        return "slow"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def test_slow_work_keeps_nobody_from_what_is_kept_or_from_other_work(pool: ThreadPoolExecutor) -> None:
    memory, slow = Memory(3), Slow()
    assert memory.get(1, lambda: "kept") == "kept"
    working = pool.submit(memory.get, 2, slow)
    assert slow.begun.wait(_PATIENCE)
    try:
        assert pool.submit(memory.get, 1, lambda: "anew").result(_PATIENCE) == "kept"
        assert pool.submit(memory.get, 3, lambda: "other").result(_PATIENCE) == "other"
        waiting = [pool.submit(memory.get, 2, slow) for _ in range(2)]
    finally:
        slow.may_end.set()
    assert [each.result(_PATIENCE) for each in (working, *waiting)] == ["slow"] * 3
    assert slow.count == 1


def test_what_failed_is_told_and_tried_again(pool: ThreadPoolExecutor) -> None:
    memory, slow = Memory(2), Slow()

    def failing() -> str:
        slow()
        raise LookupError("no")

    working = pool.submit(memory.get, 1, failing)
    assert slow.begun.wait(_PATIENCE)
    slow.may_end.set()
    with pytest.raises(LookupError):
        working.result(_PATIENCE)
    assert memory.get(1, lambda: "good") == "good"


def test_the_least_asked_for_goes_first() -> None:
    memory = Memory(2)
    for key in (1, 2, 1, 3):
        memory.get(key, lambda: "first")
    assert [memory.get(key, lambda: "anew") for key in (1, 3, 2)] == ["first", "first", "anew"]
