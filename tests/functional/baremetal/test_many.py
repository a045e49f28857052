"""A thousand machines that are not there, or as many as UNDERCLOUD_MACHINES says, through a real Ironic."""

from __future__ import annotations

import dataclasses
import os
import resource
import time
from pathlib import Path

import pytest

from tests.functional.baremetal.place import make_place
from tests.functional.baremetal.real_ironic import RealIronic
from tests.unit.deploy.machine_world import wanted
from undercloud.baremetal.ironic import Ironic
from undercloud.deploy.engine import Status
from undercloud.deploy.machines import MachinesRequest, MachineWork
from undercloud.deploy.requests import GivenFile

pytestmark = [pytest.mark.functional, pytest.mark.long]
COUNT = int(os.environ.get("UNDERCLOUD_MACHINES") or 1000)
FILE = Path(os.environ.get("UNDERCLOUD_MACHINES_LOG") or "/dev/null")


def test_a_thousand_machines(tmp_path: Path, service: RealIronic) -> None:
    place = make_place(tmp_path, service, Ironic(service.access))
    lines = [
        f"- {{name: m{n}, pm_type: fake, profile: p{n % 5}, "
        f"mac: ['52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}']}}\n"
        for n in range(COUNT)
    ]
    file = GivenFile("machines.yaml", "nodes:\n" + "".join(lines))
    told = FILE.open("a")

    def timed(what: str, request: MachinesRequest) -> None:
        began, cpu = time.monotonic(), time.process_time()
        ended = place.engine.wait(place.engine.prepare_machines(request).id, 3000)
        assert ended.status is Status.SUCCEEDED, ended.findings[:3]
        say(what, began, cpu)

    def say(what: str, began: float, cpu: float) -> None:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        wall, own = time.monotonic() - began, time.process_time() - cpu
        told.write(
            f"{COUNT} {what}: {wall:.0f} s, own CPU {own:.0f} s, {memory} MiB, Ironic {service.memory} MiB\n"
        )
        told.flush()

    timed("import", MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE), file, concurrency=100))
    timed("import again", MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE), file, concurrency=100))
    timed("inspect", MachinesRequest((MachineWork.INTROSPECT,), concurrency=100))
    timed("power off", MachinesRequest((MachineWork.POWER,), power="off", concurrency=100))
    timed("provide", MachinesRequest((MachineWork.PROVIDE,), concurrency=100))
    nodes = (wanted(n, capabilities={"profile": f"p{n % 5}"}) for n in range(COUNT))
    place.want(
        *(
            dataclasses.replace(one, address=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", cidr="10.0.0.0/8")
            for n, one in enumerate(nodes)
        )
    )
    began, cpu = time.monotonic(), time.process_time()
    ended = place.deploy()
    ended = place.engine.wait(ended.id, 3000)
    say("provision", began, cpu)
    place.close()
    assert ended.status is Status.SUCCEEDED, ended.findings[:3]
    told.close()
