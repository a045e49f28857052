"""How many reads of a deployment's status the service answers in a second, over HTTPS, on this machine.

``python -m benchmarks.status [SECONDS]``: a service with one deployment, clients that keep their connections.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
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
PATHS = ("/v1/deployments/" + _ID, "/v1/stacks/overcloud", f"/v1/deployments/{_ID}/events?limit=20")


def fill(directory: Path) -> Path:
    """A configuration, and a database with one deployment that has ended; the configuration's file."""
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
        row = Deployment(
            id=_ID, stack="overcloud", operation="deploy", status="succeeded", stage="finish", version=1,
            compilation_id=None, sealed_request=b"", holder="here", fence=1, started=utcnow(), ended=utcnow(),
            hosts=hosts, findings=[], directory="", cancel=None, limited_to="", rollback_of="", playbook={},
        )  # fmt: skip
        deployments.add(session, row, _STAGES, "succeeded")
        told = (
            Event(
                time=utcnow(),
                kind="result",
                stage="step-1",
                step=1,
                host=f"node-{number % 20}",
                status="ok",
                message="",
                data={"task": "reconcile", "elapsed": 0.5},
            )
            for number in range(_EVENTS)
        )
        events.append(session, _ID, told)
    database.close()
    return file


@contextlib.contextmanager
def serving(file: Path) -> Iterator[tuple[str, int]]:
    """The real service on that configuration: its host and port."""
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
        yield host, int(port)
    finally:
        process.terminate()
        process.wait(30)


def reads(
    address: tuple[str, int], authority: str, path: str, clients: int, seconds: float
) -> tuple[int, list[float]]:
    """How many answers so many clients got, and how long each took."""
    took: list[float] = []
    end = time.monotonic() + seconds
    context = ssl.create_default_context(cafile=authority)
    credentials = base64.b64encode(f"anna:{_PASSWORD}".encode()).decode()

    def ask() -> None:
        connection = http.client.HTTPSConnection(*address, context=context, timeout=30)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (begun := time.monotonic()) < end:
            connection.request("GET", path, headers={"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            took.append(time.monotonic() - begun)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(took), sorted(took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as directory, serving(fill(Path(directory))) as address:
        authority = str(Path(directory) / "state" / "api" / "tls" / "ca.crt")
        reads(address, authority, PATHS[0], 1, 1)  # the first request costs a bcrypt
        for path in PATHS:
            for clients in (1, 8):
                count, took = reads(address, authority, path, clients, seconds)
                middle, late = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
                sys.stdout.write(
                    f"{path.replace(_ID, 'ID'):40} {clients} clients: {count / seconds:6.0f}/s, "
                    f"half within {middle:.1f} ms, 99 % within {late:.1f} ms\n"
                )
    sys.stdout.write(machine() + "\n")


if __name__ == "__main__":
    main()
