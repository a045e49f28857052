"""What the undercloud knows of the control plane: nobody gets its own addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.conf import Settings, load
from undercloud.conf.baremetal import Baremetal
from undercloud.db.database import open_database
from undercloud.deploy import versions
from undercloud.deploy.provisioning_plane import own_addresses, plane_parameters
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle

RANGE = "cidr = 192.0.2.0/24\ngateway = 192.0.2.1\nnode_iprange = 192.0.2.20,192.0.2.60\n"
IRONIC = "endpoint = http://192.0.2.1:6385\n"
NODES = {
    "managed": b"- {name: Compute, count: 2}",
    "there": b"- {name: Compute, count: 2, defaults: {managed: false}}",
}


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "undercloud.conf"
    file.write_text(f"[baremetal]\n{text}")
    return load(str(tmp_path), str(file), {})


def area(tmp_path: Path, text: str) -> Baremetal:
    return settings(tmp_path, text).baremetal


def bundle(nodes: str) -> Bundle:
    return Bundle("overcloud", "/t", {"/n.yaml": NODES[nodes]}, named={"baremetal": "/n.yaml"})


@pytest.mark.parametrize(
    ("text", "nodes", "given"),
    [
        (IRONIC + RANGE, "managed", True),
        (IRONIC + RANGE, "there", False),
        (IRONIC, "managed", False),
        (RANGE, "managed", False),
    ],
)
def test_nodes_that_we_provision_have_the_undercloud_s_range(
    tmp_path: Path, text: str, nodes: str, given: bool
) -> None:
    found = plane_parameters(settings(tmp_path, text), bundle(nodes))
    pools = [{"start": "192.0.2.20", "end": "192.0.2.60"}]
    subnet = {"cidr": "192.0.2.0/24", "gateway_ip": "192.0.2.1", "allocation_pools": pools}
    assert found == ({"CtlplaneNetworkAttributes": {"subnets": {"ctlplane-subnet": subnet}}} if given else {})


def test_a_plan_that_was_sent_has_it_too(tmp_path: Path) -> None:
    where = settings(tmp_path, IRONIC + RANGE)
    database = open_database("", where.paths.database, where.paths.key_file)
    number = versions.keep(where, database, bundle("managed"))
    kept = versions.bundle(database, "overcloud", number)
    database.close()
    assert "CtlplaneNetworkAttributes" in kept.generated


def test_nobody_gets_the_undercloud_s_addresses_or_those_of_ramdisks(tmp_path: Path) -> None:
    text = "cidr = 192.0.2.0/24\nundercloud_addresses = 192.0.2.1, 192.0.2.2\n"
    text += "inspection_iprange = 192.0.2.100,192.0.2.102\n"
    held = own_addresses(area(tmp_path, text))["ctlplane"]
    assert list(held) == ["192.0.2.1", "192.0.2.2", "192.0.2.100", "192.0.2.101", "192.0.2.102"]


def test_an_undercloud_that_is_not_installed_holds_none(tmp_path: Path) -> None:
    assert own_addresses(area(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ("192.0.2.100", "is not FIRST,LAST"),
        ("192.0.2.100,192.0.2.110,192.0.2.120", "is not FIRST,LAST"),
        ("192.0.2.100,192.0.2.1o2", "192.0.2.1o2"),
        ("192.0.2.102,192.0.2.100", "has 0 addresses"),
        ("198.51.100.1,198.51.100.9", "is not in 192.0.2.0/24"),
        ("192.0.2.100,2001:db8::1", "is not in 192.0.2.0/24"),
    ],
)
def test_a_range_that_is_none_is_told(tmp_path: Path, span: str, why: str) -> None:
    wrong = area(tmp_path, f"cidr = 192.0.2.0/24\ninspection_iprange = {span}\n")
    with pytest.raises(UndercloudError) as caught:
        own_addresses(wrong)
    (finding,) = caught.value.findings
    assert (finding.code, why in finding.message) == ("BM-122", True)


def test_a_range_is_held_only_where_that_is_possible(tmp_path: Path) -> None:
    text = "cidr = 2001:db8::/64\ninspection_iprange = 2001:db8::,2001:db8::{}\n"
    assert len(own_addresses(area(tmp_path, text.format("ffff")))["ctlplane"]) == 65536
    with pytest.raises(UndercloudError, match="BM-122"):
        own_addresses(area(tmp_path, text.format("1:0")))
