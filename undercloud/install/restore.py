"""Bringing an undercloud back from a backup: all of it is checked before anything is changed."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import make_url

from undercloud import durable
from undercloud.conf import load
from undercloud.conf.paths import Paths
from undercloud.conf.settings import overrides_beside
from undercloud.db import dumps, sessions
from undercloud.db.database import open_database, upgrade_database
from undercloud.diagnostics import UndercloudError
from undercloud.install import backup, installer
from undercloud.install.installation import RECORD, Installation, alone, intended, needed, parsed
from undercloud.install.part import Say

_CHUNK = 1 << 20
_SIGN_OF_LIFE = 60  # seconds; an engine asks its database more often, also when there is nothing to do
_FAREWELL = 3.0  # seconds for which a server may still list who has left it


@dataclass(frozen=True)
class Target:
    """Where an undercloud shall be brought back to; ``replace`` moves aside what is there."""

    state_dir: Path
    config_dir: Path | None = None
    processes: str = ""
    replace: bool = False


@dataclass(frozen=True)
class Former:
    """Where that which a restored undercloud replaces is kept, beside the state directory."""

    directory: Path
    database: Path
    """A copy of what was in the database on a server (SQL)."""

    @classmethod
    def of(cls, state_dir: Path) -> Former:
        """New places for this moment."""
        now = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
        return cls(
            state_dir.with_name(f"{state_dir.name}.before-{now}"),
            state_dir.with_name(f"{state_dir.name}.before-{now}.sql"),
        )

    @property
    def there(self) -> tuple[Path, ...]:
        """Those places that hold something."""
        return tuple(path for path in (self.directory, self.database) if path.exists())


def restore(file: Path, target: Target, say: Say) -> tuple[Installation, tuple[Path, ...]]:
    """Bring the undercloud of a backup back and start it; also tells where the former one is kept.

    The database on a server is put back before the state directory is exchanged: where that fails, its errors
    say where all that was there before is, and the same command can be given again.

    Raises before anything is changed: INST-032 for a backup that is damaged, DB- and VAULT- for a database
    or key in it that cannot be used, INST-033 over an undercloud that runs, INST-034 over one that is there
    or over a database on a server that is not empty, INST-036 where no setting names the server, INST-037
    where somebody else uses the database, and what :func:`installer.check` raises.
    """
    state_dir = target.state_dir
    with _staged(file, state_dir, say) as stage:
        installation = _described(file, stage, target)
        _may_replace(installation, target)
        installer.check(installation)
        connection = _check_server(installation, stage, target)
        former, fresh = Former.of(state_dir), stage / backup.STATE
        with alone(state_dir), _naming(former, fresh, state_dir):
            if connection:
                say("database on its server")
                _put_on_server(connection, stage / backup.DUMP, former)
            say(f"state directory {state_dir}")
            _exchange(fresh, state_dir, former)
            _configure(stage / backup.CONFIG, installation.site.config_dir)
            installation.write_record()
    found = needed(state_dir)  # with the operator's settings, which are only now in their place
    installer.install(found, say)
    return found, former.there


@contextmanager
def _staged(file: Path, state_dir: Path, say: Say) -> Iterator[Path]:
    """The archive's content in a private directory beside the state directory, so that it can be renamed."""
    say("checking the backup")
    try:
        state_dir.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state_dir.parent, prefix=".undercloud-restore.") as directory:
            stage = Path(directory)
            _unpack(file, stage)
            yield stage
    except OSError as error:
        raise _not_put(error) from error


def _not_put(error: OSError) -> UndercloudError:
    return UndercloudError.of(
        "INST-035",
        f"the backup cannot be unpacked or put in its place: {error.strerror or error}",
        fix="Run this as the user who shall own it, on a disk with room; nothing was lost.",
    )


@contextmanager
def _naming(former: Former, fresh: Path, state_dir: Path) -> Iterator[None]:
    """Errors name what was there before, once some of it is not in its place any more."""
    try:
        yield
    except (UndercloudError, OSError) as error:
        if not former.there:
            raise
        kept = []
        if former.database.exists():
            kept.append(f"the former database is in {former.database}")
        if former.directory.exists():
            kept.append(f"the former state directory is {former.directory}")
        elif fresh.exists():
            kept.append(f"the state directory {state_dir} is as it was")
        told = _not_put(error) if isinstance(error, OSError) else error
        more = f"{'; '.join(kept)}. Give --replace with the next attempt."
        raise UndercloudError(
            *(replace(one, fix=f"{one.fix} Nothing is lost: {more}") for one in told.findings)
        ) from error


def _unpack(file: Path, stage: Path) -> None:
    manifest, members = backup.opened(file)
    for name, stream in members:
        path = stage / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = manifest.members[name].mode & 0o700
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as copy:
            while data := stream.read(_CHUNK):
                copy.write(data)
    for name in manifest.databases:
        _check_database(file, stage / name)
    paths = Paths(stage / backup.STATE, stage)
    if paths.database.is_file():
        # Migrates the copy where the backup is older than this program, and proves that the key opens it.
        open_database("", paths.database, paths.key_file).close()


def _check_database(file: Path, database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        told = str(error)
    if told != "ok":
        raise backup.damaged(file, f"its database {database.name} is damaged: {told}")


def _described(file: Path, stage: Path, target: Target) -> Installation:
    """The installation that the archive's record describes, at its new place."""
    try:
        record = parsed((stage / backup.STATE / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise backup.damaged(file, f"the record of the installation cannot be used: {error}") from error
    record = replace(
        record,
        config_dir=str(target.config_dir or record.config_dir),
        processes=target.processes or record.processes,
    )
    return intended(record, target.state_dir)


def _may_replace(installation: Installation, target: Target) -> None:
    site = installation.site
    if site.running:
        raise UndercloudError.of(
            "INST-033",
            f"the undercloud in {site.state_dir} runs ({', '.join(sorted(site.running))})",
            fix="Take it away first, which makes a backup of it: openstack undercloud uninstall",
        )
    occupied = site.state_dir.exists() and any(site.state_dir.iterdir())
    if occupied and not target.replace:
        raise UndercloudError.of(
            "INST-034",
            f"{site.state_dir} is not empty",
            fix="Give --replace to have it moved aside, or another --undercloud-state-dir.",
        )


def _check_server(installation: Installation, stage: Path, target: Target) -> str:
    """See that a copy of a database on a server can be put back where the operator's settings will say.

    The URL of that database; empty where the backup has no such copy.
    """
    if not (stage / backup.DUMP).is_file():
        return ""
    connection = _connection(installation, stage)
    if not connection:
        raise UndercloudError.of(
            "INST-036",
            "the backup holds a database that was on a server, and no setting names one",
            fix=f"Write [database] connection into a file in {_overrides(installation)}.",
        )
    dumps.check(connection)
    shown = make_url(connection).render_as_string(hide_password=True)
    _unused(connection, shown)
    if not target.replace and not dumps.is_empty(connection):
        raise UndercloudError.of(
            "INST-034",
            f"the database {shown} is not empty",
            fix="Give --replace to have it copied beside the state directory first, or name an empty one.",
        )
    return connection


def _unused(connection: str, shown: str) -> None:
    """An engine elsewhere would go on writing, and with deployments that the backup calls running."""
    deadline = time.monotonic() + _FAREWELL
    while found := sessions.others(connection, _SIGN_OF_LIFE):
        if time.monotonic() > deadline:
            raise UndercloudError.of(
                "INST-037",
                f"the database {shown} is used from {', '.join(found)}: engines there would go on with it",
                fix="End the engines and APIs there, restore, then start them; or name an empty database.",
            )
        time.sleep(_FAREWELL / 10)


def _overrides(installation: Installation) -> Path:
    return overrides_beside(Path(installation.site.settings.file))


def _connection(installation: Installation, stage: Path) -> str:
    """The URL in the settings that will hold: those that are there, else the backup's."""
    there = _overrides(installation)
    kept = there if there.exists() else stage / backup.CONFIG / there.name
    probe = stage / "settings" / Path(installation.site.settings.file).name
    probe.parent.mkdir()
    probe.touch()
    if kept.exists():
        overrides_beside(probe).symlink_to(kept)
    return load(str(installation.site.state_dir), str(probe)).database.connection


def _put_on_server(connection: str, copy: Path, former: Former) -> None:
    """Put the copy back; what is there is copied first. An older copy is migrated."""
    if not dumps.is_empty(connection):
        dumps.save(connection, former.database)
    dumps.replace(connection, copy)
    upgrade_database(connection, copy)
    copy.unlink()


def _exchange(fresh: Path, state_dir: Path, former: Former) -> None:
    """Put the new state directory in its place; the old one is moved aside unless it is empty."""
    fresh.chmod(0o700)
    if state_dir.exists():
        if any(state_dir.iterdir()):
            state_dir.rename(former.directory)
        else:
            state_dir.rmdir()
    fresh.rename(state_dir)
    durable.sync_directory(state_dir.parent)


def _configure(kept: Path, config_dir: Path) -> None:
    """The operator's own settings, where there are none."""
    if kept.is_dir():
        for directory in kept.iterdir():
            if not (config_dir / directory.name).exists():
                config_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
                shutil.copytree(directory, config_dir / directory.name)
