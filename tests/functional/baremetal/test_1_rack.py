"""A rack that stands and goes: machines with BMCs that obey, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

from tests.functional.baremetal.rack_tool import SUBNET, RackTool, needs_rack

pytestmark = [pytest.mark.functional, needs_rack]
RACK = ("--memory", "512", "--cpus", "1", "--disk", "1")
RESET = "Actions/ComputerSystem.Reset"


def power(tool: RackTool) -> str:
    return str(tool.bmc("GET", "").json()["PowerState"])


def test_machines_are_off_until_somebody_turns_them_on(rack: RackTool) -> None:
    (row,) = rack.rows()
    assert (row["name"], row["power"], row["bmc"]) == ("node1", "off", "ok")
    assert power(rack) == "Off"


def test_the_bmc_wants_its_password_and_tls(rack: RackTool) -> None:
    node = rack.registrations[0]
    assert rack.bmc("GET", "", auth=(node["pm_user"], "wrong")).status_code == 401
    assert rack.bmc("GET", "", auth=None).status_code == 401
    with pytest.raises(requests.exceptions.SSLError):
        rack.bmc("GET", "", verify=True)


def test_the_bmc_turns_it_on_and_off(rack: RackTool) -> None:
    assert rack.bmc("POST", RESET, {"ResetType": "On"}).status_code == 204
    assert power(rack) == "On" and rack.rows()[0]["power"] == "on"
    until = time.monotonic() + 60
    while not rack("console", "node1", check=False).stdout and time.monotonic() < until:
        time.sleep(1)
    assert rack("console", "node1").stdout, "the firmware says something on the serial port"
    assert rack.bmc("POST", RESET, {"ResetType": "ForceOff"}).status_code == 204
    assert power(rack) == "Off"


def test_the_bmc_tells_of_its_disk(rack: RackTool) -> None:
    drives = rack.bmc("GET", "Storage/1/Drives/RACKDISK1")
    assert drives.json()["CapacityBytes"] == 1024**3


def test_up_again_changes_nothing_and_adds_machines(rack: RackTool) -> None:
    before = rack.registrations
    rack("up", "--nodes", "1")
    assert rack.registrations == before
    rack("up", "--nodes", "2", "--memory", "512", "--disk", "1")
    assert rack.registrations[:1] == before
    assert [row["bmc"] for row in rack.rows()] == ["ok", "ok"]


def test_two_racks_cannot_have_one_address(rack: RackTool, tmp_path: Path) -> None:
    second = RackTool(tmp_path / "second")
    done = second("up", "--nodes", "1", "--ctlplane", SUBNET, check=False)
    assert done.returncode == 1 and "already an address" in done.stderr
    second("down")


def test_a_first_up_that_fails_leaves_no_network_and_no_process(tmp_path: Path) -> None:
    before = traces()
    tool = RackTool(tmp_path / "failed")
    small = ("--ctlplane", _beside(SUBNET), "--memory", "512", "--disk", "1")
    try:
        done = tool("up", "--nodes", "1", *small, "--cpus", "4000", check=False)
        assert done.returncode == 1 and "rack: " in done.stderr, done.stderr
        assert traces() == before
        assert str(tool.directory) not in processes()
        tool("up", "--nodes", "1", *small)
        assert [row["bmc"] for row in tool.rows()] == ["ok"]
    finally:
        tool("down")
    assert traces() == before


@pytest.mark.parametrize("killed", [False, True])
def test_down_leaves_nothing(tmp_path: Path, killed: bool) -> None:
    before = traces()
    tool = RackTool(tmp_path / "gone")
    try:
        tool("up", "--nodes", "1", "--ctlplane", _beside(SUBNET), "--memory", "512", "--disk", "1")
        identity = tool.registrations[0]["pm_system_id"]
        assert tool.bmc("POST", RESET, {"ResetType": "On"}).status_code == 204
        assert identity.rpartition("/")[2] in processes()
        if killed:
            kill_libvirt(tool.directory)
    finally:
        tool("down")
    assert not tool.directory.exists()
    assert traces() == before
    assert str(tool.directory) not in processes() and identity.rpartition("/")[2] not in processes()


def kill_libvirt(directory: Path) -> None:
    """As an end of the whole computer does it: its socket is left where it was."""
    pid = int((directory / "libvirt" / "libvirtd.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


def _beside(subnet: str) -> str:
    """Another subnet than the module's rack has: the one after it."""
    first, second, third, _ = subnet.split(".")
    return f"{first}.{second}.{int(third) + 1}.0/24"


def traces() -> tuple[list[str], list[str], list[str]]:
    """Links, mounts and short-lived directories of this machine."""
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout)
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    runtime = Path("/run/undercloud-lab")
    kept = sorted(path.name for path in runtime.iterdir()) if runtime.exists() else []
    return [link["ifname"] for link in links], mounts, kept


def processes() -> str:
    """The command lines of all processes."""
    return subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
