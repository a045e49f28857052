"""Machines by IPMI: a rack's, real Ironic, and ipmitool between them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.functional.baremetal.commands import Commands
from tests.functional.baremetal.rack_tool import RackTool, needs_rack
from tests.functional.baremetal.real_ironic import RealIronic
from undercloud.baremetal.ironic import Ironic

pytestmark = [pytest.mark.functional, needs_rack]
RACK = ("--bmc", "ipmi", "--memory", "512", "--cpus", "1", "--disk", "1")


@pytest.fixture
def openstack(tmp_path: Path, service: RealIronic, ironic: Ironic) -> Commands:
    return Commands(tmp_path, service.endpoint)


def ask(rack: RackTool, *words: str) -> str:
    """What ipmitool says of the machine, which is asked past Ironic."""
    node = rack.registrations[0]
    where = ["-H", node["pm_addr"], "-p", node["pm_port"], "-U", node["pm_user"], "-E"]
    environment = {**os.environ, "IPMI_PASSWORD": node["pm_password"]}
    command = ["ipmitool", "-I", "lanplus", *where, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def enrol(openstack: Commands, rack: RackTool, status: int = 0, **changed: Any) -> Any:
    file = openstack.write("nodes.json", {"nodes": [{**rack.registrations[0], **changed}]})
    return openstack.json("overcloud", "node", "import", file, status=status)


def test_it_is_enrolled_turned_on_and_told_what_to_boot(
    openstack: Commands, rack: RackTool, ironic: Ironic
) -> None:
    assert enrol(openstack, rack)["deployment"]["status"] == "succeeded"
    machine = ironic.machine("node1")
    assert (machine.provision_state, machine.driver, machine.boot_interface) == ("manageable", "ipmi", "ipxe")
    assert "off" in ask(rack, "chassis", "power", "status")
    for device, said in (("disk", "Hard-Drive"), ("pxe", "PXE")):
        ironic._client.node.set_boot_device("node1", device, persistent=True)
        assert re.search(f"Boot Device Selector : .*{said}", ask(rack, "chassis", "bootparam", "get", "5"))
        assert ironic._client.node.get_boot_device("node1")["boot_device"] == device
    openstack("overcloud", "node", "power", "on", "node1")
    assert "on" in ask(rack, "chassis", "power", "status")
    assert rack.rows()[0]["power"] == "on"
    openstack("overcloud", "node", "power", "off", "node1")
    assert "off" in ask(rack, "chassis", "power", "status")
    assert rack.rows()[0]["power"] == "off"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"pm_password": "wrong"}, id="password"),
        pytest.param({"pm_port": "6299"}, id="silent", marks=pytest.mark.long),
    ],
)
def test_a_bmc_that_does_not_let_us_in_is_told(
    openstack: Commands, rack: RackTool, ironic: Ironic, wrong: dict[str, str]
) -> None:
    (failure,) = enrol(openstack, rack, status=1, **wrong)["failures"]
    assert (failure["host"], failure["finding"]["code"]) == ("node1", "BM-131")
    enrol(openstack, rack)
    assert ironic.machine("node1").provision_state == "manageable", "put right by the same file"


def test_it_is_discovered_and_never_enrolled_twice(
    openstack: Commands, rack: RackTool, ironic: Ironic, tmp_path: Path
) -> None:
    node = rack.registrations[0]
    look = (
        "overcloud",
        "node",
        "discover",
        "--ip",
        node["pm_addr"],
        "--protocol",
        "ipmi",
        "--port",
        node["pm_port"],
    )
    said = openstack(*look, "--credentials", "admin:nonsense", status=1)
    assert "BM-129" in said and f"{node['pm_addr']} port {node['pm_port']}" in said
    both = (
        *look,
        "--credentials",
        "admin:nonsense",
        "--credentials",
        f"{node['pm_user']}:{node['pm_password']}",
    )
    openstack(*both, "--output", "found.json")
    (found,) = json.loads((tmp_path / "found.json").read_text())["nodes"]
    assert {key: found[key] for key in ("pm_type", "pm_addr", "pm_port", "pm_password")} == {
        key: node[key] for key in ("pm_type", "pm_addr", "pm_port", "pm_password")
    }
    enrol(openstack, rack)
    assert "There is no other machine" in openstack(*both)
    assert [one.name for one in ironic.machines()] == ["node1"]
