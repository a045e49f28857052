"""`overcloud generate fencing`, through the real shell."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Openstack

IPMI = {
    "name": "a",
    "pm_type": "ipmi",
    "pm_addr": "192.0.2.5",
    "pm_user": "root",
    "pm_password": "secret",
    "pm_port": 6230,
    "ports": [{"address": "52:54:00:AA:00:01"}],
}
REDFISH = {
    "name": "b",
    "pm_type": "redfish",
    "pm_addr": "https://bmc.example.com:8443",
    "pm_user": "root",
    "pm_password": "secret",
    "pm_system_id": "/redfish/v1/Systems/1",
    "redfish_verify_ca": "false",
    "ports": [{"address": "52:54:00:aa:00:02"}],
}


@pytest.fixture
def fencing(openstack: Openstack, tmp_path: Path) -> Any:
    def ask(nodes: list[dict[str, Any]], *words: str) -> Any:
        file = tmp_path / "instackenv.json"
        file.write_text(json.dumps({"nodes": nodes}))
        return openstack("overcloud", "generate", "fencing", str(file), *words)

    return ask


@pytest.mark.parametrize(
    ("node", "words", "agent", "params"),
    [
        (
            IPMI,
            (),
            "fence_ipmilan",
            {"ipaddr": "192.0.2.5", "ipport": "6230", "login": "root", "passwd": "secret", "lanplus": True},
        ),
        (
            {**IPMI, "pm_type": "pxe_drac"},
            ("--ipmi-no-lanplus", "--ipmi-cipher", "0", "--ipmi-level", "operator", "--delay", "5"),
            "fence_ipmilan",
            {
                "ipaddr": "192.0.2.5",
                "ipport": "6230",
                "login": "root",
                "passwd": "secret",
                "cipher": 0,
                "privlvl": "operator",
                "delay": 5,
            },
        ),
        (
            REDFISH,
            ("--delay", "5"),
            "fence_redfish",
            {
                "ipaddr": "bmc.example.com",
                "ipport": 8443,
                "login": "root",
                "passwd": "secret",
                "systems_uri": "/redfish/v1/Systems/1",
                "ssl_insecure": "true",
                "delay": 5,
            },
        ),
    ],
)
def test_a_device_says_what_its_agent_needs(
    fencing: Any, node: dict[str, Any], words: tuple[str, ...], agent: str, params: dict[str, Any]
) -> None:
    done = fencing([node], *words)
    assert done.status == 0, done.out + done.err
    made = yaml.safe_load(done.out)["parameter_defaults"]
    assert made["EnableFencing"] is True
    mac = node["ports"][0]["address"].lower()
    assert made["FencingConfig"]["devices"] == [{"agent": agent, "host_mac": mac, "params": params}]


def test_a_file_is_private(fencing: Any, tmp_path: Path) -> None:
    done = fencing([IPMI, REDFISH], "--output", str(tmp_path / "fencing.yaml"))
    assert (done.status, done.out) == (0, "")
    assert stat.S_IMODE((tmp_path / "fencing.yaml").stat().st_mode) == 0o600
    text = (tmp_path / "fencing.yaml").read_text()
    assert len(yaml.safe_load(text)["parameter_defaults"]["FencingConfig"]["devices"]) == 2


def test_every_machine_that_cannot_be_fenced_is_told(fencing: Any) -> None:
    other = {**IPMI, "name": "c", "pm_type": "irmc", "ports": [{"address": "52:54:00:aa:00:03"}]}
    another = {**IPMI, "name": "d", "pm_type": "irmc", "ports": [{"address": "52:54:00:aa:00:04"}]}
    another["pm_addr"] = "192.0.2.7"
    done = fencing([IPMI, {**other, "pm_addr": "192.0.2.6"}, another])
    assert done.status == 1
    assert done.out.count("BM-134") == 2
