"""Writers of one process take turns, in the order in which they came.

SQLite has one writer at a time. Those who wait look again every 100 ms, and whoever comes back in between
goes first: among a few busy threads one may wait longer than its patience ("database is locked") though
nobody holds the place for long.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from undercloud.diagnostics import UndercloudError


class Turns:
    """A lock that goes to whoever has waited longest."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextmanager
    def taken(self, patience: float) -> Iterator[None]:
        """One's turn; raises DB-004 after ``patience`` seconds."""
        self._take(patience)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, patience: float) -> None:
        mine = threading.Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(mine)
        if mine.wait(patience):
            return
        with self._guard:
            if not mine.is_set():  # else it became ours at the last moment
                self._waiting.remove(mine)
                raise UndercloudError.of(
                    "DB-004",
                    f"others have written in the database for {patience:g} seconds",
                    fix="Try again; see whether its disk is slow or full, and [database] busy_timeout.",
                )

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_TURNS: dict[str, Turns] = {}
_GUARD = threading.Lock()


def of_file(path: str) -> Turns:
    """The turns of a database file, whichever part of this process has opened it."""
    with _GUARD:
        return _TURNS.setdefault(path, Turns())
