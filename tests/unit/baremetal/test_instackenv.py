"""The file of machines as Ironic takes it: each form, each kind of power management, errors by row."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from undercloud.baremetal import instackenv
from undercloud.diagnostics import UndercloudError

POWER = yaml.safe_load("""
- given: {pm_type: redfish, pm_addr: bmc-1, pm_port: 8443, pm_user: u, pm_password: p, pm_system_id: one}
  driver: redfish
  info: {redfish_address: 'https://bmc-1:8443', redfish_username: u, redfish_password: p,
         redfish_system_id: /redfish/v1/Systems/one}
- given: {pm_type: redfish, pm_addr: 'http://bmc-1:8000', pm_user: u, pm_password: p,
          redfish_verify_ca: /etc/ca.pem, pm_system_id: /redfish/v1/Systems/two}
  driver: redfish
  info: {redfish_address: 'http://bmc-1:8000', redfish_username: u, redfish_password: p,
         redfish_system_id: /redfish/v1/Systems/two, redfish_verify_ca: /etc/ca.pem}
- given: {pm_type: pxe_ipmitool, pm_addr: 192.0.2.1, pm_port: 6230, pm_user: u, pm_password: 12345}
  driver: ipmi
  info: {ipmi_address: 192.0.2.1, ipmi_port: '6230', ipmi_username: u, ipmi_password: '12345'}
- given: {pm_type: idrac, pm_addr: 192.0.2.1, pm_user: u, pm_password: p}
  driver: idrac
  info: {drac_address: 192.0.2.1, drac_username: u, drac_password: p}
- given: {pm_type: ilo, pm_addr: 192.0.2.1, pm_user: u, pm_password: p, kernel_id: 'file:///k'}
  driver: ilo
  info: {ilo_address: 192.0.2.1, ilo_username: u, ilo_password: p, deploy_kernel: 'file:///k'}
- given: {pm_type: fake}
  driver: fake-hardware
  info: {}
""")


def read(node: dict[str, Any]) -> instackenv.Entry:
    (entry,) = instackenv.read(json.dumps([{"mac": ["52:54:00:00:00:0A"], **node}]), "nodes.json")
    return entry


@pytest.mark.parametrize("case", POWER, ids=lambda case: str(case["given"]["pm_type"]))
def test_power_management(case: dict[str, Any]) -> None:
    entry = read(case["given"])
    assert entry.values["driver"] == case["driver"]
    assert entry.values["driver_info"] == case["info"]


def test_the_rest_of_an_entry() -> None:
    entry = read(
        {
            "name": "node-1",
            "pm_type": "fake-hardware",
            "cpu": "4",
            "memory": 8192,
            "arch": "x86_64",
            "profile": "compute",
            "capabilities": {"boot_mode": "uefi"},
            "root_device": {"serial": "A"},
            "ports": [{"address": "52:54:00:00:00:0B", "pxe_enabled": True}],
            "traits": ["CUSTOM_A"],
            "resource_class": "large",
            "deploy_interface": "direct",
        }
    )
    assert entry.values["properties"] == {
        "cpus": "4",
        "memory_mb": 8192,
        "cpu_arch": "x86_64",
        "capabilities": "boot_mode:uefi,profile:compute",
        "root_device": {"serial": "A"},
    }
    assert (entry.values["resource_class"], entry.values["deploy_interface"]) == ("large", "direct")
    assert (entry.macs, entry.traits) == (("52:54:00:00:00:0b", "52:54:00:00:00:0a"), ("CUSTOM_A",))


def test_json_with_tabs_and_yaml_say_the_same() -> None:
    one = instackenv.read(
        '{\n\t"nodes": [{"name": "a", "pm_type": "fake", "mac": ["52:54:00:00:00:01"]}]}', "a.json"
    )
    two = instackenv.read("nodes:\n- {name: a, pm_type: fake, mac: ['52:54:00:00:00:01']}\n", "a.yaml")
    assert one == two


def test_csv_in_the_columns_of_tripleo_and_in_named_ones() -> None:
    plain = instackenv.read("redfish,bmc-1,u,p,52:54:00:00:00:01\n", "nodes.csv")
    assert plain[0].values["driver_info"]["redfish_address"] == "https://bmc-1"
    assert plain[0].macs == ("52:54:00:00:00:01",)
    named = instackenv.read(
        "name,pm_type,mac,traits\n\na,fake,52:54:00:00:00:01 52:54:00:00:00:02,CUSTOM_A CUSTOM_B\n",
        "nodes.csv",
    )
    assert (named[0].name, named[0].macs[1], named[0].traits) == (
        "a",
        "52:54:00:00:00:02",
        ("CUSTOM_A", "CUSTOM_B"),
    )


def test_errors_of_a_csv_name_the_row() -> None:
    text = "name,pm_type,pm_addr,pm_user,pm_password,mac\na,ipmi,192.0.2.1,u,,52:54:00:00:00:01\n\n"
    text += "b,fake,,,,xyz\n"
    with pytest.raises(UndercloudError) as caught:
        instackenv.read(text, "nodes.csv")
    assert {(finding.code, finding.locations[0].line) for finding in caught.value.findings} == {
        ("BM-003", 2),
        ("BM-004", 4),
    }


def test_a_row_that_is_too_long() -> None:
    with pytest.raises(UndercloudError, match="row 1 has 6 columns"):
        instackenv.read("fake,a,u,p,52:54:00:00:00:01,more\n", "nodes.csv")


def test_all_errors_at_once_and_a_warning_is_none() -> None:
    with pytest.raises(UndercloudError) as caught:
        instackenv.read(
            "nodes:\n- {name: a, pm_type: redfish, mac: [x]}\n- {name: a, pm_tpye: ipmi}\n", "nodes.yaml"
        )
    assert {finding.code for finding in caught.value.findings} >= {"BM-002", "BM-003", "BM-004", "BM-005"}
    assert instackenv.read("nodes: [{name: a, pm_type: fake}]", "nodes.yaml")[0].ports == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", "nodes: {}"])
def test_a_file_without_machines(text: str) -> None:
    with pytest.raises(UndercloudError) as caught:
        instackenv.read(text, "nodes.yaml")
    assert caught.value.findings[0].code == "BM-001"
