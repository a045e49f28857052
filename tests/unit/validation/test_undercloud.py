"""undercloud.conf: every code speaks of its case, and is silent about one that only looks like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from undercloud.diagnostics import Severity
from undercloud.validation import validate
from undercloud.validation.checks import undercloud

CASES = yaml.safe_load((Path(__file__).parent / "cases/undercloud.yaml").read_text())
RIGHT = {
    "undercloud_hostname": "director.example.test",
    "local_interface": "eth1",
    "local_ip": "192.168.24.1/24",
    "undercloud_public_host": "192.168.24.2",
    "undercloud_admin_host": "192.168.24.3",
    "undercloud_nameservers": "192.0.2.53",
}
SUBNET = {
    "cidr": "192.168.24.0/24",
    "dhcp_start": "192.168.24.5",
    "dhcp_end": "192.168.24.24",
    "inspection_iprange": "192.168.24.100,192.168.24.120",
    "gateway": "192.168.24.1",
    "masquerade": "true",
}


def _file(case: Mapping[str, Any]) -> str:
    general, subnet = {**RIGHT, **case.get("set", {})}, {**SUBNET, **case.get("subnet", {})}
    lines = [case.get("first", ""), "[DEFAULT]", *(f"{name} = {value}" for name, value in general.items())]
    lines += ["[ctlplane-subnet]", *(f"{name} = {value}" for name, value in subnet.items())]
    return "\n".join([*lines, case.get("more", "")])


def test_the_file_that_is_right_is_right() -> None:
    assert validate.undercloud(_file({}), "undercloud.conf") == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['code']}-{case['fails']}"[:60])
def test_a_code_decides_its_case(case: Mapping[str, Any]) -> None:
    fails = validate.undercloud(_file(case["fails"]), "undercloud.conf")
    passes = validate.undercloud(_file(case["passes"]), "undercloud.conf")
    assert case["code"] in {each.code for each in fails}
    assert case["code"] not in {each.code for each in passes}
    assert all(each.locations and each.locations[0].file == "undercloud.conf" for each in fails)


def test_every_code_has_a_case() -> None:
    assert undercloud.CODES.keys() - {case["code"] for case in CASES} == set()


def test_an_old_name_is_a_warning() -> None:
    (finding,) = validate.undercloud(_file({"set": {"undercloud_public_vip": "192.168.24.2"}}), "u.conf")
    assert (finding.code, finding.severity) == ("UC-006", Severity.WARNING)
