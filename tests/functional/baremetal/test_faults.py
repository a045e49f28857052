"""Accidents while machines are installed: Ironic dies, the engine dies, an operator stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal.real_ironic import RealIronic
from tests.functional.baremetal.test_machines import fake
from tests.functional.baremetal.test_provisioning import Place, make_place
from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import request
from undercloud.baremetal.ironic import Ironic
from undercloud.deploy.engine import Status

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def slow(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIronic]:
    """An Ironic that takes some seconds to write an image."""
    service = RealIronic(tmp_path_factory.mktemp("slow"), fake="deploy_delay = 4")
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


def until(place: Place, state: str) -> None:
    for _ in range(200):
        if state in place.states().values():
            return
        time.sleep(0.1)
    raise AssertionError(place.states())


def test_ironic_is_killed_while_it_writes_an_image(place: Place, slow: RealIronic) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0), wanted(1))

    def accident() -> None:
        until(place, "deploying")
        slow.stop(signal.SIGKILL)
        time.sleep(2)
        slow.start()

    thread = threading.Thread(target=accident)
    thread.start()
    ended = place.deploy()
    thread.join()
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert set(place.states().values()) == {"active"}


def test_stopped_in_the_middle_and_gone_on_with(place: Place) -> None:
    place.enrol(fake(1), fake(2))
    place.want(wanted(0))
    started = place.engine.deploy(request())
    until(place, "deploying")
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


def test_the_undercloud_is_killed_while_machines_are_installed(place: Place, slow: RealIronic) -> None:
    place.enrol(fake(1), fake(2), fake(3))
    root = str(Path(__file__).resolve().parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(place.directory), slow.endpoint],
        env={**os.environ, "PYTHONPATH": root},
    )
    until(place, "deploying")
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
