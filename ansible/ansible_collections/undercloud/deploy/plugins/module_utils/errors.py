"""What a node reports when something is wrong: a stable code, what happened, and how to mend it."""

from __future__ import annotations

import dataclasses
import errno
from typing import Any

FENCED = "NODE-001"
MANIFEST = "NODE-002"
OTHER_STACK = "NODE-003"
LOCKED = "NODE-004"
FOREIGN = "NODE-005"
VOLUME_MISSING = "NODE-006"
IMAGE = "NODE-007"
ONCE_FAILED = "NODE-008"
UNHEALTHY = "NODE-009"
DISK_FULL = "NODE-010"
PODMAN = "NODE-011"
UNIT = "NODE-012"
SECRET = "NODE-013"  # noqa: S105 - a code, not a secret
FILE = "NODE-014"
VALIDATION = "NODE-015"
ENTRY = "NODE-016"
INPUT = "NODE-017"
DEFECT = "NODE-099"


@dataclasses.dataclass(frozen=True)
class Problem:
    """One finding of a node. ``log`` holds the last lines of ``container``, oldest first."""

    code: str
    message: str
    fix: str
    container: str = ""
    log: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; what is empty is left out."""
        plain = {"code": self.code, "message": self.message, "fix": self.fix}
        if self.container:
            plain["container"] = self.container
        return {**plain, "log": list(self.log)} if self.log else dict(plain)

    def __str__(self) -> str:
        log = "".join(f"\n    | {line}" for line in self.log)
        return f"{self.code}: {self.message}\n    fix: {self.fix}{log}"


class NodeError(Exception):
    """Stops the work on this node and carries everything that is to be said about why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @classmethod
    def of(cls, code: str, message: str, fix: str, **more: Any) -> NodeError:
        """An error of a single problem; ``more`` are ``container`` and ``log``."""
        return cls(Problem(code, message, fix, **more))


def from_os_error(error: OSError, doing: str) -> NodeError:
    """An operating system's error as a finding; a full disk has a code of its own."""
    path = f" {error.filename}" if error.filename else ""
    what = f"{doing}: {error.strerror or error}{path}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(what)
    return NodeError.of(FILE, what, "Look at the path on the node, mend it, and deploy again.")


def defect(error: Exception) -> Problem:
    """A fault of ours, told like any other."""
    message = f"the module failed with {type(error).__name__}: {error}"
    return Problem(DEFECT, message, "This is a defect of undercloud; please report it.")


def disk_full(what: str) -> NodeError:
    """The finding for a disk without space left."""
    return NodeError.of(
        DISK_FULL,
        f"the disk is full: {what}",
        "Free space on the node ('df -h', 'podman system df', 'journalctl --vacuum-size=100M'), and deploy "
        "again; nothing was written in part.",
    )
