"""Engines as processes: a master keeps as many workers running as are wanted, each an engine of its own.

cotyledon starts a worker anew that died; what it left is taken over by whichever engine sees it first.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable

import cotyledon

from undercloud.conf import Settings
from undercloud.deploy import background, rpc
from undercloud.deploy.local import LocalEngine

Opener = Callable[[Settings], LocalEngine]
_GRACE = 120  # seconds that workers have to bring a stage that is no playbook to its end


class EngineWorker(cotyledon.Service):
    """One engine that answers over RabbitMQ and takes over what dead ones left."""

    name = "engine"

    def __init__(self, worker_id: int, settings: Settings, open_engine: Opener) -> None:
        super().__init__(worker_id)  # type: ignore[arg-type]
        self._local = open_engine(settings)
        name = f"{socket.gethostname()}-{os.getpid()}"
        self._server = rpc.Server(settings, rpc.open_transport(settings), self._local, name)
        self._background = background.beside(self._local, settings.deployment.heartbeat)

    def run(self) -> None:
        """Answer from now on."""
        self._server.start()
        for part in self._background:
            part.start()
        sys.stdout.write(f"undercloud-engine answers (pid {os.getpid()})\n")
        sys.stdout.flush()

    def terminate(self) -> None:
        """Answer no more; playbooks go on without us."""
        self._server.stop()
        for part in self._background:
            part.stop()
        self._local.leave()


def run(settings: Settings, open_engine: Opener, workers: int) -> None:
    """Keep ``workers`` engines running until SIGTERM; does not come back.

    Raises UndercloudError for a configuration, database, key or transport that cannot be used, before there
    is any worker.
    """
    open_engine(settings).close()
    rpc.open_transport(settings).cleanup()
    manager = cotyledon.ServiceManager(
        graceful_shutdown_timeout=_GRACE, mp_context=multiprocessing.get_context("fork")
    )
    manager.add(EngineWorker, workers=workers, args=(settings, open_engine))
    manager.run()
