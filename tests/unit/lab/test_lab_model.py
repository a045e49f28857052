"""Names, addresses and files of a lab follow from its directory, networks and node numbers."""

import json
from pathlib import Path

import pytest

from tools.lab.errors import LabError
from tools.lab.model import NETWORKS, Lab, Network, Node


def test_a_node_has_its_number_in_every_address() -> None:
    node = Node.numbered(3, NETWORKS)
    assert node.name == "node3"
    assert node.addresses == {"ctlplane": "192.168.24.13", "internal_api": "172.17.0.13"}
    assert node.address == "192.168.24.13"


@pytest.mark.parametrize("number", [0, -1, 51])
def test_numbers_that_have_no_address_are_refused(number: int) -> None:
    with pytest.raises(LabError, match=r"1\.\.50"):
        Node.numbered(number, NETWORKS)


def test_mac_addresses_differ_between_networks_nodes_and_the_host() -> None:
    offsets = [1, *(Node.numbered(number, NETWORKS).offset for number in range(1, 51))]
    macs = [network.mac(offset) for network in NETWORKS for offset in offsets]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs), "locally administered, not multicast"


@pytest.mark.parametrize("subnet", ["192.168.24.0/27", "192.168.24.1/24", "fd00::/64", "everywhere"])
def test_subnets_that_cannot_be_used_are_refused(subnet: str) -> None:
    with pytest.raises(LabError) as caught:
        Network("ctlplane", subnet, "eth0", host_attached=True)
    assert "/24" in caught.value.fix


def test_two_labs_share_no_name_on_the_host(tmp_path: Path) -> None:
    one, two = Lab(tmp_path / "one"), Lab(tmp_path / "two")
    assert one.digest != two.digest
    assert one.runtime != two.runtime
    assert len(str(one.runtime / "libpod" / "attach")) < 80, "a unix socket's path is at most 107 characters"


def test_the_description_leads_back_to_the_lab(tmp_path: Path) -> None:
    networks = (Network("ctlplane", "10.1.0.0/24", "eth0", host_attached=True), NETWORKS[1])
    lab = Lab(tmp_path, networks)
    described = lab.describe([Node.numbered(1, networks)])
    lab.nodes_file.write_text(json.dumps(described))
    assert Lab.at(tmp_path) == lab
    assert described["host_address"] == "10.1.0.1"
    assert described["nodes"][0]["address"] == "10.1.0.11"
    assert described["ssh"]["user"] == "tripleo-admin"


def test_a_directory_without_a_lab_is_an_empty_lab(tmp_path: Path) -> None:
    assert Lab.at(tmp_path) == Lab(tmp_path)
    assert Lab(tmp_path).host_address == "192.168.24.1"
