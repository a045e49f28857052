"""Whether an engine in another process answers: without one nothing can be changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from undercloud.api.recent import Recent
from undercloud.conf import Settings
from undercloud.db.database import Database
from undercloud.deploy import rpc
from undercloud.diagnostics import UndercloudError

OK = "ok"
_NOBODY = "DEP-031"
_PATIENCE = 3  # seconds that an engine has to answer
_KEPT = 5.0  # seconds that it is not asked again


class Answering:
    """Asks whichever engine takes the call for something small, over the transport of every other call."""

    def __init__(self, settings: Settings, database: Database, transport: Any) -> None:
        hurried = replace(settings, messaging=replace(settings.messaging, timeout=_PATIENCE))
        self._engine = rpc.RpcEngine(hurried, database, transport, lambda: None)
        self._recent = Recent[str](_KEPT)

    def told(self) -> str:
        """``ok``, or the code of what went wrong; of some seconds ago at most."""
        return self._recent.of(self._ask, anew=False)

    def _ask(self) -> str:
        try:
            self._engine.disk_images()
        except UndercloudError as error:
            # Findings of its own are an answer too.
            return _NOBODY if error.findings[0].code == _NOBODY else OK
        return OK
