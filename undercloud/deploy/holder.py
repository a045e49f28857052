"""Which process holds a lock, and whether it is known to have died."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, told from all others that ever were.

    ``boot`` is the kernel's random boot id, ``namespace`` the PID namespace that ``pid`` counts in, and
    ``started`` the process' start in clock ticks since boot (field 22 of /proc/PID/stat, see proc(5)).
    """

    boot: str
    namespace: str
    pid: int
    started: int

    @classmethod
    def current(cls) -> Process:
        """This process."""
        pid = os.getpid()
        return cls(_boot(), _namespace(), pid, _started(pid) or 0)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Process:
        """The process that ``as_plain`` told of."""
        return cls(
            str(data.get("boot", "")),
            str(data.get("namespace", "")),
            int(data.get("pid", 0)),
            int(data.get("started", 0)),
        )

    def as_plain(self) -> dict[str, Any]:
        """As the database keeps it."""
        return asdict(self)

    @property
    def visible(self) -> bool:
        """Whether it ran on this machine, since this boot, so that its end can be seen from here."""
        return self.boot == _boot() and self.namespace == _namespace()

    @property
    def dead(self) -> bool:
        """Whether it is known to have ended; False also when that cannot be seen from here."""
        return self.visible and _started(self.pid) != self.started


def describe(process: Process) -> str:
    """The holder as an operator is told of it."""
    return f"{socket.gethostname()} pid {process.pid}"


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _namespace() -> str:
    return str((_PROC / "self/ns/pid").readlink())


def _started(pid: int) -> int | None:
    """When a process started; None when there is none or only its corpse is left."""
    try:
        # The second field is the command in brackets and may itself hold brackets and blanks.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
