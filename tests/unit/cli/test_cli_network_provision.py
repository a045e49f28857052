"""`overcloud network provision` and `network vip provision`: real files, real addresses, no Ironic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from undercloud.conf import installed

NETWORKS = """\
- name: InternalApi
  name_lower: internal_api
  vip: true
  mtu: 9000
  subnets:
    internal_api_subnet:
      ip_subnet: 172.17.0.0/24
      vlan: 20
      allocation_pools: [{start: 172.17.0.10, end: 172.17.0.99}]
"""
SITE = {
    "parameter_defaults": {
        "CtlplaneNetworkAttributes": {
            "subnets": {
                "ctlplane-subnet": {
                    "cidr": "192.0.2.0/24",
                    "allocation_pools": [{"start": "192.0.2.20", "end": "192.0.2.60"}],
                }
            }
        }
    }
}


def test_networks_are_checked_listed_and_written(openstack: Openstack, tmp_path: Path) -> None:
    (tmp_path / "networks.yaml").write_text(NETWORKS)
    out = tmp_path / "out.yaml"
    done = openstack("overcloud", "network", "provision", "-o", str(out), str(tmp_path / "networks.yaml"))
    assert (done.status, done.err) == (0, "")
    assert "InternalApi internal_api_subnet  172.17.0.0/24  172.17.0.10 to 172.17.0.99" in done.out
    written = yaml.safe_load(out.read_text())["parameter_defaults"]["DeployedNetworkEnvironment"]
    assert written["net_cidr_map"] == {"internal_api": ["172.17.0.0/24"]}
    assert written["net_ip_version_map"] == {"internal_api": 4}
    subnet = written["net_attributes_map"]["internal_api"]["subnets"]["internal_api_subnet"]
    assert subnet["tags"] == ["tripleo_vlan_id=20"]


def test_a_networks_file_with_mistakes(openstack: Openstack, tmp_path: Path) -> None:
    (tmp_path / "networks.yaml").write_text(NETWORKS.replace("172.17.0.99", "172.18.0.99"))
    done = openstack("overcloud", "network", "provision", str(tmp_path / "networks.yaml"))
    assert done.status == 1
    assert "TOP-028" in done.out
    assert "networks.yaml:" in done.out


def test_virtual_addresses_are_given_once_and_to_one_stack(
    openstack: Openstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "undercloud.conf").write_text(
        f"[paths]\nstate_dir = {tmp_path / 'state'}\nsecure_tmp = {tmp_path / 'memory'}\n"
    )
    monkeypatch.setenv("UNDERCLOUD_CONFIG_FILE", str(tmp_path / "undercloud.conf"))
    monkeypatch.delenv("UNDERCLOUD_STATE_DIR", raising=False)
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE))
    (tmp_path / "vips.yaml").write_text("- network: ctlplane\n")
    (tmp_path / "nodes.yaml").write_text("- {name: Standalone, count: 1}\n")
    plan = [
        *("-r", str(installed.data_directory() / "roles_data" / "Standalone.yaml")),
        *("-e", str(tmp_path / "site.yaml"), "-b", str(tmp_path / "nodes.yaml"), "-f", "json"),
    ]
    given = []
    for name in ("one", "one", "two"):
        out = tmp_path / f"{name}.yaml"
        words = ("overcloud", "network", "vip", "provision", str(tmp_path / "vips.yaml"), "-o", str(out))
        done = openstack(*words, "--stack", name, *plan)
        assert done.status == 0, done.out + done.err
        assert json.loads(done.out)["deployment"]["operation"] == "allocation"
        data = yaml.safe_load(out.read_text())["parameter_defaults"]["ControlPlaneVipData"]
        given.append(data["fixed_ips"][0]["ip_address"])
    assert given == ["192.0.2.20", "192.0.2.20", "192.0.2.22"], "and the node between them"
