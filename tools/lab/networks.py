"""The lab's networks: Linux bridges, the host on one of them, and cables that can be cut.

Made with iproute2 rather than by podman, so that the host's address stays while every node is down, no
firewall rule is left behind and a cable has a name. Nothing is routed: nodes reach each other and the host.
"""

import json
from typing import Any

from tools.lab.commands import run
from tools.lab.errors import LabError
from tools.lab.model import RUNTIME, Lab, Network, Node, Place
from tools.lab.store import podman


def bridge(lab: Place, network: Network) -> str:
    """The name of the network's bridge on the host (at most 15 characters, as the kernel asks)."""
    return f"ul{lab.digest[:5]}-{network.interface}"


def port(lab: Lab, node: Node, network: Network) -> str:
    """The name of the host's end of a node's cable."""
    return f"ul{lab.digest[:5]}-{node.number}-{network.interface}"


def ensure(lab: Place) -> None:
    """Make the bridges that are not there, with the host's address on those it is attached to."""
    for network in lab.networks:
        name = bridge(lab, network)
        if name not in _links():
            if network.host_attached:
                _check_free(network)
            lab.runtime.mkdir(parents=True, exist_ok=True)
            (lab.runtime / "directory").write_text(
                f"{lab.directory}\n"
            )  # tells other labs whose bridge it is
            # Its own address: otherwise a bridge takes a port's, and changes it when that node goes away.
            run(["ip", "link", "add", name, "address", network.mac(1), "type", "bridge"])
            if network.host_attached:
                run(["ip", "address", "add", f"{network.gateway}/{network.prefix_length}", "dev", name])
        run(["ip", "link", "set", name, "up"])


def _check_free(network: Network) -> None:
    for link in _ip("address", "show"):
        for address in link.get("addr_info", []):
            if address.get("local") == network.gateway:
                owner = _lab_with(str(link["ifname"]))
                raise LabError(
                    f"{network.gateway} is already an address of {link['ifname']}"
                    + (f", a bridge of the lab in {owner}" if owner else ""),
                    "take it down "
                    f"(`python -m tools.lab --dir {owner or 'DIR'} down`, a rack: tools.rack), "
                    "or give `up` another subnet",
                )


def _lab_with(link: str) -> str:
    """The directory of the lab that a bridge belongs to; empty if it is no lab's."""
    for file in RUNTIME.glob("*/directory"):
        if link.startswith(f"ul{file.parent.name[:5]}-"):
            return file.read_text().strip()
    return ""


def remove(lab: Place) -> None:
    """Remove the bridges."""
    links = _links()
    for network in lab.networks:
        if bridge(lab, network) in links:
            run(["ip", "link", "delete", bridge(lab, network)])


def attach(lab: Lab, node: Node) -> None:
    """Give a node that podman has initialised its interfaces, addresses and default route."""
    pid = podman(lab, "inspect", "--format", "{{.State.Pid}}", node.name)
    inside = ["nsenter", "--target", pid, "--net", "ip"]
    for network in lab.networks:
        cable, interface = port(lab, node, network), network.interface
        if cable in _links():  # of a node that was cut off while it died
            run(["ip", "link", "delete", cable])
        mac = network.mac(node.offset)
        peer = ["peer", "name", interface, "address", mac, "netns", pid]
        run(["ip", "link", "add", cable, "type", "veth", *peer])
        address = f"{node.addresses[network.name]}/{network.prefix_length}"
        run([*inside, "address", "add", address, "broadcast", "+", "dev", interface])
        run([*inside, "link", "set", interface, "up"])
        if network.host_attached:
            run([*inside, "route", "add", "default", "via", network.gateway])
    plug(lab, node)


def cut(lab: Lab, node: Node) -> None:
    """Unplug a node's cables at the bridges: the node keeps its addresses and hears nothing."""
    for network in lab.networks:
        run(["ip", "link", "set", port(lab, node, network), "nomaster"])


def plug(lab: Lab, node: Node) -> None:
    """Plug a node's cables in."""
    for network in lab.networks:
        run(["ip", "link", "set", port(lab, node, network), "master", bridge(lab, network), "up"])


def _links() -> set[str]:
    return {str(link["ifname"]) for link in _ip("link", "show")}


def _ip(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(["ip", "-json", *arguments]) or "[]")
    return found
