"""What the undercloud knows of the control plane: nobody gets its own addresses."""

from __future__ import annotations

from pathlib import Path

from undercloud.conf import load
from undercloud.conf.baremetal import Baremetal
from undercloud.deploy.provisioning_plane import own_addresses


def area(tmp_path: Path, text: str) -> Baremetal:
    file = tmp_path / "undercloud.conf"
    file.write_text(f"[baremetal]\n{text}")
    return load(str(tmp_path), str(file), {}).baremetal


def test_nobody_gets_the_undercloud_s_addresses_or_those_of_ramdisks(tmp_path: Path) -> None:
    text = "undercloud_addresses = 192.0.2.1, 192.0.2.2\ninspection_iprange = 192.0.2.100,192.0.2.102\n"
    held = own_addresses(area(tmp_path, text))["ctlplane"]
    assert list(held) == ["192.0.2.1", "192.0.2.2", "192.0.2.100", "192.0.2.101", "192.0.2.102"]


def test_an_undercloud_that_is_not_installed_holds_none(tmp_path: Path) -> None:
    assert own_addresses(area(tmp_path, "")) == {}
