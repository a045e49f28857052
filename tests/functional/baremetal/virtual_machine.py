"""An operator with an undercloud and a rack of one machine, for tests that take it through its life.

UNDERCLOUD_RACK_STORE names a directory that keeps images between runs (without it, the demo's),
UNDERCLOUD_RACK_KERNEL the package of their kernel, and UNDERCLOUD_RACK_SUBNET the rack's subnet.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.functional.baremetal import ironic_environment
from tests.functional.baremetal.rack_tool import HOST, SUBNET
from tests.functional.cloud.terminal import Said, Terminal
from tests.functional.tool import CHECKOUT

KERNEL = ("--kernel", os.environ.get("UNDERCLOUD_RACK_KERNEL", "linux-image-cloud-amd64"))
STORE = ("--store", os.environ.get("UNDERCLOUD_RACK_STORE") or str(CHECKOUT / ".demo/state/images"))
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


class Operator(Terminal):
    """An operator whose undercloud keeps its configuration below his own directory, too."""

    @property
    def environment(self) -> dict[str, str]:
        """The operator's environment."""
        file = self.directory / "etc/undercloud.conf"  # written by the installation
        return {**super().environment, **({"UNDERCLOUD_CONFIG_FILE": str(file)} if file.exists() else {})}

    def __call__(self, *words: str) -> str:
        """What `openstack WORDS` says; terminal.log has how long it took."""
        return self.openstack(*words, timeout=PATIENCE).stdout

    def machine(self) -> dict[str, Any]:
        """The one machine, as it is listed."""
        (row,) = json.loads(self("overcloud", "node", "list", "-f", "json"))
        known: dict[str, Any] = row
        return known

    def deployment(
        self,
        name: str,
        image: dict[str, str] | None = None,
        role: str = "Controller",
        networks: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """A deployment file with one node, perhaps with an image and addresses on more networks; its name."""
        addresses = {"ctlplane": NODE, **networks}
        attached = [{"network": network, "fixed_ip": address} for network, address in addresses.items()]
        instance = {"hostname": "first-0", "networks": attached}
        entry = {
            "name": role,
            "count": 1,
            "hostname_format": "first-%index%",
            "instances": [instance],
            **({"defaults": {"image": image}} if image else {}),
        }
        return str(self.write(name, [entry]))

    def words_to_provision(self, deployment: str) -> tuple[str, ...]:
        """The command that makes the machine a node."""
        key = self.home / "key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        access = ("--overcloud-ssh-user", "tripleo-admin", "--overcloud-ssh-key", str(key))
        cloud = {"ControlPlaneSubnetCidr": SUBNET, "ControlFixedIPs": [{"ip_address": f"{HOST}.200"}]}
        return ("overcloud", "node", "provision", *access, *self.parameters("cloud", **cloud), deployment)

    def provision(self, deployment: str) -> Said:
        """Make the machine a node, or see why not."""
        return self.openstack(*self.words_to_provision(deployment), check=False, timeout=PATIENCE)

    def enter(self, command: str) -> str:
        """What a command says on the node."""
        options = ["-F", "none", "-i", str(self.state / "ssh/id_ed25519"), "-oBatchMode=yes"]
        options += ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
        ssh = ["ssh", *options, f"tripleo-admin@{NODE}", command]
        return subprocess.run(ssh, capture_output=True, text=True, check=True, timeout=120).stdout


@contextmanager
def undercloud(directory: Path, own: str = "", more: str = "") -> Iterator[Operator]:
    """An undercloud on the rack's network with both images.

    ``own`` are settings beside undercloud.conf, ``more`` lines of undercloud.conf's first section.
    """
    operator = Operator(directory)
    operator.write("undercloud.conf", UNDERCLOUD.replace("[ctlplane", f"{more}[ctlplane", 1))
    if own:
        settings = directory / "etc/undercloud.conf.d/own.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(own)
    (operator.state / "ironic").mkdir(parents=True, mode=0o700)
    (operator.state / "ironic/venv").symlink_to(ironic_environment.ensure())
    operator("undercloud", "install", "--config-dir", str(directory / "etc"))
    try:
        operator("overcloud", "image", "build", *KERNEL, *STORE)
        operator("overcloud", "image", "upload", *KERNEL, *STORE)
        yield operator
    finally:
        operator("undercloud", "uninstall", "--yes")
