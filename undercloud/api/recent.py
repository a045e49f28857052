"""The last answer of something that takes long to ask, for the pages after the first one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Keeps one answer for some ``seconds``; in that time all pages are of the same moment."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: tuple[float, T] | None = None

    def of(self, ask: Callable[[], T], *, anew: bool) -> T:
        """The kept answer, or a new one: where it is too old, and where it has to be (``anew``)."""
        kept = self._kept
        if anew or kept is None or kept[0] <= self._clock():
            kept = self._kept = (self._clock() + self._seconds, ask())
        return kept[1]
