"""The lab's networks: podman bridges, one of them with the host on it, and a cable that can be cut."""

import json
from typing import Any

from tools.lab.commands import run
from tools.lab.errors import LabError
from tools.lab.model import Lab, Network, Node
from tools.lab.store import podman, podman_json

SUBNET_FIX = "remove what uses the subnet (another lab: `python -m tools.lab --dir DIR down`)"


def bridge_of(lab: Lab, network: Network) -> str:
    """The name of the network's bridge on the host."""
    found = podman_json(lab, "network", "inspect", network.name)
    return str(found[0]["network_interface"])


def ensure(lab: Lab) -> None:
    """Make the networks that are not there, and the bridge the host is attached to.

    podman makes a bridge with its first container and removes it with its last. The host's address must
    be there before (the registry listens on it) and stay while every node is down, so that bridge is
    made here and kept by a port of its own.
    """
    existing = {entry["name"] for entry in podman_json(lab, "network", "ls", "--format", "json")}
    for network in lab.networks:
        if network.name not in existing:
            gateway = ["--gateway", network.gateway] if network.host_attached else ["--internal"]
            podman(
                lab, "network", "create", "--disable-dns", "--subnet", network.subnet, *gateway, network.name,
                fix=SUBNET_FIX,
            )  # fmt: skip
        if network.host_attached:
            _keep_bridge(bridge_of(lab, network), network)


def _keep_bridge(bridge: str, network: Network) -> None:
    links = {link["ifname"] for link in _ip("link", "show")}
    if bridge not in links:
        _check_free(network)
        run(["ip", "link", "add", bridge, "type", "bridge"])
        run(["ip", "address", "add", f"{network.gateway}/{network.prefix_length}", "dev", bridge])
    keeper, port = f"{bridge}-keep", f"{bridge}-port"
    if keeper not in links:
        run(["ip", "link", "add", keeper, "type", "veth", "peer", "name", port])
        run(["ip", "link", "set", port, "master", bridge])
    for link in (port, keeper, bridge):
        run(["ip", "link", "set", link, "up"])


def _check_free(network: Network) -> None:
    for link in _ip("address", "show"):
        for address in link.get("addr_info", []):
            if address.get("local") == network.gateway:
                raise LabError(f"{network.gateway} is already an address of {link['ifname']}", SUBNET_FIX)


def remove(lab: Lab) -> None:
    """Remove the networks and the kept bridge. Nodes must be gone."""
    existing = {entry["name"] for entry in podman_json(lab, "network", "ls", "--format", "json")}
    links = {link["ifname"] for link in _ip("link", "show")}
    for network in lab.networks:
        if network.name not in existing:
            continue
        bridge = bridge_of(lab, network)
        for link in (f"{bridge}-keep", bridge):
            if link in links:
                run(["ip", "link", "delete", link])
        podman(lab, "network", "rm", network.name)


def host_ports(lab: Lab, node: Node) -> dict[str, str]:
    """For each network of a running node, the host's end of the node's cable."""
    names = {link["ifindex"]: str(link["ifname"]) for link in _ip("link", "show")}
    inside = json.loads(podman(lab, "exec", node.name, "ip", "-json", "link", "show"))
    peers = {link["ifname"]: names.get(link.get("link_index", -1), "") for link in inside}
    return {network.name: peers[network.interface] for network in lab.networks if network.interface in peers}


def cut(lab: Lab, node: Node) -> None:
    """Unplug every cable of a running node at the bridge: the node keeps its addresses and hears nothing."""
    for port in host_ports(lab, node).values():
        run(["ip", "link", "set", port, "nomaster"])


def plug(lab: Lab, node: Node) -> None:
    """Plug every cable of a running node in again."""
    ports = host_ports(lab, node)
    for network in lab.networks:
        run(["ip", "link", "set", ports[network.name], "master", bridge_of(lab, network)])


def _ip(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(["ip", "-json", *arguments]) or "[]")
    return found
