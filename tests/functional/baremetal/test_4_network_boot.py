"""A machine that boots over the network: by DHCP, TFTP and iPXE to a ramdisk that looks, cleans and installs.

Some ten minutes without KVM, besides the images (UNDERCLOUD_RACK_STORE keeps them between runs).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.functional.baremetal.rack_tool import HOST, RackTool, needs_rack
from tests.functional.baremetal.virtual_machine import Operator, undercloud
from tests.functional.cloud.terminal import LIMIT
from tests.functional.install.dhcp_client import lease

pytestmark = [pytest.mark.functional, pytest.mark.long, needs_rack]
RACK = ("--memory", "2048")
RAMDISK = "initrd=authority.cpio"  # in the arguments that iPXE gives its kernel


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with undercloud(tmp_path_factory.mktemp("operator"), more="ipxe_enabled = true\n") as operator:
        yield operator


def parts(operator: Operator) -> dict[str, str]:
    """What each healthy process says of itself."""
    rows = json.loads(operator("undercloud", "status", "-f", "json"))
    return {row["Process"]: row["Says"] for row in rows if row["Healthy"]}


@pytest.fixture
def plug(operator: Operator) -> Iterator[str]:
    """A card in the provisioning network, which is nobody's."""
    name, bridge = f"ucq{os.getpid()}", parts(operator)["dhcp"].partition(";")[0]
    inside = f"ucr{os.getpid()}"
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", inside], check=True)
    try:
        subprocess.run(["ip", "link", "set", inside, "master", bridge, "up"], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)


def console(rack: RackTool) -> str:
    """All that the machine wrote to its serial port."""
    return rack("console", "--lines", "100000", "node1").stdout


def boot(operator: Operator) -> str:
    """Which boot of the node this is; empty while it does not answer."""
    try:
        return operator.enter("cat /proc/sys/kernel/random/boot_id").strip()
    except subprocess.SubprocessError:
        return ""


def test_it_is_inspected_over_the_network_and_nobody_else_is_answered(
    operator: Operator, rack: RackTool, plug: str
) -> None:
    mac = rack.registrations[0]["ports"][0]["address"]
    assert lease(plug, mac, seconds=3) is None, "it is not registered yet"
    nodes = [{**node, "boot_interface": "ipxe"} for node in rack.registrations]
    operator.write("nodes.json", json.dumps({"nodes": nodes}))
    operator("overcloud", "node", "import", "--introspect", "nodes.json")
    (row,) = json.loads(operator("overcloud", "node", "list", "-f", "json"))
    assert (row["state"], row["cpus"], int(row["memory GiB"])) == ("manageable", 2, 2)
    assert "RACKDISK1" in row["root disk"]
    assert "1 machine known" in parts(operator)["dhcp"]
    said = console(rack)
    assert f"http://{HOST}.1:8088/boot.ipxe... ok" in said
    assert RAMDISK in said and "BOOTIF=" in said
    assert lease(plug, "52:54:00:00:00:fe", seconds=3) is None, "a stranger"
    operator("overcloud", "node", "power", "off", "node1")
    given = lease(plug, mac)
    assert given is not None and given.address == f"{HOST}.100"


def test_it_becomes_a_node_that_boots_from_its_disk(operator: Operator, rack: RackTool) -> None:
    """It was off: cleaning boots the ramdisk anew, which then writes the image without another boot."""
    inspected = console(rack).count(RAMDISK)
    operator("overcloud", "node", "provide", "node1")
    assert operator.machine()["state"] == "available"
    cleaned = console(rack).count(RAMDISK)
    assert cleaned > inspected
    done = operator.provision(operator.deployment("deployment.yaml"))
    assert done.status == 0, done.text
    hostname, root = operator.enter("hostname; findmnt -no SOURCE /").split()
    assert (hostname, root.rstrip("0123456789")) == ("first-0", "/dev/sda")
    assert "first-0" in operator.machine()["node"]
    first = boot(operator)
    operator("overcloud", "node", "power", "reboot", "node1")
    until = time.monotonic() + LIMIT
    while boot(operator) in {"", first}:
        assert time.monotonic() < until, "it does not boot from its disk again"
        time.sleep(2)
    assert console(rack).count(RAMDISK) == cleaned, "the ramdisk was not booted for it"
