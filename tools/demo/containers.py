"""The demo on container nodes, for people in a hurry: no machine is installed."""

from dataclasses import replace
from pathlib import Path

from tools.demo.cloud import GIB, ROLES, Demo, Needs
from tools.demo.stages import Stage, Step
from tools.lab.model import NETWORKS, SSH_USER, Lab

NETWORKS_FILE = "network-data-samples/internal-api.yaml"


class ContainerDemo(Demo):
    """Its nodes are containers of the lab."""

    kind = "containers"
    needs = Needs(first_disk=5 * GIB, next_disk=GIB, memory=2 * GIB, loop_devices=True)
    environments = ("shared-clock", "single-database", "small-nodes")

    @property
    def lab(self) -> Lab:
        """The emulated nodes."""
        networks = (replace(NETWORKS[0], subnet=self.ctlplane), *NETWORKS[1:])
        return Lab(self.place, networks)

    @property
    def place(self) -> Path:
        """The lab's directory."""
        return self.directory / "lab"

    @property
    def deployment_file(self) -> Path:
        """The lab writes it."""
        return self.lab.deployment_file

    def options(self) -> tuple[str, ...]:
        """The networks, and the way into nodes that others made."""
        access = ("--overcloud-ssh-user", SSH_USER, "--overcloud-ssh-key", str(self.lab.private_key))
        return ("-n", NETWORKS_FILE, *access, "--known-hosts", str(self.lab.known_hosts))

    def stages(self) -> list[Step]:
        """The way to a cloud."""
        numbered = enumerate(ROLES, start=1)
        roles = [word for number, role in numbered for word in ("--role", f"{role}=node{number}")]
        networks = ("--ctlplane", self.ctlplane, "--network", "internal_api")
        up = self.tool("tools.lab", "up", "--nodes", str(len(ROLES)), *networks, *roles)
        serve = ("openstack", "undercloud", "registry", "start", "--address", self.lab.host_address)
        return [
            Stage("nodes", "two emulated nodes", up),
            Stage("registry", "the registry that the nodes pull from", serve),
            *self.container_images(),
            *self.deployment(),
        ]

    def cleaning(self) -> list[Step]:
        """The registry stops, the nodes go."""
        stages: list[Step] = []
        if self.state.exists():
            stop = ("openstack", "undercloud", "registry", "stop")
            stages.append(Stage("registry", "the registry stops", stop))
        return [*stages, Stage("nodes", "the nodes go", self.tool("tools.lab", "down", "--purge"))]

    def looks(self) -> str:
        """The lab's way in."""
        return "    python -m tools.lab ssh node1 sudo podman ps    # more: python -m tools.lab --help"
