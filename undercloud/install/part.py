"""What a part of the undercloud is: our API, the registry, Ironic … each behind this one interface."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from undercloud.diagnostics import Finding

Say = Callable[[str], None]
"""Takes a line about what is done now, for the operator who waits."""


@dataclass(frozen=True)
class Package:
    """A Debian package that a part needs; ``services`` are the units it brings, which are kept off."""

    name: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Process:
    """A program that runs as long as the undercloud does, and is started again when it ends.

    ``name`` has lower-case letters, digits and hyphens. ``command`` begins with an absolute path.
    ``environment`` is all it gets besides PATH, HOME and LANG. ``reads`` are files that it reads at its start
    only: when one differs, it is started anew. ``after`` names processes that are started before it.
    ``writes`` are the directories it may write to where the manager can refuse others, ``capabilities`` those
    of root's powers that it needs then (capabilities(7)). ``user`` is empty for the user who installs.
    ``stop_seconds`` is what it has to end in, before it is killed. What it started ends with it, unless it
    ``survives``.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path("/")
    reads: tuple[Path, ...] = ()
    after: tuple[str, ...] = ()
    writes: tuple[Path, ...] = ()
    capabilities: tuple[str, ...] = ()
    user: str = ""
    stop_seconds: int = 30
    survives: bool = False

    def mark(self) -> str:
        """A digest over the contents of ``reads``: definitions hold it, so as to differ when one does."""
        digest = hashlib.sha256()
        for path in self.reads:
            content = path.read_bytes() if path.is_file() else b""
            digest.update(b"%d:" % len(content) + content)
        return digest.hexdigest()


def own_program(module: str, *words: str) -> tuple[str, ...]:
    """The command that runs a module of ours with this Python."""
    return (sys.executable, "-m", module, *words)


def own_environment() -> dict[str, str]:
    """What a program of ours needs to find its modules as this one does; nothing where it is installed."""
    path = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": path} if path else {}


@dataclass(frozen=True)
class Health:
    """Whether a part does its work, told in one line: where it is reached, or what is wrong."""

    ok: bool
    message: str


@dataclass(frozen=True)
class Kept:
    """What a backup has to hold of a part, by absolute paths below the state or configuration directory.

    ``files`` may name directories, and what need not be there. ``databases`` are SQLite files that are in
    use: they are copied by SQLite itself.
    """

    files: tuple[Path, ...] = ()
    databases: tuple[Path, ...] = ()


class Part(Protocol):
    """One part of the undercloud on this machine. Everything it keeps lies in ``Site.directory(name)``."""

    @property
    def name(self) -> str:
        """What it is called in the other parts' ``needs``, in the status and on the command line."""

    @property
    def title(self) -> str:
        """What it is, in a few words."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the parts that have to be there before it."""

    @property
    def packages(self) -> tuple[Package, ...]:
        """The Debian packages that it needs; they are installed before ``prepare``."""

    @property
    def kept(self) -> Kept:
        """What a backup holds of it."""

    def problems(self) -> Iterable[Finding]:
        """Everything that speaks against installing it here, found without changing anything."""

    def prepare(self, say: Say) -> None:
        """Make all it needs before its processes run: files, keys, databases.

        Done again it changes nothing that is as it should be. Raises UndercloudError.
        """

    def processes(self) -> tuple[Process, ...]:
        """The programs that it consists of; asked after ``prepare``."""

    def healthy(self) -> Health:
        """How it is, asked from outside, in a few seconds at most; never raises."""

    def remove(self) -> None:
        """Take away what it made outside the state directory; done again it does nothing."""
