"""How many reads of a deployment's status the service answers in a second, over HTTPS, on this machine.

``python -m benchmarks.status [SECONDS]``: a service with one deployment; clients that keep their connections,
each a process that does little more than send and receive; the same while another deployment is recorded.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import multiprocessing
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.measuring import machine
from undercloud.api import users
from undercloud.conf import load
from undercloud.db import deployments, events, plans
from undercloud.db.database import open_database
from undercloud.db.models import Deployment, Event
from undercloud.db.types import utcnow

_PASSWORD = "benchmark"  # noqa: S105 - of a service that lives for some seconds
_STAGES = ("plan", "compile", "preflight", "directory", *(f"step-{n}" for n in range(6)), "finish")
_EVENTS = 2000
_ID = "0" * 32
_OTHER = "1" * 32
_COMMITS = 20  # a second, while something is recorded: as a busy deployment makes them
PATHS = ("/v1/deployments/" + _ID, "/v1/stacks/overcloud", f"/v1/deployments/{_ID}/events?limit=20")


@dataclasses.dataclass(frozen=True)
class Served:
    """A running service: its address, its process, the file of the authority that it is to be trusted by."""

    address: tuple[str, int]
    process: int
    authority: str

    @property
    def cpu(self) -> float:
        """CPU seconds of its process so far (fields 14 and 15 of /proc/PID/stat, proc(5))."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Reads:
    """How long each answer took, in seconds and sorted; the seconds of all."""

    took: list[float]
    seconds: float
    cpu: float

    def __str__(self) -> str:
        middle, late = (self.took[len(self.took) * part // 100] * 1000 for part in (50, 99))
        return (
            f"{len(self.took) / self.seconds:6.0f}/s, half within {middle:.1f} ms, "
            f"99 % within {late:.1f} ms, {self.cpu / len(self.took) * 1000:.2f} ms of the service's CPU each"
        )


def fill(directory: Path) -> Path:
    """A configuration, and a database with two deployments that have ended; the configuration's file."""
    file = directory / "undercloud.conf"
    options = "[api]\nport = 0\nrate_limit = 10000000/minute\n"
    file.write_text(f"[paths]\nstate_dir = {directory}/state\n{options}")
    settings = load(config_file=str(file), environment={})
    users.put_user(settings.api.users(settings.paths.state_dir), "anna", _PASSWORD, "admin")
    database = open_database("", settings.paths.database, settings.paths.key_file)
    hosts = {f"node-{number}": {"ok": 40, "changed": 7} for number in range(20)}
    with database.write() as session:
        plan = plans.ensure(session, "overcloud")
        plans.add_version(session, database.vault, plan, {"site.yaml": b"{}"}, {})
        for name, stack in ((_ID, "overcloud"), (_OTHER, "other")):
            row = Deployment(
                id=name, stack=stack, operation="deploy", status="succeeded", stage="finish", version=1,
                compilation_id=None, sealed_request=b"", holder="here", fence=1, started=utcnow(),
                ended=utcnow(), hosts=hosts, findings=[], directory="", cancel=None, limited_to="",
                rollback_of="", playbook={},
            )  # fmt: skip
            deployments.add(session, row, _STAGES, "succeeded")
        events.append(session, _ID, map(_event, range(_EVENTS)))
    database.close()
    return file


def _event(number: int) -> Event:
    return Event(
        time=utcnow(),
        kind="result",
        stage="step-1",
        step=1,
        host=f"node-{number % 20}",
        status="ok",
        message="",
        data={"task": "reconcile", "elapsed": 0.5},
    )


@contextlib.contextmanager
def serving(file: Path) -> Iterator[Served]:
    """The real service on that configuration."""
    process = subprocess.Popen(
        [sys.executable, "-m", "undercloud.api.main", "--config-file", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split("//")[-1].strip()
        host, _, port = address.partition(":")
        authority = load(config_file=str(file), environment={}).paths.state_dir / "api" / "tls" / "ca.crt"
        yield Served((host, int(port)), process.pid, str(authority))
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def recording(file: Path) -> Iterator[None]:
    """Another process commits events of the other deployment, ``_COMMITS`` times a second."""
    process = multiprocessing.get_context("spawn").Process(target=_record, args=(file,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(30)


def _record(file: Path) -> None:
    paths = load(config_file=str(file), environment={}).paths
    database = open_database("", paths.database, paths.key_file)
    while True:
        with database.write() as session:
            events.append(session, _OTHER, map(_event, range(5)))
        time.sleep(1 / _COMMITS)


def reads(service: Served, path: str, clients: int, seconds: float) -> Reads:
    """What so many clients, each a process with one connection, get in that time."""
    before = service.cpu
    with ProcessPoolExecutor(clients, mp_context=multiprocessing.get_context("spawn")) as pool:
        asked = [pool.submit(_ask, service, path, seconds) for _ in range(clients)]
        answered = [each for answers in asked for each in answers.result()]
    begun, ended = min(first for first, _ in answered), max(last for _, last in answered)
    return Reads(sorted(last - first for first, last in answered), ended - begun, service.cpu - before)


def _ask(service: Served, path: str, seconds: float) -> list[tuple[float, float]]:
    """When each answer was asked for and had come (time.monotonic, which is one for all processes)."""
    context = ssl.create_default_context(cafile=service.authority)
    credentials = base64.b64encode(f"anna:{_PASSWORD}".encode()).decode()
    lines = (f"GET {path} HTTP/1.1", f"Host: {service.address[0]}", f"Authorization: Basic {credentials}")
    request = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
    answered: list[tuple[float, float]] = []
    with (
        socket.create_connection(service.address, 30) as plain,
        context.wrap_socket(plain, server_hostname=service.address[0]) as connection,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + seconds
        while (begun := time.monotonic()) < end:
            connection.sendall(request)
            _receive(connection)
            answered.append((begun, time.monotonic()))
    return answered


def _receive(connection: ssl.SSLSocket) -> None:
    """Read one answer to its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    missing = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]) - len(body)
    while missing > 0:
        missing -= len(_more(connection))


def _more(connection: ssl.SSLSocket) -> bytes:
    data = connection.recv(65536)
    assert data, "the service hung up"
    return data


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as directory:
        file = fill(Path(directory))
        with serving(file) as service:
            reads(service, PATHS[0], 1, 1)  # the first request costs a bcrypt
            for path in PATHS:
                for clients in (1, 8):
                    _tell(f"{path}, clients: {clients}", reads(service, path, clients, seconds))
                with recording(file):
                    _tell(f"{path}, clients: 8, recording", reads(service, path, 8, seconds))
    sys.stdout.write(machine() + "\n")


def _tell(what: str, found: Reads) -> None:
    sys.stdout.write(f"{what.replace(_ID, 'ID'):66} {found}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
