"""A service's engine goes on with what dead ones left: its own before it was killed, and those elsewhere."""

from __future__ import annotations

import logging
import threading

from undercloud.deploy.local import LocalEngine
from undercloud.diagnostics import UndercloudError

_LOG = logging.getLogger(__name__)


class Succession:
    """Looks at once, and then every ``period`` seconds, from a thread of its own."""

    def __init__(self, engine: LocalEngine, period: float) -> None:
        self._engine = engine
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="succession", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Take over no more."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            try:
                for deployment in self._engine.take_over():
                    _LOG.warning("deployment %s is taken over from an engine that died", deployment)
            except UndercloudError as error:  # the database is away: it may come back
                _LOG.warning("nothing can be taken over: %s", error)
            except Exception:  # noqa: BLE001 - a thread's border: who looks no more would never be missed
                _LOG.exception("nothing can be taken over")
            if self._stop.wait(self._period):
                return
