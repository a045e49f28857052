"""The key of the secrets, and what is done with it.

The key file holds Fernet keys, one a line, the newest first: the first one seals, all of them open. It is
made once, with mode 0600; a key that is missing, unreadable or open to others is refused and never replaced,
because with it the passwords of a running cloud would be lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import uuid
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from undercloud import durable
from undercloud.diagnostics import Location, UndercloudError


class Vault:
    """Seals bytes and opens what was sealed.

    A key that ``add_key`` put in the file while this process runs is taken up with the next use; a file that
    cannot be trusted any more is refused then, as it is at the start.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys, self._stamp = _read(file)
        self._fernet = MultiFernet(list(self._keys))

    def _current(self) -> MultiFernet:
        try:
            seen: _Stamp | None = _stamp(self._file.stat(follow_symlinks=False))
        except OSError:
            seen = None
        if seen != self._stamp:
            self._keys, self._stamp = _read(self._file)
            self._fernet = MultiFernet(list(self._keys))
        return self._fernet

    def seal(self, data: bytes) -> bytes:
        """The encrypted form."""
        return self._current().encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; VAULT-004 when it was sealed with a key that is not in the file."""
        try:
            return self._current().decrypt(sealed)
        except InvalidToken as error:
            raise UndercloudError.of(
                "VAULT-004",
                "the key file does not hold the key that the secrets in the database were encrypted with",
                fix="Restore the key file that belongs to this database (it is part of every backup).",
                location=Location(str(self._file)),
            ) from error

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key alone opens it."""
        self._current()
        try:
            self._keys[0].decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def rotate(self, sealed: bytes) -> bytes:
        """The same content under the newest key."""
        if self.is_newest(sealed):
            return sealed
        return self.seal(self.open(sealed))

    def seal_json(self, value: Any) -> bytes:
        """The encrypted JSON of a plain value."""
        return self.seal(json.dumps(value, separators=(",", ":")).encode())

    def open_json(self, sealed: bytes) -> Any:
        """The value that ``seal_json`` got."""
        return json.loads(self.open(sealed))


def make_key(file: Path) -> None:
    """Write a new key file, durably; does nothing when another process made it in the meantime.

    Whoever looks sees a whole key or no file: an engine that starts beside this one must not read half of it.
    """
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    durable.write(draft, _text([Fernet.generate_key()]))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    durable.sync_directory(file.parent)


def add_key(file: Path) -> None:
    """Put a new key before the others: it seals from now on, the others still open."""
    _replace(file, [Fernet.generate_key(), *_lines(file)[0]])


def drop_old_keys(file: Path) -> int:
    """Keep the newest key only; how many went. See ``rotation.retire``, which knows when that is safe."""
    newest, *old = _lines(file)[0]
    if old:
        _replace(file, [newest])
    return len(old)


def open_vault(file: Path) -> Vault:
    """The vault of an existing key file; VAULT-001 to VAULT-003 when the file cannot be trusted."""
    return Vault(file)


_Stamp = tuple[int, int, int, int]


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _read(file: Path) -> tuple[tuple[Fernet, ...], _Stamp]:
    lines, stamp = _lines(file)
    try:
        if not lines:
            raise ValueError
        return tuple(Fernet(line) for line in lines), stamp
    except ValueError as error:
        raise UndercloudError.of(
            "VAULT-003",
            "the key file holds something that is not a key",
            fix="Restore the key file from a backup.",
            location=Location(str(file)),
        ) from error


def _lines(file: Path) -> tuple[list[bytes], _Stamp]:
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
        status = os.fstat(stream.fileno())
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or mode & 0o077:
            raise UndercloudError.of(
                "VAULT-002",
                f"the key file has mode {mode:04o}: others than its owner can get at it",
                fix=f"Find out who could read it, then: chmod 0600 {file}",
                location=location,
            )
        return [line.strip() for line in stream.read(65536).splitlines() if line.strip()], _stamp(status)


def _replace(file: Path, keys: list[bytes]) -> None:
    """All keys or the old ones: never a file with half of them. It keeps its owner."""
    owner = file.stat() if os.geteuid() == 0 else None
    durable.write(file, _text(keys), owner=(owner.st_uid, owner.st_gid) if owner else None)


def _text(keys: list[bytes]) -> bytes:
    return b"".join(key + b"\n" for key in keys)
