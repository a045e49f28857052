"""The key of the secrets, and what is done with it.

The key file holds Fernet keys, one a line, the newest first: the first one seals, all of them open. It is
made once, with mode 0600; a key that is missing, unreadable or open to others is refused and never replaced,
because with it the passwords of a running cloud would be lost.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from undercloud.diagnostics import Location, UndercloudError


class Vault:
    """Seals bytes and opens what was sealed."""

    def __init__(self, keys: tuple[bytes, ...], file: str) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._file = file

    def seal(self, data: bytes) -> bytes:
        """The encrypted form."""
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; VAULT-004 when it was sealed with a key that is not in the file."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise UndercloudError.of(
                "VAULT-004",
                "the key file does not hold the key that the secrets in the database were encrypted with",
                fix="Restore the key file that belongs to this database (it is part of every backup).",
                location=Location(self._file),
            ) from error

    def rotate(self, sealed: bytes) -> bytes:
        """The same content under the newest key."""
        return self._fernet.rotate(sealed)

    def seal_json(self, value: Any) -> bytes:
        """The encrypted JSON of a plain value."""
        return self.seal(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())

    def open_json(self, sealed: bytes) -> Any:
        """The value that ``seal_json`` got."""
        return json.loads(self.open(sealed))


def make_key(file: Path) -> None:
    """Write a new key file, durably; does nothing when another process made it in the meantime."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as stream:
        stream.write(Fernet.generate_key() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_vault(file: Path) -> Vault:
    """The vault of an existing key file; VAULT-001 to VAULT-003 when the file cannot be trusted."""
    location = Location(str(file))
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise UndercloudError.of(
            "VAULT-001",
            "the key file is gone, but the database holds secrets that were encrypted with it",
            fix="Restore the key file from a backup; a new key cannot open them.",
            location=location,
        ) from error
    except OSError as error:
        raise UndercloudError.of(
            "VAULT-002",
            f"the key file cannot be read: {error.strerror}",
            fix="Run as the user that owns the state directory; the key must be a plain file of that user.",
            location=location,
        ) from error
    with os.fdopen(handle, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
            raise UndercloudError.of(
                "VAULT-002",
                f"the key file has mode {stat.S_IMODE(mode):04o}: others than its owner can get at it",
                fix=f"Find out who could read it, then: chmod 0600 {file}",
                location=location,
            )
        keys = tuple(line.strip() for line in stream.read(65536).splitlines() if line.strip())
    try:
        if not keys:
            raise ValueError
        return Vault(keys, str(file))
    except ValueError as error:
        raise UndercloudError.of(
            "VAULT-003",
            "the key file holds something that is not a key",
            fix="Restore the key file from a backup.",
            location=location,
        ) from error
