"""What machines do wrong, and what befalls the undercloud while it works on them: against a real Ironic."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.baremetal.contrary_bmc import Contrary, contrary
from tests.functional.baremetal.place import Place, killed, make_place
from tests.functional.baremetal.real_ironic import PASSWORD, USER, RealIronic, bmcs
from tests.functional.baremetal.test_machines import INVENTORY, SYSTEM, Heard, codes, entries, fake, redfish
from tests.unit.deploy.machine_world import wanted
from tests.unit.deploy.world import request
from undercloud.baremetal import preparing
from undercloud.baremetal.enrolment import enrol, manage
from undercloud.baremetal.fleet import Control, Outcome, Pace, travel
from undercloud.baremetal.ironic import Access, Ironic
from undercloud.deploy.engine import Deployment, EventKind, Status
from undercloud.deploy.machines import BARE_METAL, MachinesRequest, MachineWork
from undercloud.deploy.requests import GivenFile

pytestmark = pytest.mark.functional
_ROOT = str(Path(__file__).resolve().parents[3])
_BIOS = {"bios_option1": "on"}


@pytest.fixture(scope="module")
def service(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealIronic]:
    """An Ironic that takes its time, so that there is a middle of things."""
    delays = "".join(f"{name}_delay = 4\n" for name in ("deploy", "inspect", "bios"))
    # A ramdisk whose cards are another machine's ports is refused: here nobody gets ports by being looked at.
    more = f"[fake]\n{delays}[inspector]\nadd_ports = disabled\n"
    made = RealIronic(tmp_path_factory.mktemp("slow"), more)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[tuple[Contrary, str]]:
    with bmcs(tmp_path, [SYSTEM]) as address, contrary(address) as made:
        yield made


@pytest.fixture
def control(ironic: Ironic) -> Control:
    return Control(ironic, Heard(), Pace(limit=4, timeout=60, poll=0.2))


def managed(control: Control, address: str) -> list[Outcome]:
    """Enrol the machine behind a BMC, or bring it up to date, and try to use the BMC."""
    return travel(control, enrol(control, entries(redfish(address))).machines, manage(control.ironic))


def test_a_slow_bmc_is_waited_for(control: Control, bmc: tuple[Contrary, str]) -> None:
    bmc[0].delay = 1.0
    assert codes(managed(control, bmc[1])) == [""]
    assert bmc[0].asked > 1


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        pytest.param("broken", "BM-110", marks=pytest.mark.long),  # it is asked ten times, as the silent one
        ("babbling", "BM-110"),
        pytest.param("silent", "BM-113", marks=pytest.mark.long),
    ],
)
def test_a_bmc_that_answers_wrongly_is_named_and_tried_again(
    control: Control, bmc: tuple[Contrary, str], mood: str, code: str
) -> None:
    bmc[0].mood = mood
    (outcome,) = managed(control, bmc[1])
    assert outcome.finding is not None
    assert outcome.finding.code == code, outcome.finding
    assert "redfish-1" in outcome.finding.message
    bmc[0].mood = ""
    assert codes(managed(control, bmc[1])) == [""]


def test_a_power_that_does_not_change(control: Control, bmc: tuple[Contrary, str]) -> None:
    machines = [one.machine for one in managed(control, bmc[1])]
    bmc[0].mood = "lazy"
    (outcome,) = travel(control, machines, preparing.power(control.ironic, "on"))
    assert outcome.finding is not None
    assert outcome.finding.code == "BM-114", outcome.finding
    bmc[0].mood = ""
    assert codes(travel(control, control.ironic.machines(), preparing.power(control.ironic, "on"))) == [""]


@pytest.mark.long
def test_a_bmc_that_freezes_while_it_is_asked_for_power(control: Control, bmc: tuple[Contrary, str]) -> None:
    """It takes calls and does not answer in time: nothing else becomes of its machine."""
    machines = [one.machine for one in managed(control, bmc[1])]
    bmc[0].delay = 20
    patient = dataclasses.replace(control, pace=dataclasses.replace(control.pace, timeout=300))
    (outcome,) = travel(patient, machines, preparing.power(control.ironic, "on"))
    assert outcome.finding is not None
    assert outcome.finding.code == "BM-113", outcome.finding
    assert "redfish-1" in outcome.finding.message
    assert control.ironic.machine("redfish-1").provision_state == "manageable"
    bmc[0].delay = 0
    assert codes(travel(patient, control.ironic.machines(), preparing.power(control.ironic, "on"))) == [""]


@pytest.fixture
def place(tmp_path: Path, service: RealIronic, ironic: Ironic) -> Iterator[Place]:
    made = make_place(tmp_path, service, ironic)
    yield made
    made.close()


def calls_back(place: Place, service: RealIronic, count: int, **shared: str) -> threading.Thread:
    """Ramdisks that call back as soon as their machines wait for them; each once."""

    def ramdisks() -> None:
        left = set(range(1, count + 1))
        deadline = time.monotonic() + 120
        while left and time.monotonic() < deadline:
            for number in sorted(left):
                if place.states().get(f"fake-{number}") == "inspect wait":
                    one = {**INVENTORY["interfaces"][0], "mac_address": f"52:54:00:00:00:{number:02x}"}
                    more = [{**one, "name": "eth1", "mac_address": mac} for mac in shared.values()]
                    if service.call_back({**INVENTORY, "interfaces": [one, *more]}).ok:
                        left.discard(number)
            time.sleep(0.2)

    thread = threading.Thread(target=ramdisks)
    thread.start()
    return thread


def preparation(count: int, *parts: MachineWork, **more: str) -> MachinesRequest:
    file = GivenFile("nodes.json", json.dumps([fake(number + 1, **more) for number in range(count)]))
    return MachinesRequest((MachineWork.ENROL, MachineWork.MANAGE, *parts), file, bios=_BIOS)


def test_two_machines_that_show_one_mac_are_told_of(place: Place, service: RealIronic) -> None:
    thread = calls_back(place, service, 2, both="52:54:00:00:00:aa")
    asked = preparation(2, MachineWork.INTROSPECT, inspect_interface="agent")
    ended = place.engine.wait(place.engine.prepare_machines(asked).id, 120)
    thread.join()
    told = {finding.code: finding.message for finding in ended.findings}
    assert "52:54:00:00:00:aa" in told["BM-124"]
    assert "fake-1" in told["BM-124"]
    assert "fake-2" in told["BM-124"]


_CHILD = """
import sys
from pathlib import Path
from tests.functional.baremetal.test_machine_faults import child
child(Path(sys.argv[1]), *sys.argv[2:])
"""


def child(directory: Path, endpoint: str, what: str) -> None:
    """Work in a process of its own, to be killed."""
    place = make_place(directory, None, Ironic(Access(endpoint, USER, PASSWORD)))
    place.engine.wait(_start(place, what).id, 120)


def _start(place: Place, what: str) -> Deployment:
    if what == "deploy":
        place.want(wanted(0), wanted(1))
        return place.engine.deploy(request())
    part = {"inspect": MachineWork.INTROSPECT, "clean": MachineWork.BIOS}[what]
    return place.engine.prepare_machines(preparation(2, part, MachineWork.PROVIDE, bios_interface="fake"))


@pytest.mark.parametrize(
    ("what", "states", "later"),
    [
        ("inspect", ("inspecting", "inspect wait"), False),
        ("clean", ("cleaning", "clean wait"), True),
        pytest.param("inspect", ("inspecting", "inspect wait"), True, marks=pytest.mark.long),
        pytest.param("clean", ("cleaning", "clean wait"), False, marks=pytest.mark.long),
        pytest.param("deploy", ("deploying",), False, marks=pytest.mark.long),
        pytest.param("deploy", ("deploying",), True, marks=pytest.mark.long),
    ],
)
def test_the_undercloud_is_killed_and_the_next_engine_goes_on(
    place: Place, service: RealIronic, what: str, states: tuple[str, ...], later: bool
) -> None:
    if what == "deploy":
        place.enrol(fake(1), fake(2), fake(3))
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(place.directory), service.endpoint, what],
        env={**os.environ, "PYTHONPATH": _ROOT},
    )
    place.until(*states)
    stack = "overcloud" if what == "deploy" else BARE_METAL
    deadline = time.monotonic() + 60
    while len(_begun(place, stack, what)) < 2:  # both are on their way, and that is written down
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.wait()
    if later:  # Ironic brings it to its end, and nobody is there to see it
        place.until("active" if what == "deploy" else "manageable")
        time.sleep(2)
    if what == "deploy":
        place.want(wanted(0), wanted(1))
    (taken,) = place.engine.take_over()
    ended = place.engine.wait(taken, 120)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert len(place.engine.deployments(stack)) == 1
    expected = ["active", "active", "available"] if what == "deploy" else ["available", "available"]
    assert sorted(place.states().values()) == expected
    # Whoever was set out by the dead engine was not set out again.
    begun = _begun(place, stack, what)
    assert len(begun) <= 4, begun
    if later:
        assert len(begun) == len(set(begun)) == 2, begun


def _begun(place: Place, stack: str, what: str) -> list[str]:
    """The machines that were set out, as the one deployment tells it."""
    (deployment,) = place.engine.deployments(stack)
    return [
        event.host
        for event in place.engine.events(deployment.id)
        if event.kind is EventKind.TASK and event.message.endswith(f": {_VERBS[what]} begins")
    ]


_VERBS = {"inspect": "inspect", "clean": "set the BIOS", "deploy": "deploy"}


@pytest.mark.long
def test_ironic_is_killed_while_it_cleans(place: Place, service: RealIronic) -> None:
    asked = dataclasses.replace(preparation(2, MachineWork.BIOS, bios_interface="fake"), timeout=120)
    with killed(service, place, "cleaning"):
        ended = place.engine.wait(place.engine.prepare_machines(asked).id, 180)
    assert ended.status is Status.SUCCEEDED, ended.findings
    assert set(place.states().values()) == {"manageable"}
