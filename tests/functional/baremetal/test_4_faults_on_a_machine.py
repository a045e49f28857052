"""What goes wrong with a real machine while it is installed, each told once, and the next run goes on.

Without KVM it takes two boots of the ramdisk and one of the node more than the first machine's test.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.functional.baremetal import lldp
from tests.functional.baremetal.rack_tool import HOST, RackTool, needs_rack
from tests.functional.baremetal.virtual_machine import Operator, undercloud
from tests.functional.cloud.terminal import OPENSTACK, Said
from tools.lab import networks
from tools.rack import hypervisor
from tools.rack.model import Rack
from undercloud.baremetal.ironic import Access, Ironic, Machine
from undercloud.baremetal.service.settings import files_directory
from undercloud.diskimages import published

pytestmark = [pytest.mark.functional, pytest.mark.long, needs_rack]
RACK = ("--memory", "2048")

SILENCE = int(os.environ.get("UNDERCLOUD_RAMDISK_TIMEOUT", "300"))  # seconds, in which it has to boot, too
SWITCH = "02:1d:0d:00:00:01"


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator whose machine can be deployed; a switch spoke while it was looked at."""
    own = f"[ironic]\nlldp_seconds = 20\nramdisk_timeout = {SILENCE}\n"
    described = Rack.at(rack.directory)
    bridge = networks.bridge(described, described.networks[0])
    with undercloud(tmp_path_factory.mktemp("operator"), own) as operator:
        file = str(rack.directory / "instackenv.json")
        with lldp.switch(SWITCH, "Ethernet1/7", "leaf-3", bridge):
            operator("overcloud", "node", "import", "--introspect", "--provide", file)
        yield operator


def machine(operator: Operator) -> Machine:
    """The machine as Ironic knows it."""
    return Ironic(Access(**json.loads((operator.state / "ironic/client.json").read_text()))).machine("node1")


def failed(done: Said, code: str) -> str:
    """What was told of a failure: once, with the machine's name; what it becomes is what it was."""
    assert done.status == 1, done.text
    told = [line for line in done.text.splitlines() if code in line and "error" in line]
    assert len(told) == 1, done.text
    assert "Traceback" not in done.text
    return done.text[done.text.index(told[0]) :]


def test_the_switch_port_is_known_and_shown(operator: Operator) -> None:
    shown = json.loads(operator("overcloud", "node", "show", "node1", "-f", "json"))
    (card,) = [nic for nic in shown["facts"]["nics"] if nic["link"]]
    assert card["neighbour"]["port"] == "Ethernet1/7"
    assert card["neighbour"]["system"] == "leaf-3"
    assert "leaf-3" in operator("overcloud", "node", "show", "node1")


def test_an_image_that_is_not_the_one_that_was_meant(operator: Operator) -> None:
    """The ramdisk that runs already finds that its checksum is another, and nothing boots from the disk."""
    file = published.load(files_directory(operator.state))["overcloud-full"].files["disk"]
    image = {"href": f"http://{HOST}.1:8088/{file.name}", "checksum": "0" * 64}
    told = failed(operator.provision(operator.deployment("wrong.yaml", image)), "BM-117")
    assert "node1" in told and "fix:" in told
    assert machine(operator).provision_state == "deploy failed"
    assert machine(operator).instance_uuid, "it is still the node's"


def test_a_machine_that_is_pulled_out_while_its_disk_is_written(operator: Operator, rack: RackTool) -> None:
    words = operator.words_to_provision(operator.deployment("deployment.yaml"))
    with operator.running(OPENSTACK, *words) as command:
        until = time.monotonic() + SILENCE * 2
        while machine(operator).step != "write_image":
            assert time.monotonic() < until and command.process.poll() is None, command.text
            time.sleep(1)
        hypervisor.virsh(Rack.at(rack.directory), "destroy", "node1")
        done = command.end(SILENCE * 2)
    assert "node1" in failed(done, "BM-115")
    assert machine(operator).provision_state == "deploy failed"
    assert machine(operator).instance_uuid


def test_the_next_run_goes_on_to_ssh(operator: Operator) -> None:
    done = operator.provision(operator.deployment("deployment.yaml"))
    assert done.status == 0, done.text
    assert operator.enter("hostname; uname -r; cat /proc/uptime").startswith("first-0\n")
    assert "first-0" in operator.machine()["node"]
