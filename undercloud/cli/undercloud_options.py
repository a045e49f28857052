"""What the commands about the undercloud itself share: their place, their progress, the file of its API."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import pwd
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from undercloud.cli import clouds_file, plugin

if TYPE_CHECKING:
    from undercloud.conf import Settings
    from undercloud.db.database import Database
    from undercloud.install.installation import Installation
    from undercloud.install.part import Say
    from undercloud.install.site import Site

ENTRY = "undercloud"
"""The name in underclouds.yaml: `openstack --undercloud undercloud …`."""
_TOP = "underclouds"
_SYSTEM = Path("/etc/undercloud")
_USERS = Path("~/.config/undercloud")
_REMINDER = 10  # seconds


def state_directory(app: Any) -> Path:
    """Where the undercloud is, as option, environment and configuration say."""
    return plugin.settings_of(app.client_manager).paths.state_dir


def usual_config_directory() -> Path:
    """Where its configuration is written: the system's place for root, the user's own for others."""
    return _SYSTEM if os.geteuid() == 0 else _USERS.expanduser()


def needed(app: Any) -> Installation:
    """The undercloud that is installed; INST-011 if there is none."""
    from undercloud.install import installation  # noqa: PLC0415  (start-up)

    return installation.needed(state_directory(app))


@contextlib.contextmanager
def progress(app: Any) -> Iterator[Say]:
    """Says on stderr what is done now, with the seconds since the start; nothing with -q.

    What takes longer than ``_REMINDER`` seconds is named again and again, so that nobody takes it for dead.
    """
    steps = _Steps(app.stderr if app.options.verbose_level else io.StringIO())
    reminder = threading.Thread(target=steps.remind, daemon=True)
    reminder.start()
    try:
        yield steps.say
    finally:
        steps.ended.set()
        reminder.join()


class _Steps:
    """What is done now, and since when (by the monotonic clock)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = self._told = time.monotonic()
        self._now = ""
        self.ended = threading.Event()

    def say(self, text: str) -> None:
        """A step begins."""
        self._now = text
        self._write(text)

    def remind(self) -> None:
        """Until all is over."""
        while not self.ended.wait(1):
            if self._now and time.monotonic() - self._told >= _REMINDER:
                self._write(f"{self._now} …")

    def _write(self, text: str) -> None:
        self._told = time.monotonic()
        self._stream.write(f"{self._told - self._began:6.1f} s  {text}\n")
        self._stream.flush()


def open_database(settings: Settings) -> Database:
    """The undercloud's own database."""
    from undercloud.db import database  # noqa: PLC0415  (start-up)

    options, paths = settings.database, settings.paths
    return database.open_database(options.connection, paths.database, paths.key_file, options.busy_timeout)


def add_backup(parser: argparse.ArgumentParser) -> None:
    """Where the backup goes that is made first, or that there shall be none."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--backup",
        metavar="<file>",
        help="Where the backup goes that is made first (default: undercloud-backup-TIME.tar.gz here)",
    )
    group.add_argument("--no-backup", action="store_true", help="Make none")


def add_processes(parser: argparse.ArgumentParser) -> None:
    """What keeps the processes running."""
    parser.add_argument(
        "--processes",
        choices=("systemd", "supervisor"),
        help="What keeps them running (default: as installed; systemd where it runs this machine)",
    )


def back_up(app: Any, parsed_args: argparse.Namespace, found: Installation, say: Say) -> Path | None:
    """Make the backup that the options ask for; where it is."""
    from undercloud.install import backup  # noqa: PLC0415  (start-up)

    if parsed_args.no_backup:
        return None
    file = Path(parsed_args.backup or backup.usual_name()).expanduser().absolute()
    backup.write(found, file, say)
    app.stderr.write(f"backup: {file}\n")
    return file


def put_entry(site: Site) -> list[Path]:
    """Write how the API is reached into underclouds.yaml; the files that say so now.

    One lies with the configuration; where that is no place that is looked in, so does one of the user. Who
    installs with sudo has one of their own.
    """
    written = _files(site)
    for file in written:
        clouds_file.put(file, ENTRY, _entry(site), _TOP)
    person = _person()
    if person is not None:
        written.append(_persons(person))
        _give(person, written[-1].parent)
        clouds_file.put(written[-1], ENTRY, _entry(site), _TOP)
        _give(person, written[-1])
    return written


def drop_entry(site: Site) -> None:
    """Take it out again; another undercloud's stays, a file that holds none does not."""
    for file in _files(site):
        _drop(file, site)
    person = _person()
    if person is not None and _drop(_persons(person), site):
        _give(person, _persons(person))


def _drop(file: Path, site: Site) -> bool:
    """Whether it was written: it had the entry, and has others."""
    if not clouds_file.drop(file, ENTRY, _entry(site), _TOP):
        return False
    if clouds_file.is_empty(file, _TOP):
        file.unlink()
        return False
    return True


def _person() -> pwd.struct_passwd | None:
    """Who called sudo, None where nobody did."""
    name = os.environ.get("SUDO_USER", "")
    if os.geteuid() != 0 or name in {"", "root"}:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _persons(person: pwd.struct_passwd) -> Path:
    from undercloud.client.settings import FILE  # noqa: PLC0415  (start-up)

    return Path(person.pw_dir) / ".config/undercloud" / FILE


def _give(person: pwd.struct_passwd, path: Path) -> None:
    """Make a directory and what is missing above it, or take a file that is there: all of it the person's."""
    for directory in reversed(path.parents):
        if not directory.exists():
            _give(person, directory)
    if not path.exists():
        path.mkdir(mode=0o700)
    elif path.is_dir():
        return
    os.chown(path, person.pw_uid, person.pw_gid)


def _files(site: Site) -> list[Path]:
    from undercloud.client.settings import FILE  # noqa: PLC0415  (start-up)

    looked_in = {_SYSTEM, _USERS.expanduser()}
    own = [] if site.config_dir in looked_in else [_USERS.expanduser()]
    return [directory / FILE for directory in (site.config_dir, *own)]


def _entry(site: Site) -> dict[str, str]:
    from undercloud.install.installer import AUTHORITY  # noqa: PLC0415  (start-up)
    from undercloud.install.parts.api import USER  # noqa: PLC0415

    trust = {"cacert": str(site.config_dir / AUTHORITY)} if site.cacert else {}
    return {"url": site.url, "username": USER, "password": site.secret(USER), **trust}
