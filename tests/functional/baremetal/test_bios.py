"""BIOS settings of a rack's machine: real Ironic between us and the BMC. No ramdisk is booted for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.baremetal.commands import Commands
from tests.functional.baremetal.rack_tool import RackTool, needs_rack
from tests.functional.baremetal.real_ironic import RealIronic
from undercloud.baremetal.ironic import Ironic

pytestmark = [pytest.mark.functional, needs_rack]
RACK = ("--memory", "512", "--cpus", "1", "--disk", "1")
TURBO = "ProcTurboMode"


@pytest.fixture
def openstack(tmp_path: Path, service: RealIronic, ironic: Ironic, rack: RackTool) -> Commands:
    made = Commands(tmp_path, service.endpoint)
    made("overcloud", "node", "import", made.write("nodes.json", {"nodes": rack.registrations}))
    return made


def attributes(rack: RackTool) -> dict[str, str]:
    """What the BMC says, asked past Ironic."""
    found: dict[str, str] = rack.bmc("GET", "BIOS").json()["Attributes"]
    return found


def test_settings_reach_the_machine_and_go_back(openstack: Commands, ironic: Ironic, rack: RackTool) -> None:
    factory = attributes(rack)
    assert factory[TURBO] == "Enabled"
    configure = ("overcloud", "node", "bios", "configure", "--configuration")
    openstack(*configure, f'{{"settings": [{{"name": "{TURBO}", "value": "Disabled"}}]}}', "node1")
    assert attributes(rack) == {**factory, TURBO: "Disabled"}
    assert openstack.json("overcloud", "node", "show", "node1")["bios"][TURBO] == "Disabled"
    openstack("overcloud", "node", "bios", "reset", "node1")
    assert attributes(rack) == factory
    assert ironic.machine("node1").provision_state == "manageable"
