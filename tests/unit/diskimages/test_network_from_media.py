"""The ramdisk's network: network data of OpenStack as files of systemd-networkd."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from undercloud.conf import installed

MAC = "52:54:00:00:00:0b"
PORT = {"id": "eth0", "type": "phy", "ethernet_mac_address": MAC}
IPV4 = {"link": "eth0", "type": "ipv4", "ip_address": "192.0.2.11", "netmask": "255.255.255.0"}
NETWORK = "[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n"
MATCH = f"[Match]\nMACAddress={MAC}\n"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = installed.data_directory() / "disk-images/trees/files/network_from_media.py"
    spec = importlib.util.spec_from_file_location("network_from_media", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a fixed address": ([IPV4], f"{MATCH}{NETWORK}[Address]\nAddress=192.0.2.11/24\n"),
    "an address with its prefix": (
        [{"link": "eth0", "type": "ipv6", "ip_address": "2001:db8::b/64"}],
        f"{MATCH}{NETWORK}[Address]\nAddress=2001:db8::b/64\n",
    ),
    "a mask of IPv6": (
        [{"link": "eth0", "type": "ipv6", "ip_address": "2001:db8::b", "netmask": "ffff:ffff:ffff:ffff::"}],
        f"{MATCH}{NETWORK}[Address]\nAddress=2001:db8::b/64\n",
    ),
    "routes": (
        [
            {
                **IPV4,
                "routes": [{"network": "198.51.100.0", "netmask": "255.255.255.128", "gateway": "192.0.2.1"}],
            }
        ],
        f"{MATCH}{NETWORK}[Address]\nAddress=192.0.2.11/24\n[Route]\nDestination=198.51.100.0/25\nGateway=192.0.2.1\n",
    ),
    "a gateway": (
        [{**IPV4, "gateway": "192.0.2.1"}],
        f"{MATCH}{NETWORK}[Address]\nAddress=192.0.2.11/24\n[Route]\nGateway=192.0.2.1\n",
    ),
    "DHCP beside a fixed address": (
        [IPV4, {"link": "eth0", "type": "ipv6_dhcp"}],
        f"{MATCH}{NETWORK}DHCP=ipv6\n[Address]\nAddress=192.0.2.11/24\n",
    ),
    "another link's network": ([{**IPV4, "link": "eth1"}], f"{MATCH}{NETWORK}"),
}


@pytest.mark.parametrize(("networks", "expected"), CASES.values(), ids=CASES)
def test_a_port_has_what_its_networks_say(
    script: ModuleType, networks: list[dict[str, Any]], expected: str
) -> None:
    assert script.files({"links": [PORT], "networks": networks}) == {"10-52540000000b.network": expected}


def test_mtu_and_resolvers(script: ModuleType) -> None:
    data = {"links": [{**PORT, "mtu": 9000}], "services": [{"type": "dns", "address": "192.0.2.53"}]}
    (text,) = script.files(data).values()
    assert "[Link]\nMTUBytes=9000\n" in text and f"{NETWORK}DNS=192.0.2.53\n" in text


def run(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Any, arguments: str
) -> dict[str, str]:
    monkeypatch.setattr(script, "NETWORKD", tmp_path / "network")
    monkeypatch.setattr(script, "CMDLINE", tmp_path / "cmdline")
    monkeypatch.setattr(script, "read_medium", lambda _: data)
    (tmp_path / "cmdline").write_text(arguments)
    assert script.main() == 0
    return {path.name: path.read_text() for path in (tmp_path / "network").iterdir()}


FALLBACKS: dict[str, tuple[Any, str, list[str]]] = {
    "no medium": (None, "quiet", ["90-dhcp.network"]),
    "a medium without links": ({"links": []}, "quiet", ["90-dhcp.network"]),
    "a bond": ({"links": [{**PORT, "type": "bond"}]}, "quiet", ["90-dhcp.network"]),
    "no MAC address": ({"links": [{"id": "eth0"}]}, "quiet", ["90-dhcp.network"]),
    "the kernel has set it": (None, "quiet ip=dhcp", []),
    "network data": ({"links": [PORT], "networks": [IPV4]}, "quiet", ["10-52540000000b.network"]),
}


@pytest.mark.parametrize(("data", "arguments", "expected"), FALLBACKS.values(), ids=FALLBACKS)
def test_without_usable_data_every_port_asks_dhcp(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: Any,
    arguments: str,
    expected: list[str],
) -> None:
    assert sorted(run(script, tmp_path, monkeypatch, data, arguments)) == expected


@pytest.mark.parametrize("name", [MAC, f"01-{MAC.replace(':', '-')}", MAC.upper()])
def test_booted_over_the_network_it_asks_on_that_port_alone(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stale = {"links": [PORT], "networks": [IPV4]}  # of a system that was on the disk
    made = run(script, tmp_path, monkeypatch, stale, f"quiet BOOTIF={name} initrd=x")
    assert list(made) == ["90-dhcp.network"]
    assert made["90-dhcp.network"].startswith(f"{MATCH}[Network]\nDHCP=ipv4\n")


def test_the_config_drive_that_a_disk_still_carries_is_not_the_medium(script: ModuleType) -> None:
    disk = {"path": "/dev/sda3", "label": "config-2", "rm": False}
    drive = {"path": "/dev/sr0", "label": "config-2", "rm": True}
    assert script.find_medium([disk, {"path": "/dev/sda", "label": None, "rm": False}]) is None
    assert script.find_medium([disk, drive]) == "/dev/sr0"


def test_lsblk_says_what_is_asked(script: ModuleType) -> None:
    assert all({"path", "label", "rm"} <= set(device) for device in script.listed_devices())
