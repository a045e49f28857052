"""A real Ironic for the tests of this directory; skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal.real_ironic import VENV, RealIronic
from undercloud.baremetal.ironic import Ironic


@pytest.fixture(scope="module")
def installed() -> None:
    if not (VENV / "bin" / "ironic").exists():
        pytest.skip(f"Ironic is not installed in {VENV}: UNDERCLOUD_IRONIC_VENV names another place")


@pytest.fixture(scope="module")
def service(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIronic]:
    service = RealIronic(tmp_path_factory.mktemp("ironic"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def ironic(service: RealIronic) -> Iterator[Ironic]:
    """The client; machines that a test leaves are removed."""
    client = Ironic(service.access)
    yield client
    for machine in client.machines():
        client.set_maintenance(machine.uuid, True)
        client.delete(machine.uuid)
    for allocation in client.allocations():
        client.deallocate(allocation.uuid)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path
