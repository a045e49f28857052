"""A real Ironic for the tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal import ironic_environment
from tests.functional.baremetal.rack_tool import SUBNET, RackTool
from tests.functional.baremetal.real_ironic import RealIronic
from undercloud.baremetal.ironic import Ironic


@pytest.fixture(scope="session")
def installed() -> Path:
    """Ironic's virtual environment."""
    return ironic_environment.ensure()


@pytest.fixture(scope="module")
def service(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIronic]:
    service = RealIronic(tmp_path_factory.mktemp("ironic"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def rack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RackTool]:
    """A rack of one machine; the options of ``RACK`` in the test's module say what it is."""
    tool = RackTool(tmp_path_factory.mktemp("rack") / "it")
    try:
        tool("up", "--nodes", "1", "--ctlplane", SUBNET, *request.module.RACK)
        yield tool
    finally:
        tool("down")


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
