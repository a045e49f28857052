"""Accidents while machines are installed: Ironic dies, the engine dies, an operator stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal.place import Place, killed, make_place
from tests.functional.baremetal.real_ironic import RealIronic
from tests.functional.baremetal.test_machines import fake
from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import request
from undercloud.baremetal.ironic import Ironic
from undercloud.deploy.engine import Status

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def slow(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIronic]:
    """An Ironic that takes some seconds to write an image."""
    service = RealIronic(tmp_path_factory.mktemp("slow"), "[fake]\ndeploy_delay = 4\n")
    service.start()
    yield service
    service.stop()


@pytest.fixture
def place(tmp_path: Path, slow: RealIronic) -> Iterator[Place]:
    ironic = Ironic(slow.access)
    made = make_place(tmp_path, slow, ironic)
    yield made
    made.close()
    for machine in ironic.machines():
        ironic.set_maintenance(machine.uuid, True)
        ironic.delete(machine.uuid)


def test_ironic_is_killed_while_it_writes_an_image(place: Place, slow: RealIronic) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0), wanted(1))

    with killed(slow, place, "deploying"):
        ended = place.deploy()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert set(place.states().values()) == {"active"}


def test_stopped_in_the_middle_and_gone_on_with(place: Place) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0))
    started = place.engine.deploy(request())
    place.until("deploying")
    place.engine.cancel(started.id, "lunch")
    stopped = place.engine.wait(started.id, 30)
    assert (stopped.status, stopped.stage) == (Status.INTERRUPTED, "provision")
    owners = place.owners()
    ended = place.engine.wait(place.engine.resume(started.id).id, 60)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert place.owners() == owners
    assert sorted(place.states().values()) == ["active", "available"]


_CHILD = """
import sys
from pathlib import Path
from tests.functional.baremetal.test_faults import child
child(Path(sys.argv[1]), sys.argv[2])
"""


def child(directory: Path, endpoint: str) -> None:
    """Deploy in a process of its own, to be killed."""
    from tests.functional.baremetal.real_ironic import PASSWORD, USER
    from undercloud.baremetal.ironic import Access

    place = make_place(directory, None, Ironic(Access(endpoint, USER, PASSWORD)))
    place.want(wanted(0), wanted(1))
    place.engine.wait(place.engine.deploy(request()).id, 60)


@pytest.mark.long
def test_the_undercloud_is_killed_while_machines_are_installed(place: Place, slow: RealIronic) -> None:
    place.enrol(fake(1), fake(2), fake(3))
    root = str(Path(__file__).resolve().parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(place.directory), slow.endpoint],
        env={**os.environ, "PYTHONPATH": root},
    )
    place.until("deploying")
    process.kill()
    process.wait()
    place.want(wanted(0), wanted(1))
    (left,) = place.engine.deployments("overcloud")
    assert left.status is Status.INTERRUPTED
    owners = place.owners()
    assert set(owners) == {"compute-0", "compute-1"}
    ended = place.engine.wait(place.engine.resume(left.id).id, 90)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert place.owners() == owners, "nobody changed machines"
    assert sorted(place.states().values()) == ["active", "active", "available"]
