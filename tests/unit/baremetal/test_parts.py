"""The pure parts of the room: causes, config drives, configuration, registration, network data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from undercloud.baremetal import causes, configuration, host_keys, network_data, registration
from undercloud.baremetal.config_drive import config_drive
from undercloud.baremetal.discovery.places import expanded
from undercloud.baremetal.ironic import Machine, Port, provisioning_port
from undercloud.baremetal.network_data import Attachment
from undercloud.diagnostics import UndercloudError
from undercloud.topology.facts import GIB, Disk, Facts, Neighbour, Nic

MAC = "52:54:00:00:00:01"

# What Ironic says, and what it is.
SAID = yaml.safe_load("""
- said: 'Failed to get power state for node 7. Error: HTTP GET https://bmc returned code 401'
  code: BM-112
- said: 'Redfish exception occurred. Error: Unable to connect to https://bmc. Connection refused'
  code: BM-113
- said: 'Failed to get power state for node 7. Error: IPMI call failed: power status.'
  code: BM-131
- said: 'Unable to connect: SSLError(SSLCertVerificationError(1, [SSL: CERTIFICATE_VERIFY_FAILED])'
  code: BM-132
- said: 'Failed to change power state to power on: timed out'
  code: BM-114
- said: 'Timeout reached while waiting for callback for node 7'
  code: BM-115
- said: 'No suitable device was found for deployment - root device hints were not provided or matched nothing'
  code: BM-116
- said: 'Image checksum of http://x does not match the expected one'
  code: BM-117
- said: 'Disk volume where /dev/sda is located does not have enough space; too small'
  code: BM-118
- said: "The deploying state can't be resumed by conductor undercloud. Moving to fail state."
  code: BM-119
- said: 'Redfish exception occurred. Error: The password is invalid'
  code: BM-112
- said: 'Disk is too small. See https://bmc/docs?topic=password-policy'
  code: BM-118
- said: 'Image checksum does not match the expected one; sent from the heartbeat callback of the agent'
  code: BM-117
- said: something nobody has seen
  code: BM-110
""")


@pytest.mark.parametrize("case", SAID, ids=lambda case: case["said"])
def test_causes(case: dict[str, str]) -> None:
    finding = causes.explain("node-7", "deploy", case["said"])
    assert finding.code == case["code"]
    assert "node-7" in finding.message
    assert case["said"].split(".")[0][:40] in finding.message
    assert finding.fix


def test_a_long_story_is_cut() -> None:
    assert len(causes.explain("n", "deploy", "word " * 1000).message) < 500


def machine(**more: Any) -> Machine:
    return Machine("u", "m", "available", resource_class="baremetal", **more)


FACTS = Facts(
    memory=2048,
    cpus=4,
    architecture="x86_64",
    disks=(Disk("/dev/sda", 100 * GIB, serial="A"), Disk("/dev/sdb", 10 * GIB, wwn="0x5")),
    nics=(Nic("eth0", MAC, neighbour=Neighbour("c", "p7", "leaf-3", (1, 20), 1, 9216)),),
)


@pytest.mark.parametrize(
    ("strategy", "least", "hint"),
    [
        ("smallest", 4, {"wwn": "0x5"}),
        ("smallest", 50, {"serial": "A"}),
        ("largest", 4, {"serial": "A"}),
        ("sdc, sdb,sda", 4, {"wwn": "0x5"}),
        ("/dev/sda", 4, {"serial": "A"}),
    ],
)
def test_root_device_strategies(strategy: str, least: int, hint: dict[str, str]) -> None:
    patch = configuration.root_device(machine(), FACTS, strategy, least=least, overwrite=False)
    assert patch == [{"op": "add", "path": "/properties/root_device", "value": hint}]


def test_a_hint_that_is_there_stays_unless_told() -> None:
    has = machine(properties={"root_device": {"serial": "Z"}})
    assert configuration.root_device(has, FACTS, "largest", least=4, overwrite=False) == []
    assert configuration.root_device(has, FACTS, "largest", least=4, overwrite=True)
    for facts in (None, FACTS):
        with pytest.raises(UndercloudError) as caught:
            configuration.root_device(machine(), facts, "sdx", least=4, overwrite=False)
        assert caught.value.findings[0].code == "BM-120"


def test_capabilities_are_set_one_by_one() -> None:
    has = machine(properties={"capabilities": "boot_mode:bios,profile:compute"})
    (patch,) = configuration.capabilities(has, {"boot_mode": "uefi", "profile": ""})
    assert patch["value"] == "boot_mode:uefi"
    assert configuration.capabilities(has, {"boot_mode": "bios"}) == []


def test_the_config_drive_lets_us_in_and_nobody_else() -> None:
    key = host_keys.make()
    drive = config_drive(
        "compute-0",
        "example.org",
        "uuid",
        network=network_data.static(MAC, [Attachment("ctlplane", "192.0.2.9", "192.0.2.0/24", "192.0.2.1")]),
        host_key=key,
        user="admin",
        authorized=["ssh-ed25519 AAAA us"],
        given={
            "meta_data": {"rack": "7", "uuid": "not ours"},
            "cloud_config": {"bootcmd": ["true"], "users": ["intruder"], "ssh_keys": {}},
        },
    )
    assert drive["meta_data"]["hostname"] == "compute-0.example.org"
    assert (drive["meta_data"]["rack"], drive["meta_data"]["uuid"]) == ("7", "uuid")
    assert drive["user_data"].startswith("#cloud-config\n")
    config = yaml.safe_load(drive["user_data"])
    assert config["manage_etc_hosts"] == "localhost", (
        "a boot must not take the cloud's names out of /etc/hosts"
    )
    assert config["bootcmd"] == ["true"]
    assert config["ssh_keys"]["ed25519_private"] == key.private
    assert [user["name"] for user in config["users"]] == ["admin"]
    assert (key.kind, len(key.blob)) == ("ssh-ed25519", 68)
    assert key.private not in repr(key)
    (network,) = drive["network_data"]["networks"]
    assert (network["ip_address"], network["netmask"]) == ("192.0.2.9", "255.255.255.0")
    assert network["routes"][0]["gateway"] == "192.0.2.1"


def test_network_data_of_ipv6() -> None:
    plane = Attachment("ctlplane", "fd00::9", "fd00::/64", "fd00::1", mtu=9000)
    data = network_data.static(MAC, [plane], dns=["fd00::1"])
    assert data["networks"][0]["type"] == "ipv6"
    assert data["links"][0]["mtu"] == 9000
    assert data["services"] == [{"type": "dns", "address": "fd00::1"}]
    (route,) = data["networks"][0]["routes"]
    assert (route["network"], route["netmask"]) == ("::", "::")


def test_network_data_of_networks_with_vlans() -> None:
    plane = Attachment("ctlplane", "192.0.2.9", "192.0.2.0/24", mtu=1500)
    api = Attachment(
        "api", "172.17.0.9", "172.17.0.0/24", "172.17.0.1", 9000, 20, {"10.0.0.0/8": "172.17.0.2"}
    )
    data = network_data.static(MAC, [plane, api])
    card, vlan = data["links"]
    assert card == {"id": "provisioning", "type": "phy", "ethernet_mac_address": MAC, "mtu": 9000}
    assert vlan == {
        "id": "api",
        "type": "vlan",
        "vlan_link": "provisioning",
        "vlan_id": 20,
        "vlan_mac_address": MAC,
        "mtu": 9000,
    }
    assert [(one["id"], one["link"]) for one in data["networks"]] == [
        ("ctlplane", "provisioning"),
        ("api", "api"),
    ]
    assert [one["routes"] for one in data["networks"]] == [
        [],
        [
            {"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "172.17.0.2"},
            {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "172.17.0.1"},
        ],
    ]


def test_what_is_kept_of_a_machine_holds_no_password_and_can_be_validated() -> None:
    one = machine(
        driver="redfish",
        driver_info={"redfish_address": "https://bmc", "redfish_password": "******", "redfish_username": "u"},
        properties={"capabilities": "profile:compute", "root_device": {"serial": "A"}, "cpus": 1},
        traits=("CUSTOM_A",),
    )
    entry = registration.entry_of(one, [Port("52:54:00:00:00:01")], FACTS)
    assert "redfish_password" not in entry
    assert (entry["cpu"], entry["memory"], entry["disk"]) == (4, 2048, 100)
    assert entry["capabilities"] == {"profile": "compute"}
    assert entry["switch_port"] == {"name": "leaf-3 port p7", "vlans": [1, 20], "mtu": 9216}
    assert registration.entry_of(one, [], None)["cpu"] == 1


@pytest.mark.parametrize(
    ("changes", "node", "busy"),
    [
        ({}, "", ""),
        ({}, "the node a of b", "it is the node a of b"),
        ({"maintenance": True, "maintenance_reason": "fan"}, "", "in maintenance: fan"),
        ({"instance_uuid": "x"}, "", "another has it"),
    ],
)
def test_what_makes_a_machine_busy(changes: dict[str, Any], node: str, busy: str) -> None:
    assert registration.candidate_of(machine(**changes), None, node).busy == busy


@pytest.mark.parametrize("address", ["nonsense", "10.0.0.0/8"])
def test_a_range_that_cannot_be_looked_through(address: str) -> None:
    with pytest.raises(UndercloudError) as caught:
        expanded([address])
    assert caught.value.findings[0].code == "BM-121"


@pytest.mark.parametrize(
    ("ports", "unplugged", "chosen"),
    [
        ([], "", ""),
        ([Port("a"), Port("b")], "", "a"),
        ([Port("a"), Port("b")], "a", "b"),
        ([Port("a", boots=False), Port("b")], "", "b"),
        ([Port("a", boots=False), Port("b")], "b", "b"),
        ([Port("a"), Port("b")], "ab", "a"),
    ],
)
def test_the_port_that_a_machine_is_provisioned_over(ports: list[Port], unplugged: str, chosen: str) -> None:
    facts = Facts(nics=tuple(Nic(f"eth{mac}", mac, mac not in unplugged) for mac in "ab"))
    assert provisioning_port(ports, facts) == chosen
