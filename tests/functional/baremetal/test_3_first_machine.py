"""A machine of the rack, by an operator's commands: from power-on to Keystone, on real Ironic and a real BMC.

It takes some ten minutes without KVM.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.functional.baremetal.rack_tool import HOST, SUBNET, RackTool, needs_rack
from tests.functional.baremetal.virtual_machine import STORE, Operator, undercloud

pytestmark = [pytest.mark.functional, needs_rack]

MEMORY = 3072  # MiB: a whole cloud
BACKUP = "172.19.7.50"
NETWORKS = [
    {
        "name": "Backup",
        "name_lower": "backup",
        "vip": False,
        "mtu": 1400,
        "subnets": {
            "backup_subnet": {
                "ip_subnet": "172.19.7.0/24",
                "vlan": 20,
                "allocation_pools": [{"start": "172.19.7.10", "end": "172.19.7.99"}],
            }
        },
    }
]
"""A network beside the control plane, tagged on the machine's one card."""
RACK = ("--memory", str(MEMORY))


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator whose machine can be deployed."""
    with undercloud(tmp_path_factory.mktemp("operator")) as operator:
        file = str(rack.directory / "instackenv.json")
        operator("overcloud", "node", "import", "--introspect", "--provide", file)
        yield operator


@pytest.fixture(scope="module")
def deploy(operator: Operator) -> tuple[str, ...]:
    """The words that deploy a cloud on the machine, once the containers' images are there."""
    operator("overcloud", "container", "image", "build", *STORE)
    operator("overcloud", "container", "image", "push", *STORE)
    operator("overcloud", "roles", "generate", "-o", "roles.yaml", "Standalone")
    cloud = {"ControlPlaneSubnetCidr": SUBNET, "ControlFixedIPs": [{"ip_address": f"{HOST}.200"}]}
    words = ["overcloud", "deploy", "--templates", "-r", "roles.yaml"]
    words += ["-n", str(operator.write("networks.yaml", NETWORKS))]
    words += ["-b", operator.deployment("deployment.yaml", role="Standalone", networks={"backup": BACKUP})]
    words += [*operator.stock("single-database"), *operator.stock("small-nodes")]
    return (*words, *operator.parameters("cloud", **cloud))


def test_the_machine_is_what_the_rack_made(operator: Operator) -> None:
    machine = operator.machine()
    assert (machine["name"], machine["state"], machine["maintenance"]) == ("node1", "available", False)
    assert (machine["cpus"], machine["memory GiB"]) == (2, MEMORY // 1024)
    assert "sda" in str(machine["root disk"])
    (numa,) = json.loads(operator("overcloud", "node", "show", "node1", "-f", "json"))["facts"]["numa"]
    assert (numa["id"], sum(map(len, numa["cores"]))) == (0, 2), "the ramdisk tells which core is where"
    assert numa["memory"] > MEMORY * 3 // 4


def test_it_becomes_a_cloud_that_gives_tokens(operator: Operator, deploy: tuple[str, ...]) -> None:
    operator(*deploy)
    told = json.loads(operator("--os-cloud", "overcloud", "token", "issue", "-f", "json"))
    assert told["id"]
    said = operator.enter(
        "hostname; sudo podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.NetworkBackend}}' 2>&1;"
        " findmnt -nbo SIZE /"
    ).split()
    assert said[:3] == ["first-0", "crun", "netavark"], "and podman warns of nothing"
    assert int(said[3]) > 18 * 1024**3, "the root file system has grown over the disk"
    (tagged,) = json.loads(operator.enter(f"ip -json -details address show to {BACKUP}"))
    assert (tagged["linkinfo"]["info_data"]["id"], tagged["mtu"], tagged["operstate"]) == (20, 1400, "UP")


def test_deployed_again_it_changes_nothing(operator: Operator, deploy: tuple[str, ...]) -> None:
    told = json.loads(operator(*deploy, "-f", "json"))
    counts = told["deployment"]["hosts"]["first-0"]
    assert (counts["changed"], counts["failed"]) == (0, 0)
