"""Copies of a database on a server, by the server's own programs: pg_dump and psql, mariadb-dump and mariadb.

A copy is SQL text. Passwords reach the programs by their environment or a private file, never by their words.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, MetaData, inspect
from sqlalchemy.engine import make_url

from undercloud.db.database import explained, make_engine
from undercloud.diagnostics import UndercloudError

_LONGEST = 3600  # seconds that a copy may take
_PG = {
    "host": "PGHOST",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
_MARIADB = {"unix_socket": "socket", "ssl_ca": "ssl-ca", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}
"""What a URL's query may say, and how the programs call it."""


@dataclass(frozen=True)
class _Programs:
    """The words that copy a database and put it back, and the Debian package that has both programs."""

    package: str
    dump: Sequence[str]
    load: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    rest: Sequence[str] = ()
    """What ends the words that put a copy back: that it is read from the standard input."""


def save(url: str, file: Path) -> None:
    """Write a copy of one moment to ``file`` (mode 0600) while the database is used.

    Raises UndercloudError: DB-007 where the program is not here, DB-008 where it fails.
    """
    with _programs(make_url(url)) as programs, _private(file) as stream:
        _run(programs.dump, programs, url, stdout=stream)


def check(url: str) -> None:
    """See that the programs are here; raises DB-007."""
    with _programs(make_url(url)) as programs:
        for words in (programs.dump, programs.load):
            _run([words[0], "--version"], programs, url, stdout=subprocess.DEVNULL)


def is_empty(url: str) -> bool:
    """Whether the database has no table; raises DB-001 and DB-004 where it cannot be asked."""
    engine = make_engine(url)
    try:
        with explained(engine):
            return not inspect(engine).get_table_names()
    finally:
        engine.dispose()


def replace(url: str, file: Path) -> None:
    """Take every table out of the database and put a copy in; raises as ``save``.

    PostgreSQL does it in one transaction: where it fails, the database is as it was. MariaDB's statements
    commit by themselves; who replaces what is in use makes a copy first.
    """
    first: list[str] = []
    engine = make_engine(url)
    try:
        with explained(engine):
            there = MetaData()
            there.reflect(engine)
            if engine.dialect.name != "postgresql":
                there.drop_all(engine)
            elif there.tables:
                names = map(engine.dialect.identifier_preparer.format_table, there.tables.values())
                first = ["--command", f"DROP TABLE {', '.join(names)}"]
    finally:
        engine.dispose()
    with _programs(make_url(url)) as programs, file.open("rb") as stream:
        _run([*programs.load, *first, *programs.rest], programs, url, stdin=stream)


@contextmanager
def _private(file: Path) -> Iterator[int]:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield handle
        os.fsync(handle)
    except BaseException:
        file.unlink()  # half a copy is none
        raise
    finally:
        os.close(handle)


@contextmanager
def _programs(url: URL) -> Iterator[_Programs]:
    if url.get_backend_name() == "postgresql":
        load = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"]
        dump = ["pg_dump", "--no-owner", "--no-privileges"]
        yield _Programs("postgresql-client", dump, load, _postgresql(url), ["--file", "-"])
        return
    with tempfile.NamedTemporaryFile("w", prefix="undercloud.", suffix=".cnf") as options:  # mode 0600
        options.write(_mariadb(url))
        options.flush()
        own = f"--defaults-extra-file={options.name}"
        name = url.database or ""
        common = [own, "--default-character-set=utf8mb4"]
        dump = ["mariadb-dump", *common, "--single-transaction", "--quick", "--hex-blob", "--no-tablespaces"]
        yield _Programs("mariadb-client", [*dump, name], ["mariadb", *common, name])


def _postgresql(url: URL) -> dict[str, str]:
    told: dict[str, object] = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
    }
    told |= {_PG[name]: value for name, value in url.query.items() if name in _PG and isinstance(value, str)}
    found = {name: str(value) for name, value in told.items() if value}
    return {**found, "PGDATABASE": url.database or "", "PGCONNECT_TIMEOUT": "30"}


def _mariadb(url: URL) -> str:
    told: dict[str, object] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
    }
    told |= {_MARIADB[name]: value for name, value in url.query.items() if name in _MARIADB and value}
    lines = (f'{name} = "{_quoted(str(value))}"\n' for name, value in told.items() if value)
    return "[client]\n" + "".join(lines)


def _quoted(text: str) -> str:
    """As MariaDB's option files have it."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _run(
    words: Sequence[str],
    programs: _Programs,
    url: str,
    *,
    stdin: object = subprocess.DEVNULL,
    stdout: object = subprocess.DEVNULL,
) -> None:
    environment = {**os.environ, **programs.environment}
    shown = make_url(url).render_as_string(hide_password=True)
    try:
        done = subprocess.run(
            list(words),
            stdin=stdin,  # type: ignore[call-overload]
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=_LONGEST,
            check=False,
        )
    except FileNotFoundError:
        raise UndercloudError.of(
            "DB-007",
            f"the database is on a server ({shown}), and {words[0]}, which copies it, is not here",
            fix=f"Install it: apt install {programs.package}",
        ) from None
    except subprocess.TimeoutExpired:
        why = f"{words[0]} took longer than {_LONGEST} s"
    else:
        if done.returncode == 0:
            return
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = f"{words[0]}: {said[-1] if said else f'status {done.returncode}'}"
    raise UndercloudError.of(
        "DB-008",
        f"the database {shown} could not be copied or put back: {why}",
        fix="Mend what the program says (it may not be older than the server), then run the command again.",
    )
