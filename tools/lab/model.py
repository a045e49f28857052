"""What a lab is: where its files lie, which networks it has, which nodes."""

import hashlib
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.lab.errors import LabError

RUNTIME = Path("/run/undercloud-lab")
MAX_NODES = 50
SSH_USER = "tripleo-admin"
BELOW_FIRST_NODE = 10  # node i is at .(10 + i)


@dataclass(frozen=True)
class Network:
    """One network that every node has a port on. `subnet` is IPv4 CIDR; `interface` is its name in a node."""

    name: str
    subnet: str
    interface: str
    host_attached: bool

    def __post_init__(self) -> None:
        try:
            addresses = ipaddress.IPv4Network(self.subnet).num_addresses
        except ValueError as error:
            raise LabError(f"not a subnet: {error}", "write it as 192.168.24.0/24") from error
        if addresses < BELOW_FIRST_NODE + MAX_NODES + 2:
            raise LabError(f"{self.subnet} is too small for {MAX_NODES} nodes", "give a /24")

    def address(self, offset: int) -> str:
        """The subnet's address number `offset`, such as 11 → 192.168.24.11."""
        return str(ipaddress.IPv4Network(self.subnet)[offset])

    @property
    def gateway(self) -> str:
        """The host's address on the network."""
        return self.address(1)

    def mac(self, offset: int) -> str:
        """The MAC address that goes with address number `offset` (octet 5 tells networks apart)."""
        third = ipaddress.IPv4Network(self.subnet).network_address.packed[2]
        return f"52:54:00:18:{third:02x}:{offset:02x}"

    @property
    def prefix_length(self) -> int:
        """Bits of the subnet's mask."""
        return ipaddress.IPv4Network(self.subnet).prefixlen


NETWORKS = (
    Network("ctlplane", "192.168.24.0/24", "eth0", host_attached=True),
    Network("internal_api", "172.17.0.0/24", "eth1", host_attached=False),
)


@dataclass(frozen=True)
class Node:
    """One emulated node. `number` counts from 1."""

    name: str
    number: int
    addresses: dict[str, str]

    @property
    def offset(self) -> int:
        """The number of the node's address in every subnet."""
        return BELOW_FIRST_NODE + self.number

    @property
    def address(self) -> str:
        """Where SSH answers: the address on the first network."""
        return next(iter(self.addresses.values()))

    @classmethod
    def numbered(cls, number: int, networks: Iterable[Network]) -> "Node":
        """Node `number` (1..MAX_NODES): its name, MAC and addresses follow from the number alone."""
        if not 1 <= number <= MAX_NODES:
            raise LabError(
                f"node number {number} is not in 1..{MAX_NODES}", f"ask for 1 to {MAX_NODES} nodes"
            )
        offset = BELOW_FIRST_NODE + number
        return cls(f"node{number}", number, {network.name: network.address(offset) for network in networks})


@dataclass(frozen=True)
class NodeOptions:
    """How new nodes are made.

    `disk_gib` is the size of the disk under /var (sparse: only what is written takes space);
    `shared_images` a podman image store every node reads beside its own; `registry_ca` a PEM file the
    nodes trust for the registry on the host's ctlplane address.
    """

    disk_gib: int = 20
    shared_images: Path | None = None
    registry_ca: Path | None = None


@dataclass(frozen=True)
class Place:
    """A directory and the networks of emulated machines; all files lie under `directory` and `runtime`.

    The first network is the one that SSH goes over and the host is attached to.
    """

    directory: Path
    networks: tuple[Network, ...] = NETWORKS

    @property
    def host_address(self) -> str:
        """The host's address on the first network: where nodes find the undercloud."""
        return self.networks[0].gateway

    @property
    def digest(self) -> str:
        """Ten hexadecimal digits that tell this place's things on the host from another's."""
        return hashlib.sha256(str(self.directory).encode()).hexdigest()[:10]

    @property
    def runtime(self) -> Path:
        """What must not outlive a reboot. Short, as it holds sockets."""
        return RUNTIME / self.digest


@dataclass(frozen=True)
class Lab(Place):
    """A lab of container nodes."""

    @classmethod
    def at(cls, directory: Path) -> "Lab":
        """The lab of that directory, with the networks it was made with."""
        empty = cls(directory)
        if not empty.nodes_file.exists():
            return empty
        described = json.loads(empty.nodes_file.read_text())
        return cls(directory, tuple(Network(**network) for network in described["networks"]))

    @property
    def images(self) -> Path:
        """The image store: what the image builder keeps, podman's layers among it."""
        return self.directory / "images"

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
            "host_address": self.host_address,
            "networks": [asdict(network) for network in self.networks],
            "ssh": {
                "user": SSH_USER,
                "private_key": str(self.private_key),
                "known_hosts": str(self.known_hosts),
            },
            "nodes": [{**asdict(node), "address": node.address} for node in nodes],
        }
