"""An undercloud on this machine as it was, or shall be, installed; and the record that is kept of it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from undercloud import durable
from undercloud.diagnostics import Location, Report, UndercloudError
from undercloud.install import configuration
from undercloud.install.part import Part, Process
from undercloud.install.parts import all_parts
from undercloud.install.processes import choice
from undercloud.install.processes.boot import Boot
from undercloud.install.processes.manager import Manager
from undercloud.install.site import Site
from undercloud.validation import undercloud_conf

RECORD = "installation.json"
_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """What an installation is made from: the operator's undercloud.conf, as text and by name, and choices.

    ``processes`` is the manager's name. Kept in ``RECORD`` of the state directory (mode 0600, since
    undercloud.conf may hold a password).
    """

    source: str
    undercloud_conf: str
    config_dir: str
    processes: str


@dataclass(frozen=True)
class Installation:
    """One undercloud: what its parts are told, the parts in their order, and what keeps them running."""

    record: Record
    site: Site
    parts: tuple[Part, ...]
    manager: Manager

    @property
    def file(self) -> Path:
        """Where the record is kept."""
        return self.site.state_dir / RECORD

    @property
    def boot(self) -> Boot:
        """What brings it back after a boot."""
        return Boot(self.site.state_dir, self.manager.name)

    def processes(self) -> tuple[Process, ...]:
        """The processes of all parts."""
        return tuple(process for part in self.parts for process in part.processes())

    def write_record(self) -> None:
        """Keep the record."""
        durable.write(self.file, json.dumps({"format": _FORMAT, **asdict(self.record)}, indent=2) + "\n")


def intended(record: Record, state_dir: Path) -> Installation:
    """The installation that a record describes; nothing is written.

    undercloud.conf is taken as it is: it has been validated. Raises DEP-020 for settings that are wrong.
    """
    manager = choice.manager(record.processes, state_dir)
    conf = undercloud_conf.read(record.undercloud_conf, record.source, Report())
    running = frozenset(name for name, state in manager.states().items() if state.pid)
    site = configuration.site(conf, state_dir, Path(record.config_dir), running)
    return Installation(record, site, all_parts(site), manager)


def installed(state_dir: Path) -> Installation | None:
    """The undercloud that is installed there, None if there is none.

    Raises INST-010 for a record that cannot be used.
    """
    record = recorded(state_dir)
    return intended(record, state_dir) if record else None


def needed(state_dir: Path) -> Installation:
    """The undercloud that is installed there; INST-011 if there is none."""
    found = installed(state_dir)
    if found is None:
        raise UndercloudError.of(
            "INST-011",
            f"no undercloud is installed in {state_dir}",
            fix="Install one: openstack undercloud install. Or name its place with --undercloud-state-dir.",
        )
    return found


def recorded(state_dir: Path) -> Record | None:
    """The record that is kept in a state directory, None if there is none; raises INST-010."""
    file = state_dir / RECORD
    try:
        return parsed(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UndercloudError.of(
            "INST-010",
            f"the record of the installation cannot be used: {error}",
            fix="Run this as the user who installed, or put the file back from a backup.",
            location=Location(str(file)),
        ) from None


def parsed(text: str) -> Record:
    """A record from its JSON; ValueError, KeyError or TypeError for what is none."""
    kept = json.loads(text)
    if kept.pop("format") != _FORMAT:
        raise ValueError("it is of another version of this program")
    return Record(**kept)


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """One command installs, upgrades, restores or uninstalls at a time; INST-012 for the second one."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UndercloudError.of(
                "INST-012",
                f"another command installs, backs up or removes the undercloud in {state_dir} now",
                fix="Wait until it is done.",
            ) from None
        yield
    finally:
        os.close(handle)
