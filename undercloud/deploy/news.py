"""Who waits for events in the process that records them is woken, instead of looking again and again."""

from __future__ import annotations

import threading


class News:
    """Counts what was recorded."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often something was told; to be read before one looks, and then waited on."""
        return self._count

    def tell(self) -> None:
        """Something new is in the database."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, count: int, seconds: float) -> None:
        """Wait until more than ``count`` was told, or so many seconds: another process cannot wake us."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != count, seconds)


RECORDED = News()
"""What deployments of this process recorded."""
