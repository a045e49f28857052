"""What the undercloud knows of the control plane: nobody gets its own addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from undercloud.conf import load
from undercloud.conf.baremetal import Baremetal
from undercloud.deploy.provisioning_plane import own_addresses
from undercloud.diagnostics import UndercloudError


def area(tmp_path: Path, text: str) -> Baremetal:
    file = tmp_path / "undercloud.conf"
    file.write_text(f"[baremetal]\n{text}")
    return load(str(tmp_path), str(file), {}).baremetal


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
