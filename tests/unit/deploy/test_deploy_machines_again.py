"""A file of machines that is imported again: what others set since then stays, what it changes comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.simulated_ironic import SimulatedIronic
from tests.unit.deploy.world import make_world
from undercloud.baremetal.ironic import Machine, Patch
from undercloud.deploy.engine import Status
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import BARE_METAL, Configuration, MachinesRequest, MachineWork
from undercloud.deploy.requests import GivenFile

ENTRY = {
    "name": "node-1",
    "pm_type": "redfish",
    "pm_addr": "bmc-1",
    "pm_user": "u",
    "pm_password": "p",
    "mac": ["52:54:00:00:00:01"],
    "capabilities": "boot_mode:uefi",
}


class Masking(SimulatedIronic):
    """Shows no passwords, as the real one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, hurry=True)
        self.patches: list[Patch] = []

    def machines(self, *, full: bool = True) -> list[Machine]:
        found = super().machines(full=full)
        for one in found:
            one.driver_info["redfish_password"] = "******"  # type: ignore[index]
        return found

    def update(self, name: str, patch: Patch) -> None:
        self.patches.append(patch)
        super().update(name, patch)


class Again:
    def __init__(self, directory: Path) -> None:
        world = make_world(directory, "[baremetal]\nendpoint = http://192.0.2.1:6385\n")
        self.ironic = Masking(directory)
        world.ironic = lambda: self.ironic
        self.engine: LocalEngine = world.engine()

    def run(self, request: MachinesRequest) -> list[str]:
        ended = self.engine.wait(self.engine.prepare_machines(request).id, 60)
        assert ended.status is Status.SUCCEEDED, ended.findings
        return [event.message for event in self.engine.events(ended.id) if event.host == "node-1"]

    def enrol(self, **more: Any) -> list[str]:
        file = GivenFile("nodes.json", json.dumps([{**ENTRY, **more}]))
        return self.run(MachinesRequest((MachineWork.ENROL,), file=file))

    @property
    def machine(self) -> Machine:
        return self.ironic.machine("node-1")


@pytest.fixture
def again(tmp_path: Path) -> Iterator[Again]:
    made = Again(tmp_path)
    assert made.enrol() == ["enrolled"]
    yield made
    made.engine.close()


def test_what_a_profile_wrote_stays(again: Again) -> None:
    """The request is that of `profiles match`."""
    chosen = Configuration(capabilities={"profile": "compute"})
    again.run(MachinesRequest((MachineWork.CONFIGURE,), machines=("node-1",), configuration=chosen))
    assert again.enrol() == ["known already"], "a password alone is no news"
    assert again.machine.capabilities == {"boot_mode": "uefi", "profile": "compute"}
    assert again.enrol(capabilities="boot_mode:bios") == ["brought up to date"]
    assert again.machine.capabilities == {"boot_mode": "bios", "profile": "compute"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boot_interface", "ipxe"),
        ("inspect_interface", "redfish"),
        ("description", "third rack"),
        ("owner", "lab"),
        ("lessee", "guests"),
        ("automated_clean", False),
    ],
)
def test_what_the_file_says_now(again: Again, field: str, value: Any) -> None:
    assert again.enrol(**{field: value}) == ["brought up to date"]
    machine = again.machine
    interfaces = {f"{kind}_interface": one for kind, one in machine.interfaces.items()}
    assert {**machine.settings, **interfaces}[field] == value
    assert again.enrol(**{field: value}) == ["known already"]


def test_a_new_password_reaches_ironic_all_the_same(again: Again) -> None:
    assert again.enrol(pm_password="new") == ["known already"]
    assert {"op": "add", "path": "/driver_info/redfish_password", "value": "new"} in again.ironic.patches[-1]
    assert [one.stack for one in again.engine.deployments(BARE_METAL)] == [BARE_METAL] * 2


def test_drivers_that_ironic_does_not_have_are_told_before_anything_is_done(again: Again) -> None:
    """Ironic 39 has none for iLO and iRMC."""
    ilo = {"pm_type": "ilo", "pm_addr": "bmc-2", "pm_user": "u", "pm_password": "p"}
    nodes = [
        {**ENTRY, "name": "node-2", "pm_addr": "bmc-3", "mac": ["52:54:00:00:00:03"]},
        *(
            {**ilo, "name": f"ilo-{n}", "pm_addr": f"ilo-{n}", "mac": [f"52:54:00:00:01:0{n}"]}
            for n in (1, 2)
        ),
    ]
    file = GivenFile("nodes.json", "[\n" + ",\n".join(map(json.dumps, nodes)) + "\n]")
    request = MachinesRequest((MachineWork.ENROL,), file=file)
    ended = again.engine.wait(again.engine.prepare_machines(request).id, 60)
    found = [(finding.code, finding.locations[0].line) for finding in ended.findings]
    assert (ended.status, found) == (Status.FAILED, [("BM-136", 3), ("BM-136", 4)])
    assert [one.name for one in again.ironic.machines()] == ["node-1"]
