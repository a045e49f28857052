"""Real PostgreSQL and MariaDB servers from Debian's packages, in a temporary directory, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy

_PATIENCE = 60  # seconds until a server answers


class Server:
    """A database server of the tests' own; ``url`` names its administrative database."""

    def __init__(self, kind: str) -> None:
        # In memory, since nothing here shall outlive a power failure; with a short path, since that of
        # a socket may have 107 characters.
        memory = Path("/dev/shm")
        self.directory = Path(tempfile.mkdtemp(prefix=f"uc-{kind}-", dir=memory if memory.is_dir() else None))
        self.kind = kind
        self.user = _user()
        if os.geteuid() == 0:
            shutil.chown(self.directory, self.user)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    @property
    def url(self) -> sqlalchemy.URL:
        """The administrative database."""
        socket = str(self.directory)
        if self.kind == "postgresql":
            return sqlalchemy.URL.create(
                "postgresql+psycopg", username="undercloud", database="postgres", query={"host": socket}
            )
        return sqlalchemy.URL.create(
            "mysql+pymysql", username="root", database="mysql", query={"unix_socket": f"{socket}/socket"}
        )

    def prepare(self) -> None:
        """Make the files of an empty server."""
        data = str(self.directory / "data")
        if self.kind == "postgresql":
            # Collation C: what sorts and compares as bytes on one database does so on all.
            options = ["--auth=trust", "--username=undercloud", "--no-sync", "--encoding=UTF8", "--locale=C"]
            self._run([_binary("initdb"), "--pgdata", data, *options])
        else:
            options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--no-defaults"]
            # no-defaults has to come first
            self._run(["mariadb-install-db", options[2], *options[:2], f"--datadir={data}"])

    def start(self) -> None:
        """Start it and wait until it answers."""
        data = self.directory / "data"
        if self.kind == "postgresql":
            sockets = f"unix_socket_directories={self.directory}"
            settings = ["listen_addresses=", sockets, "fsync=off", "max_connections=50"]
            command = [_binary("postgres"), "-D", str(data), *(w for s in settings for w in ("-c", s))]
        else:
            command = [
                "mariadbd",
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={self.directory}/socket",
                f"--pid-file={self.directory}/pid",
                "--skip-networking",
                # As Debian does not set it, but many an administrator: our texts must not depend on it.
                "--character-set-server=latin1",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
            ]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, **self._as()
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: quickly (PostgreSQL's fast shutdown), or with SIGKILL as a power failure would."""
        if self._process is None:
            return
        self._process.send_signal(
            how if self.kind == "postgresql" or how is signal.SIGKILL else signal.SIGTERM
        )
        self._process.wait(_PATIENCE)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        name = f"test_{self._made}"
        engine = sqlalchemy.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _as(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            check=False,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self._as(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _wait(self) -> None:
        engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                engine.connect().close()
            except sqlalchemy.exc.OperationalError as error:
                log = (self.directory / "log").read_text(errors="replace")[-2000:]
                assert self._process is not None
                assert self._process.poll() is None, log
                assert time.monotonic() < deadline, f"{error}\n{log}"
                time.sleep(0.1)
            else:
                return


def installed(kind: str) -> bool:
    """Whether Debian's package is there."""
    return bool(_binary("postgres") if kind == "postgresql" else shutil.which("mariadbd"))


@contextmanager
def running(kind: str) -> Iterator[Server]:
    """A server, gone at the end with all it kept."""
    server = Server(kind)
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.directory)


def _user() -> str:
    """Who the server runs as: PostgreSQL refuses root."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _binary(name: str) -> str:
    """A program of PostgreSQL's; Debian keeps those of a server out of PATH."""
    found = shutil.which(name)
    if found:
        return found
    return next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), "")
