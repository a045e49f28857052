"""What a lab is: where its files lie, which networks it has, which nodes."""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.lab.errors import LabError

MAX_NODES = 50
SSH_USER = "tripleo-admin"
FIRST_NODE_ADDRESS = 10  # node i is at .(10 + i)


@dataclass(frozen=True)
class Network:
    """One network that every node has a port on. `subnet` is IPv4 CIDR; `interface` is its name in a node."""

    name: str
    subnet: str
    interface: str
    host_attached: bool

    def address(self, offset: int) -> str:
        """The subnet's address number `offset`, such as 11 → 192.168.24.11."""
        return str(ipaddress.ip_network(self.subnet)[offset])

    @property
    def gateway(self) -> str:
        """The host's address on the network."""
        return self.address(1)

    @property
    def prefix_length(self) -> int:
        """Bits of the subnet's mask."""
        return ipaddress.ip_network(self.subnet).prefixlen


CTLPLANE = Network("ctlplane", "192.168.24.0/24", "eth0", host_attached=True)
INTERNAL_API = Network("internal_api", "172.17.0.0/24", "eth1", host_attached=False)


@dataclass(frozen=True)
class Node:
    """One emulated node. `number` counts from 1."""

    name: str
    number: int
    addresses: dict[str, str]
    mac: str

    @property
    def address(self) -> str:
        """Where SSH answers: the ctlplane address."""
        return self.addresses[CTLPLANE.name]

    @classmethod
    def numbered(cls, number: int, networks: Iterable[Network]) -> "Node":
        """Node `number` (1..MAX_NODES): its name, MAC and addresses follow from the number alone."""
        if not 1 <= number <= MAX_NODES:
            raise LabError(
                f"node number {number} is not in 1..{MAX_NODES}", f"ask for 1 to {MAX_NODES} nodes"
            )
        offset = FIRST_NODE_ADDRESS + number
        return cls(
            name=f"node{number}",
            number=number,
            addresses={network.name: network.address(offset) for network in networks},
            mac=f"52:54:00:18:00:{offset:02x}",
        )


@dataclass(frozen=True)
class NodeOptions:
    """How new nodes are made.

    `disk_gib` is the size of the disk under /var (sparse: only what is written takes space);
    `shared_images` a podman image store every node reads beside its own; `registry_ca` a PEM file the
    nodes trust for the registry on the ctlplane's gateway.
    """

    disk_gib: int = 20
    shared_images: Path | None = None
    registry_ca: Path | None = None


@dataclass(frozen=True)
class Lab:
    """A lab's directory and networks; everything the lab makes lies under `directory` or `runtime`."""

    directory: Path
    networks: tuple[Network, ...] = (CTLPLANE, INTERNAL_API)

    @property
    def runtime(self) -> Path:
        """What must not outlive a reboot: podman's runtime state. Short, as it holds sockets."""
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:10]
        return Path("/run/undercloud-lab") / digest

    @property
    def nodes_file(self) -> Path:
        """nodes.json: the lab described for other programs."""
        return self.directory / "nodes.json"

    @property
    def deployment_file(self) -> Path:
        """baremetal_deployment.yaml: the nodes by role, for `openstack overcloud deploy`."""
        return self.directory / "baremetal_deployment.yaml"

    @property
    def private_key(self) -> Path:
        """The key that every node lets in."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The nodes' host keys, as ssh reads them."""
        return self.directory / "ssh" / "known_hosts"

    def node_directory(self, node: Node) -> Path:
        """What the host keeps of one node: its disk and its host key."""
        return self.directory / "nodes" / node.name

    def describe(self, nodes: Iterable[Node]) -> dict[str, Any]:
        """The content of nodes.json."""
        return {
            "version": 1,
            "networks": [
                {
                    "name": n.name,
                    "subnet": n.subnet,
                    "interface": n.interface,
                    "host_attached": n.host_attached,
                }
                for n in self.networks
            ],
            "ssh": {
                "user": SSH_USER,
                "private_key": str(self.private_key),
                "known_hosts": str(self.known_hosts),
            },
            "nodes": [{**asdict(node), "address": node.address} for node in nodes],
        }
