"""The record of who did what: a line of JSON for each request that changes something or was refused."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from io import TextIOWrapper
from pathlib import Path

from undercloud.db.types import utcnow

_LOGGER = "undercloud.audit"
_SIZE = 32 << 20  # bytes of one file
_OLDER = 10  # files beside the one that is written


class _Rotating(logging.handlers.RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, opener=_privately)


def _privately(file: str, flags: int) -> int:
    return os.open(file, flags, 0o600)


class Audit:
    """Appends to a file of mode 0600, which makes way for a new one when it is full; the oldest go."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handler = _Rotating(file, maxBytes=_SIZE, backupCount=_OLDER, encoding="utf-8")
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
