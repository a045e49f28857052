"""The deployment file: which node has which role, in TripleO's baremetal_deployment.yaml."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tools.lab.errors import LabError
from tools.lab.model import Node

ROLE_FIX = "write it as NAME=NODES, such as Controller=node1 or Compute=node2,node3"


@dataclass(frozen=True)
class RoleNodes:
    """A role and the names of its nodes, in the order of their index."""

    role: str
    nodes: tuple[str, ...]


def parse_role(text: str) -> RoleNodes:
    """`Controller=node1,node2` → RoleNodes. Raises LabError."""
    role, separator, names = text.partition("=")
    nodes = tuple(name.strip() for name in names.split(","))
    if not separator or not role.isidentifier() or not all(nodes):
        raise LabError(f"not a role assignment: {text!r}", ROLE_FIX)
    return RoleNodes(role, nodes)


def deployment(
    roles: Iterable[RoleNodes], nodes: Iterable[Node], networks: Sequence[str] = ("ctlplane",)
) -> list[dict[str, Any]]:
    """The content of baremetal_deployment.yaml: nodes that are already there (`managed: false`).

    It names their addresses on the networks. Raises LabError for an unknown node or network, and for a node
    with two roles.
    """
    known = {node.name: node for node in nodes}
    taken: dict[str, str] = {}
    content = []
    for assignment in roles:
        instances = []
        for index, name in enumerate(assignment.nodes):
            if name not in known:
                raise LabError(f"role {assignment.role} names {name}, which is not in the lab",
                               f"nodes of this lab: {', '.join(known)}")  # fmt: skip
            if name in taken:
                raise LabError(f"{name} has two roles: {taken[name]} and {assignment.role}", ROLE_FIX)
            taken[name] = assignment.role
            instances.append(
                {
                    "hostname": f"{assignment.role.lower()}-{index}",
                    "name": name,
                    "managed": False,
                    "networks": _ports(known[name], networks),
                }
            )
        content.append(
            {
                "name": assignment.role,
                "count": len(instances),
                "defaults": {"managed": False},
                "instances": instances,
            }
        )
    return content


def _ports(node: Node, networks: Sequence[str]) -> list[dict[str, str]]:
    unknown = ", ".join(network for network in networks if network not in node.addresses)
    if unknown:
        raise LabError(f"the lab has no network {unknown}", f"choose from: {', '.join(node.addresses)}")
    return [{"network": network, "fixed_ip": node.addresses[network]} for network in networks]


def to_yaml(content: list[dict[str, Any]]) -> str:
    """The file's text."""
    return "---\n# Written by tools.lab.\n" + yaml.safe_dump(content, sort_keys=False)
