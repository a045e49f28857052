"""The interface to what keeps processes running, and which of its forms this machine has."""

from __future__ import annotations

import enum
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from undercloud.diagnostics import UndercloudError
from undercloud.install.part import Process


class Condition(enum.StrEnum):
    """How a process is."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"
    """It ends again and again, or could not be started at all."""


@dataclass(frozen=True)
class State:
    """A process as its manager sees it; ``pid`` is 0 where none runs, ``seconds`` how long it has been so."""

    condition: Condition
    pid: int = 0
    seconds: int = 0


class Manager(Protocol):
    """Keeps processes running: each is started again when it ends."""

    @property
    def name(self) -> str:
        """``systemd`` or ``supervisor``."""

    def put(self, processes: Sequence[Process]) -> tuple[str, ...]:
        """Let exactly these processes run.

        New ones are started, those whose definition or read files differ are started anew, those that are
        no longer named are stopped and forgotten. What is as it should be is left alone. Returns the names
        that were started. Raises UndercloudError INST-020.
        """

    def states(self) -> Mapping[str, State]:
        """Every process that is kept running, by name; empty where nothing is."""

    def stop(self) -> None:
        """Stop all of them until the next ``put`` or boot."""

    def log(self, name: str, lines: int = 20) -> str:
        """The last lines that a process wrote."""

    def remove(self) -> None:
        """Stop all of them and forget that they were."""


def base_environment(user: str) -> dict[str, str]:
    """PATH, HOME and LANG of a process of ``user`` (empty: who runs this), whoever started its manager."""
    known = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": known.pw_dir, "LANG": "C.UTF-8"}


def failed(message: str) -> UndercloudError:
    """What keeps processes running does not do what it was told (INST-020)."""
    return UndercloudError.of(
        "INST-020",
        f"the undercloud's processes cannot be managed: {message}",
        fix="Mend what the message says, then run the command again; what runs already is left alone.",
    )
