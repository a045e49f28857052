"""Ironic as the undercloud runs it, on each database and with a message bus."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.functional.baremetal.real_ironic import free_port
from tests.unit.db import servers
from tests.unit.deploy import rabbit
from undercloud.baremetal.service.ironic import IronicService
from undercloud.baremetal.service.settings import IronicSettings
from undercloud.images import tls

PATIENCE = 120.0  # seconds until it is healthy
PASSWORD = "a long secret"

pytestmark = pytest.mark.functional


@pytest.fixture(params=["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.long)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database; empty for the embedded one."""
    if request.param == "sqlite":
        yield ""
        return
    if not servers.installed(request.param):
        pytest.skip(f"{request.param} is not installed (tools/bootstrap.sh --servers)")
    server = servers.Server(request.param)
    server.prepare()
    server.start()
    yield server.new_database()
    server.stop()


@pytest.fixture
def bus(database: str) -> Iterator[str]:
    """RabbitMQ where there is a database server, too."""
    if not database:
        yield ""
        return
    if not rabbit.installed():
        pytest.skip("RabbitMQ is not installed (tools/bootstrap.sh --servers)")
    broker = rabbit.Rabbit()
    broker.start()
    yield broker.url
    broker.remove()


@pytest.fixture
def service(installed: Path, tmp_path: Path, database: str, bus: str) -> IronicService:
    """An Ironic of its own on a free port, in the environment that is there already."""
    directory = tmp_path / "ironic"
    directory.mkdir()
    (directory / "venv").symlink_to(installed)
    made = tls.ensure(tmp_path / "tls", ["127.0.0.1"], server="ironic")
    settings = IronicSettings(
        directory,
        tmp_path / "files",
        "127.0.0.1",
        made.certificate,
        made.key,
        made.authority,
        port=free_port(),
        database=database,
        transport_url=bus,
        hardware_types=("redfish", "ipmi", "fake-hardware"),
    )
    return IronicService(settings, PASSWORD)


@contextmanager
def running(service: IronicService, log: Path) -> Iterator[None]:
    """Its process, as a process manager starts it."""
    own = {"HOME": str(log.parent), "LANG": "C.UTF-8", **service.environment()}
    with (
        log.open("ab") as stream,
        subprocess.Popen(
            service.command(), env=own, stdout=stream, stderr=stream, start_new_session=True
        ) as process,
    ):
        try:
            until = time.monotonic() + PATIENCE
            while wrong := service.healthy():
                said = log.read_text(errors="replace")[-3000:]
                assert process.poll() is None and time.monotonic() < until, f"{wrong}\n{said}"
                time.sleep(0.5)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def test_it_is_healthy_and_stays_so_when_prepared_again(service: IronicService, tmp_path: Path) -> None:
    assert "does not answer" in service.healthy()
    service.prepare()
    with running(service, tmp_path / "log"):
        assert service.healthy() == ""
        service.prepare()
        assert service.healthy() == ""
        assert IronicService(service.settings, "another").healthy(), "the password is asked for"
    service.prepare()
    with running(service, tmp_path / "log"):
        assert service.healthy() == ""
