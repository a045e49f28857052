"""The only source of randomness and of the time that the compiler knows: it is handed in."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from typing import Protocol


class Entropy(Protocol):
    """Where random bytes and the present time come from."""

    def token_bytes(self, size: int) -> bytes:
        """``size`` bytes that nobody can guess."""
        ...

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        ...


class SystemEntropy:
    """The operating system's randomness and clock."""

    def token_bytes(self, size: int) -> bytes:
        """``size`` bytes from the kernel."""
        return os.urandom(size)

    def now(self) -> int:
        """The system's clock, in whole seconds."""
        return int(time.time())


@dataclasses.dataclass
class SeededEntropy:
    """The same bytes for the same seed, and a clock that stands still: for tests and placeholders.

    The bytes are SHA-256 over the seed and a counter; they protect nothing.
    """

    seed: str = ""
    time: int = 1_700_000_000
    _counter: int = 0

    def token_bytes(self, size: int) -> bytes:
        """The next ``size`` bytes of the seed's sequence."""
        sequence = b""
        while len(sequence) < size:
            sequence += hashlib.sha256(f"{self.seed}/{self._counter}".encode()).digest()
            self._counter += 1
        return sequence[:size]

    def now(self) -> int:
        """The fixed time."""
        return self.time


ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def word(entropy: Entropy, length: int, alphabet: str = ALPHANUMERIC) -> str:
    """``length`` characters of the alphabet, each equally likely (rejection sampling, no modulo bias)."""
    limit = 256 - 256 % len(alphabet)
    chars: list[str] = []
    while len(chars) < length:
        fresh = entropy.token_bytes(length - len(chars))
        chars.extend(alphabet[byte % len(alphabet)] for byte in fresh if byte < limit)
    return "".join(chars)
