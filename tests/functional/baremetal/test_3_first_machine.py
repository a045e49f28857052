"""A machine from the rack, by an operator's commands: from nothing to SSH, on real Ironic and a real BMC.

It takes some ten minutes without KVM. UNDERCLOUD_RACK_STORE names a directory that keeps images between runs
(without it they are built from packages); UNDERCLOUD_RACK_SUBNET moves the rack.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.functional.baremetal.rack_tool import HOST, SUBNET, RackTool, needs_rack
from tests.functional.cloud.terminal import Terminal

pytestmark = [pytest.mark.functional, pytest.mark.long, needs_rack]

KERNEL = ("--kernel", "linux-image-cloud-amd64")
NODE = f"{HOST}.150"
PATIENCE = 1500.0  # seconds for one command
UNDERCLOUD = f"""\
[DEFAULT]
undercloud_hostname = undercloud.example.com
local_ip = {HOST}.1/24
undercloud_public_host = {HOST}.2
undercloud_admin_host = {HOST}.3
enabled_hardware_types = redfish,ipmi
clean_nodes = true
[ctlplane-subnet]
cidr = {SUBNET}
dhcp_start = {HOST}.5
dhcp_end = {HOST}.24
inspection_iprange = {HOST}.100,{HOST}.120
gateway = {HOST}.1
"""
DEPLOYMENT = f"""\
- name: Controller
  count: 1
  hostname_format: first-%index%
  instances:
    - hostname: first-0
      networks:
        - network: ctlplane
          fixed_ip: {NODE}
"""


class Operator(Terminal):
    """An operator whose undercloud keeps its configuration below his own directory, too."""

    @property
    def environment(self) -> dict[str, str]:
        """The operator's environment."""
        return {**super().environment, "UNDERCLOUD_CONFIG_FILE": str(self.directory / "etc/undercloud.conf")}

    def __call__(self, *words: str) -> str:
        """What `openstack WORDS` says; terminal.log has how long it took."""
        return self.openstack(*words, timeout=PATIENCE).stdout


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RackTool]:
    tool = RackTool(tmp_path_factory.mktemp("rack") / "it")
    try:
        tool("up", "--nodes", "1", "--ctlplane", SUBNET, "--memory", "2048")
        yield tool
    finally:
        tool("down")


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    operator.write("undercloud.conf", UNDERCLOUD)
    operator.write("deployment.yaml", DEPLOYMENT)
    operator("undercloud", "install", "--config-dir", str(operator.directory / "etc"))
    yield operator
    operator("undercloud", "uninstall", "--yes")


@pytest.fixture(scope="module")
def images(operator: Operator) -> None:
    """Ramdisk and disk image, built and handed to Ironic."""
    store = ("--store", os.environ.get("UNDERCLOUD_RACK_STORE") or str(operator.directory / "images"))
    operator("overcloud", "image", "build", *KERNEL, *store)
    operator("overcloud", "image", "upload", *KERNEL, *store)


@pytest.fixture(scope="module")
def machine(operator: Operator, images: None, rack: RackTool) -> dict[str, object]:
    """What is known of the machine once it can be deployed."""
    file = str(rack.directory / "instackenv.json")
    operator("overcloud", "node", "import", "--introspect", "--provide", file)
    (row,) = json.loads(operator("overcloud", "node", "list", "-f", "json"))
    known: dict[str, object] = row
    return known


def test_the_machine_is_what_the_rack_made(machine: dict[str, object]) -> None:
    assert (machine["name"], machine["state"], machine["maintenance"]) == ("node1", "available", False)
    assert (machine["cpus"], machine["memory GiB"]) == (2, 2)
    assert "sda" in str(machine["root disk"])


def test_it_becomes_a_node_that_answers_ssh(operator: Operator, machine: dict[str, object]) -> None:
    key = operator.home / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    access = ("--overcloud-ssh-user", "tripleo-admin", "--overcloud-ssh-key", str(key))
    cloud = {"ControlPlaneSubnetCidr": SUBNET, "ControlFixedIPs": [{"ip_address": f"{HOST}.200"}]}
    plan = operator.parameters("cloud", **cloud)
    operator("overcloud", "node", "provision", *access, *plan, "deployment.yaml")
    options = ["-F", "none", "-i", str(key), "-oBatchMode=yes", "-oStrictHostKeyChecking=no"]
    options += ["-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    command = "hostname; sudo podman info --format '{{.Host.OCIRuntime.Name}}'; findmnt -nbo SIZE /"
    ssh = ["ssh", *options, f"tripleo-admin@{NODE}", command]
    said = subprocess.run(ssh, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    assert said[:2] == ["first-0", "crun"]
    assert int(said[2]) > 18 * 1024**3, "the root file system has grown over the disk"
