"""RAID by Redfish on a machine with two disks, as far as sushy-tools emulates it.

A ramdisk has to run for it: some minutes without KVM, besides the images (UNDERCLOUD_RACK_STORE keeps them).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.functional.baremetal.rack_tool import RackTool, needs_rack
from tests.functional.baremetal.virtual_machine import Operator, undercloud
from tools.rack import hypervisor
from tools.rack.model import Rack

pytestmark = [pytest.mark.functional, pytest.mark.long, needs_rack]
RACK = ("--memory", "2048", "--disks", "2")
MIRROR = {"volume_name": "system", "size_gb": 2, "raid_level": "1", "is_root_volume": True}


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with undercloud(tmp_path_factory.mktemp("operator")) as operator:
        operator("overcloud", "node", "import", str(rack.directory / "instackenv.json"))
        yield operator


def test_the_bmc_makes_a_volume(operator: Operator, rack: RackTool) -> None:
    """sushy-tools makes a volume of libvirt's, which no machine has, and does not keep the RAID's level."""
    operator("overcloud", "raid", "create", "--node", "node1", json.dumps({"logical_disks": [MIRROR]}))
    assert operator.machine()["state"] == "manageable"
    (member,) = rack.bmc("GET", "Storage/1/Volumes").json()["Members"]
    identity = member["@odata.id"].rpartition("/")[2]
    volume = rack.bmc("GET", f"Storage/1/Volumes/{identity}").json()
    assert (volume["Name"], volume["CapacityBytes"]) == ("system", 2 * 1024**3)
    assert identity in hypervisor.virsh(Rack.at(rack.directory), "vol-list", hypervisor.POOL)
