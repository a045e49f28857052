"""One Ironic from nothing to running, and how it is; who keeps its process running is not its matter."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import requests

from undercloud import durable
from undercloud.baremetal.service import configuration, environment, ipxe
from undercloud.baremetal.service.settings import USER, IronicSettings
from undercloud.diagnostics import UndercloudError
from undercloud.images.registry import htpasswd_line

_PATIENCE = 5.0  # seconds for an answer about its health
_MIGRATION = 600.0
_TAIL = 12


class IronicService:
    """Makes what Ironic needs, says how it is started, and asks how it is."""

    def __init__(self, settings: IronicSettings, password: str) -> None:
        self.settings = settings
        self._password = password

    def prepare(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Environment, password, configuration, database; what is as it should be is left alone.

        Raises UndercloudError: INST-070 the environment, INST-071 the database.
        """
        settings = self.settings
        settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        say("Ironic's own Python packages")
        environment.ensure(settings.venv, environment.requirements(), say)
        self._link_mkisofs()
        for directory in configuration.directories(settings):
            directory.mkdir(parents=True, exist_ok=True)
        self._write_password()
        _write(configuration.grub_template(settings), configuration.GRUB)
        _write(configuration.boot_script(settings), ipxe.BEGIN)
        _write(configuration.machine_script(settings), ipxe.machine_script(settings.files_url))
        authority = ipxe.authority_archive(settings.authority.read_bytes())
        durable.write(settings.files / ipxe.AUTHORITY, authority, 0o644)
        _write(settings.configuration, configuration.configuration(settings))
        say("Ironic's database")
        self._migrate()

    def command(self) -> tuple[str, ...]:
        """What runs it: API and conductor in one process."""
        return (str(self.settings.venv / "bin/ironic"), "--config-file", str(self.settings.configuration))

    def environment(self) -> dict[str, str]:
        """What its process has to have in its environment."""
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": f"{self._programs}:{self.settings.venv / 'bin'}:{system}"}

    def healthy(self) -> str:
        """What is wrong with it, empty if nothing: the API answers, and a conductor drives machines.

        Drivers are those of conductors that live. (With SQLite a conductor has no heartbeat: the list of
        conductors calls it dead while it works.)
        """
        settings = self.settings
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy lies between an undercloud and itself
                answer = session.get(
                    f"{settings.endpoint}/v1/drivers",
                    auth=(USER, self._password),
                    verify=str(settings.authority),
                    timeout=_PATIENCE,
                )
            answer.raise_for_status()
            drivers = answer.json()["drivers"]
        except (OSError, ValueError, KeyError) as error:  # requests' errors are OSErrors
            return f"{settings.endpoint} does not answer as it should: {error}"
        return "" if drivers else f"{settings.endpoint} answers, but no conductor drives machines"

    @property
    def _programs(self) -> Path:
        return self.settings.directory / "bin"

    def _link_mkisofs(self) -> None:
        """Ironic calls mkisofs by name, for boot media and config drives; Debian has xorriso's form of it."""
        self._programs.mkdir(exist_ok=True)
        link = self._programs / "mkisofs"
        if not link.is_symlink():
            link.symlink_to("/usr/bin/xorrisofs")

    def _write_password(self) -> None:
        settings = self.settings
        client = {
            "endpoint": settings.endpoint,
            "username": USER,
            "password": self._password,
            "ca_file": str(settings.authority),
        }
        text = json.dumps(client, indent=2) + "\n"
        if (
            not settings.passwords.exists()
            or not settings.client.exists()
            or settings.client.read_text() != text
        ):
            durable.write(settings.passwords, htpasswd_line(USER, self._password))
            durable.write(settings.client, text)

    def _migrate(self) -> None:
        """Bring the database to this Ironic's schema.

        An embedded database is made with the whole schema at once: Ironic's migrations do not run on SQLite.
        It writes ahead, as Ironic means it to (its own statement for that does not reach SQLite).
        """
        if not self.settings.database and not self.settings.sqlite.exists():
            # Made under another name: one that was begun only is never taken for a whole one.
            begun = self.settings.directory / "ironic.sqlite.new"
            begun.unlink(missing_ok=True)
            self._dbsync(f"sqlite:///{begun}", "create_schema")
            begun.rename(self.settings.sqlite)
        else:
            self._dbsync(self.settings.connection, "upgrade")
        if not self.settings.database:
            write_ahead(self.settings.sqlite)  # again: a backup does not

    def _dbsync(self, connection: str, action: str) -> None:
        command = [
            str(self.settings.venv / "bin/ironic-dbsync"),
            "--config-file",
            str(self.settings.configuration),
        ]
        done = subprocess.run(
            [*command, action],
            env={**os.environ, **self.environment(), "OS_DATABASE__CONNECTION": connection},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_MIGRATION,
            check=False,
        )
        if done.returncode:
            lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()
            said = "\n".join(f"    {line}" for line in lines[-_TAIL:])
            raise UndercloudError.of(
                "INST-071",
                f"Ironic's database cannot be brought to its schema; it said:\n{said}",
                fix="See that the database answers and is Ironic's; what it holds is left as it was.",
            )


def write_ahead(database: Path) -> None:
    """Have an SQLite database keep changes in a log first, for good; one at work just now stays as it is.

    A change waits for the disk once, not three times, and who reads does not wait for who writes.
    """
    busy = contextlib.suppress(sqlite3.OperationalError)
    with busy, contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _write(path: Path, text: str) -> None:
    """Write a file only where it would change: processes are started anew when what they read does."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        durable.write(path, text)
