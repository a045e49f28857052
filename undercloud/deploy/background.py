"""What an engine of a service does beside its deployments: again and again, each from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from undercloud.deploy.local import LocalEngine
from undercloud.diagnostics import UndercloudError

_LOG = logging.getLogger(__name__)
_HOUR = 3600.0  # seconds
_DAY = 24 * _HOUR
Stopping = Callable[[], bool]


class Background:
    """Does ``work`` after ``first`` seconds, then every ``period``; long work asks whether to end."""

    def __init__(
        self, name: str, period: float, work: Callable[[Stopping], None], *, first: float = 0
    ) -> None:
        self._name = name
        self._period = period
        self._work = work
        self._first = first
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Do it from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Do it no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        trouble, wait = "", self._first
        while not self._stop.wait(wait):
            trouble, wait = self._once(trouble), self._period

    def _once(self, before: str) -> str:
        """Do it; what went wrong, which is logged when it was another thing before."""
        try:
            self._work(self._stop.is_set)
        except UndercloudError as error:  # the database is away: it may come back
            if str(error) != before:
                _LOG.warning("%s has to wait: %s", self._name, error)
            return str(error)
        except Exception as error:  # noqa: BLE001 - a thread's border: its end would never be missed
            if repr(error) != before:
                _LOG.exception("%s has to wait", self._name)
            return repr(error)
        return ""


def beside(engine: LocalEngine, heartbeat: float) -> tuple[Background, ...]:
    """All of it; ``heartbeat`` are the seconds between two looks for dead engines."""
    return (succession(engine, heartbeat), retention(engine), sealing(engine))


def succession(engine: LocalEngine, period: float) -> Background:
    """Going on with what dead engines left: this one's own predecessor, and those elsewhere."""

    def take_over(_stopping: Stopping) -> None:
        for deployment in engine.take_over():
            _LOG.warning("deployment %s is taken over from an engine that died", deployment)

    return Background("succession", period, take_over)


def retention(engine: LocalEngine) -> Background:
    """Forgetting deployments that are older than the configuration keeps them.

    Not at once: whoever starts it for the first time may still set how many are kept.
    """

    def forget(stopping: Stopping) -> None:
        for deployment in engine.forget_old(stopping):
            _LOG.info("deployment %s is forgotten", deployment)

    return Background("retention", _HOUR, forget, first=_HOUR)


def sealing(engine: LocalEngine) -> Background:
    """Sealing what an earlier version left plain, at once, and again should one still run beside this."""

    def seal(_stopping: Stopping) -> None:
        if count := engine.seal_drives():
            _LOG.info("what cloud-init is given was sealed in %d compilations", count)

    return Background("sealing", _DAY, seal)
