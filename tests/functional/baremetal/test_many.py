"""A thousand machines that are not there, or as many as UNDERCLOUD_MACHINES says, through a real Ironic."""

from __future__ import annotations

import dataclasses
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal.place import Place, make_place
from tests.functional.baremetal.real_ironic import RealIronic
from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import request
from undercloud.baremetal.ironic import Ironic
from undercloud.baremetal.network_data import Attachment
from undercloud.deploy.compiling import Wanted
from undercloud.deploy.engine import Deployment, Status
from undercloud.deploy.machines import MachinesRequest, MachineWork
from undercloud.deploy.requests import GivenFile

pytestmark = [pytest.mark.functional, pytest.mark.long]
COUNT = int(os.environ.get("UNDERCLOUD_MACHINES") or 1000)
PATIENCE = 3600.0  # seconds for one stage
FILE = Path(os.environ.get("UNDERCLOUD_MACHINES_LOG") or "/dev/null")


@pytest.fixture
def place(tmp_path: Path, service: RealIronic) -> Iterator[Place]:
    made = make_place(tmp_path, service, Ironic(service.access))
    yield made
    made.close()


def test_a_thousand_machines(place: Place, service: RealIronic) -> None:
    lines = [
        f"- {{name: m{n}, pm_type: fake, profile: p{n % 5}, "
        f"mac: ['52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}']}}\n"
        for n in range(COUNT)
    ]
    file = GivenFile("machines.yaml", "nodes:\n" + "".join(lines))

    def timed(what: str, begin: Callable[[], Deployment]) -> None:
        began, cpu, theirs = time.monotonic(), time.process_time(), service.used()[1]
        ended = place.engine.wait(begin().id, PATIENCE)
        wall, own = time.monotonic() - began, time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        held, had = service.used()
        with FILE.open("a") as told:
            told.write(
                f"{COUNT} {what}: {wall:.0f} s; we: {own:.1f} s of CPU, {memory} MiB; "
                f"Ironic: {had - theirs} s of CPU, {held} MiB; load {os.getloadavg()[0]:.0f}\n"
            )
        assert ended.status is Status.SUCCEEDED, ended.findings[:3]

    def prepared(what: str, work: MachinesRequest) -> None:
        timed(what, lambda: place.engine.prepare_machines(work))

    prepared("import", MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE), file, concurrency=100))
    prepared("import again", MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE), file, concurrency=100))
    prepared("inspect", MachinesRequest((MachineWork.INTROSPECT,), concurrency=100))
    prepared("power off", MachinesRequest((MachineWork.POWER,), power="off", concurrency=100))
    prepared("provide", MachinesRequest((MachineWork.PROVIDE,), concurrency=100))
    nodes = (wanted(n, capabilities={"profile": f"p{n % 5}"}) for n in range(COUNT))
    place.want(*(_at(one, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n, one in enumerate(nodes)))
    timed("provision", lambda: place.engine.deploy(request()))
    assert set(place.states().values()) == {"active"}


def _at(one: Wanted, address: str) -> Wanted:
    """The node with another address, of a network that has room for all of them."""
    plane = Attachment("ctlplane", address, "10.0.0.0/8")
    return dataclasses.replace(one, address=address, attachments=(plane,))
