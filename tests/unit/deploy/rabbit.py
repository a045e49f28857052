"""A real RabbitMQ from Debian's package, in a temporary directory, on a port of 127.0.0.1 that was free."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_PATIENCE = 120  # seconds; Erlang starts slowly on a busy machine


def installed() -> bool:
    """Whether the package is there."""
    return _SERVER.exists()


class Rabbit:
    """A broker of the tests' own; the one of the system, if any, is left alone."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="uc-rabbit-"))
        self.port, distribution = _free_port(), _free_port()
        (self.directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.directory / "plugins").write_text("[].\n")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            # A port mapper of its own, which ends with it: epmd of the system may not run.
            "ERL_EPMD_PORT": str(_free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As oslo.messaging wants it."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it and wait until it speaks AMQP."""
        with (self.directory / "out").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_SERVER)],
                env=self._environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            told = (self.directory / "out").read_text(errors="replace")[-3000:]
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.3)

    def stop(self) -> None:
        """End it, with all processes that it started."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(_PATIENCE)
        self._process = None

    def remove(self) -> None:
        """End it and remove what it kept."""
        self.stop()
        subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                # AMQP 0-9-1, 4.2.2: the broker answers a protocol header with Connection.Start (class 10).
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
