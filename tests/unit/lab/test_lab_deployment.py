"""The deployment file in TripleO's schema."""

import pytest
import yaml

from tools.lab.deployment import RoleNodes, deployment, parse_role, to_yaml
from tools.lab.errors import LabError
from tools.lab.model import NETWORKS, Node

NODES = [Node.numbered(number, NETWORKS) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Controller=node1", RoleNodes("Controller", ("node1",))),
        ("Compute=node2,node3", RoleNodes("Compute", ("node2", "node3"))),
        ("Compute=node3, node2", RoleNodes("Compute", ("node3", "node2"))),
    ],
)
def test_roles_are_read(text: str, expected: RoleNodes) -> None:
    assert parse_role(text) == expected


@pytest.mark.parametrize(
    "text", ["Controller", "Controller=", "=node1", "A B=node1", "Controller=node1,,node2"]
)
def test_malformed_roles_say_how_to_write_them(text: str) -> None:
    with pytest.raises(LabError) as caught:
        parse_role(text)
    assert "Controller=node1" in caught.value.fix


def test_the_file_lists_each_roles_nodes_in_order() -> None:
    text = to_yaml(deployment([parse_role("Controller=node2"), parse_role("Compute=node3,node1")], NODES))
    assert yaml.safe_load(text) == [
        {
            "name": "Controller",
            "count": 1,
            "defaults": {"managed": False},
            "instances": [
                {
                    "hostname": "controller-0",
                    "name": "node2",
                    "managed": False,
                    "networks": [{"network": "ctlplane", "fixed_ip": "192.168.24.12"}],
                }
            ],
        },
        {
            "name": "Compute",
            "count": 2,
            "defaults": {"managed": False},
            "instances": [
                {
                    "hostname": f"compute-{index}",
                    "name": f"node{number}",
                    "managed": False,
                    "networks": [{"network": "ctlplane", "fixed_ip": f"192.168.24.{10 + number}"}],
                }
                for index, number in enumerate((3, 1))
            ],
        },
    ]


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (["Controller=node9"], "node9, which is not in the lab"),
        (["Controller=node1", "Compute=node1"], "node1 has two roles: Controller and Compute"),
        (["Controller=node1,node1"], "node1 has two roles"),
    ],
)
def test_impossible_assignments_are_refused(roles: list[str], message: str) -> None:
    with pytest.raises(LabError, match=message):
        deployment([parse_role(role) for role in roles], NODES)


def test_addresses_on_further_networks() -> None:
    content = deployment([parse_role("Controller=node1")], NODES, ["ctlplane", "internal_api"])
    assert content[0]["instances"][0]["networks"] == [
        {"network": "ctlplane", "fixed_ip": "192.168.24.11"},
        {"network": "internal_api", "fixed_ip": "172.17.0.11"},
    ]
    with pytest.raises(LabError, match="no network storage"):
        deployment([parse_role("Controller=node1")], NODES, ["ctlplane", "storage"])
