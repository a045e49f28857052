"""An engine whose plan wants machines, with a real Ironic; plan, Ansible and SSH's answers are a world's."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.functional.baremetal.real_ironic import PASSWORD, USER, RealIronic
from tests.unit.deploy.machine_world import Answering, want
from tests.unit.deploy.world import World, make_world, request
from undercloud.baremetal import instackenv
from undercloud.baremetal.enrolment import enrol, manage
from undercloud.baremetal.fleet import Control, Pace, travel
from undercloud.baremetal.ironic import Ironic
from undercloud.baremetal.preparing import power, provide
from undercloud.conf import load
from undercloud.deploy.compiling import Wanted
from undercloud.deploy.engine import Deployment, Failure
from undercloud.deploy.local import LocalEngine


def silent(machine: str, message: str, status: str) -> None:
    """Nobody listens."""


@dataclasses.dataclass
class Place:
    """A world whose plan wants machines, and the Ironic that has them."""

    directory: Path
    world: World
    ironic: Ironic
    engine: LocalEngine
    ssh: Answering

    def close(self) -> None:
        for one in self.world.engines:
            one.close()

    def enrol(self, *nodes: dict[str, Any]) -> None:
        control = Control(self.ironic, silent, Pace(timeout=60, poll=0.1))
        entries = instackenv.read(json.dumps(nodes), "nodes.json")
        machines = enrol(control, entries).machines
        travel(control, machines, manage(self.ironic))
        travel(control, machines, power(self.ironic, "off"))  # fake hardware has no power of its own to tell
        travel(control, self.ironic.machines(), provide(self.ironic))

    def want(self, *nodes: Wanted) -> None:
        want(self.world, *nodes)

    def deploy(self, **changes: Any) -> Deployment:
        return self.engine.wait(self.engine.deploy(request(**changes)).id, 120)

    def failures(self) -> dict[str, Failure]:
        return {one.host: one for one in self.engine.failures("overcloud")}

    def states(self) -> dict[str, str]:
        return {one.name: one.provision_state for one in self.ironic.machines()}

    def until(self, *states: str) -> None:
        """Wait until a machine is in one of these states."""
        deadline = time.monotonic() + 60
        while not set(states) & set(self.states().values()):
            assert time.monotonic() < deadline, self.states()
            time.sleep(0.1)

    def owners(self) -> Mapping[str, str]:
        return {one.host: one.name for one in self.engine.machines() if one.host}


def make_place(directory: Path, service: RealIronic | None, ironic: Ironic) -> Place:
    """A place in a directory; without a ``service`` it is the one that was configured there before."""
    file = directory / "undercloud.conf"
    if service:
        make_world(
            directory,
            f"[baremetal]\nendpoint = {service.endpoint}\nusername = {USER}\n"
            f"password = {PASSWORD}\nssh_timeout = 10\n",
        )
    world = World(load(state_dir=str(directory / "state"), config_file=str(file), environment={}))
    world.ironic = lambda: ironic
    world.ssh = ssh = Answering()
    engine = ssh.engine = world.engine()
    return Place(directory, world, ironic, engine, ssh)


@contextlib.contextmanager
def killed(service: RealIronic, place: Place, state: str) -> Iterator[None]:
    """Ironic is killed as soon as a machine is in a state, and started anew a while later."""

    def accident() -> None:
        place.until(state)
        service.stop(signal.SIGKILL)
        time.sleep(2)
        service.start()

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(accident)
        yield
        done.result()
