"""What was verified lately: asked for again, it need not be verified again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

_MOST = 10_000  # remembered at once


class Remembered:
    """Secrets for some ``seconds`` each, as hashes under a key of this process alone."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._guard = threading.Lock()
        self._until: dict[bytes, float] = {}

    def add(self, secret: bytes) -> None:
        """Remember it from now on."""
        with self._guard:
            if len(self._until) >= _MOST:
                self._until.clear()
            self._until[self._hashed(secret)] = self._clock() + self._seconds

    def __contains__(self, secret: bytes) -> bool:
        hashed = self._hashed(secret)
        with self._guard:
            until = self._until.get(hashed)
            if until is not None and until <= self._clock():
                del self._until[hashed]
                until = None
            return until is not None

    def forget(self, secret: bytes) -> None:
        """It does not hold any more."""
        with self._guard:
            self._until.pop(self._hashed(secret), None)

    def clear(self) -> None:
        """Forget all of them."""
        with self._guard:
            self._until.clear()

    def _hashed(self, secret: bytes) -> bytes:
        return hmac.digest(self._key, secret, hashlib.sha256)
