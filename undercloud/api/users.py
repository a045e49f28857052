"""The file of users (name, bcrypt of the password, role) and what is remembered of verified passwords.

Ironic's basic authentication reads lines of the same form without the role. A password that was verified is
remembered for some minutes as a keyed hash, because bcrypt takes 50 to 200 ms of a core by design.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import bcrypt

from undercloud import durable
from undercloud.api.access import ROLES, Principal
from undercloud.api.remembered import Remembered
from undercloud.diagnostics import Location, UndercloudError

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9_.@-]{1,64}):(?P<hash>\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}):(?P<role>[a-z]+)"
)
_LONGEST = 72  # bytes of a password that bcrypt looks at; it refuses more
_NOBODY = b"$2b$12$C6UzMDM.H6dfI/f/IKcEeO1j6uMKL4tpWhBnqDzy7sQFyGW8dvIiq"


class Users:
    """Verifies passwords; the file is read again when it changes."""

    def __init__(self, file: Path, remember: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._guard = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._users: dict[str, tuple[bytes, str]] = {}
        self._seen = Remembered(remember, clock)
        self.load()

    def load(self) -> None:
        """Read the file if it is not the one that was read; API-020 to API-022 when it cannot be trusted."""
        stamp = _stamp(self._file)
        if stamp is not None and stamp == self._stamp:
            return
        users = read_users(self._file)
        with self._guard:
            self._users, self._stamp = users, stamp
            self._seen.clear()

    def verify(self, name: str, password: str) -> Principal | None:
        """Who that is, None when name and password do not fit. Takes as long for a name that is unknown."""
        self.load()
        hashed, role = self._users.get(name, (_NOBODY, ""))
        given = password.encode()
        credential = b"\0".join((name.encode(), hashed, given))
        if credential in self._seen:
            return Principal(name, (role,))
        if len(given) > _LONGEST or not bcrypt.checkpw(given, hashed) or not role:
            return None
        self._seen.add(credential)
        return Principal(name, (role,))


def read_users(file: Path) -> dict[str, tuple[bytes, str]]:
    """Name → hash and role. API-020 no file, API-021 open to others, API-022 a line that is wrong."""
    try:
        mode = file.stat().st_mode
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UndercloudError.of(
            "API-020",
            f"the file of users cannot be read: {getattr(error, 'strerror', None) or error}",
            fix="Make a user: undercloud-api --add-user NAME --role admin",
            location=Location(str(file)),
        ) from error
    if mode & 0o077:
        raise UndercloudError.of(
            "API-021",
            f"the file of users has mode {mode & 0o777:04o}: others than its owner can get at it",
            fix=f"Find out who could, then: chmod 0600 {file}",
            location=Location(str(file)),
        )
    users: dict[str, tuple[bytes, str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found["role"] not in ROLES or found["name"] in users:
            raise UndercloudError.of(
                "API-022",
                "this line is not name:bcrypt:role with a role of reader, member or admin, each name once",
                fix="Make it anew: undercloud-api --add-user NAME --role ROLE",
                location=Location(str(file), number),
            )
        users[found["name"]] = (found["hash"].encode(), found["role"])
    return users


def put_user(file: Path, name: str, password: str, role: str) -> None:
    """Add a user or change one; API-023 for a name, password or role that cannot be."""
    if not 8 <= len(password.encode()) <= _LONGEST or "\0" in password:
        raise _not_possible(f"a password has 8 to {_LONGEST} bytes")
    line = f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(12)).decode()}:{role}"
    if not _LINE.fullmatch(line) or role not in ROLES:
        raise _not_possible("a name has letters, digits and _.@-, a role is reader, member or admin")
    users = read_users(file) if file.exists() else {}
    lines = [f"{each}:{hashed.decode()}:{its}" for each, (hashed, its) in users.items() if each != name]
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.write(file, "".join(f"{each}\n" for each in (*lines, line)))


def _not_possible(why: str) -> UndercloudError:
    return UndercloudError.of("API-023", f"this user cannot be: {why}", fix="Choose another.")


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns
