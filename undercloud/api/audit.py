"""The record of who did what: a line of JSON for each request that changes something or was refused."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from pathlib import Path

from undercloud.db.types import utcnow

_LOGGER = "undercloud.audit"


class Audit:
    """Appends to a file of mode 0600; what logrotate moves away is opened anew."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        self._handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def record(
        self, *, who: str, address: str, method: str, path: str, operation: str, status: int, code: str = ""
    ) -> None:
        """Keep one; bodies, queries and headers are never part of it."""
        told = {
            "time": utcnow().isoformat(timespec="milliseconds"),
            "who": who,
            "address": address,
            "method": method,
            "path": path,
            "operation": operation,
            "status": status,
            "code": code,
        }
        line = json.dumps({name: value for name, value in told.items() if value != ""})
        self._handler.handle(logging.LogRecord(_LOGGER, logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
