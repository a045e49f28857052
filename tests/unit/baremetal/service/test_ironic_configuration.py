"""ironic.conf: what it says for the settings that differ."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest

from undercloud.baremetal.service.configuration import configuration, directories
from undercloud.baremetal.service.settings import HARDWARE_TYPES, IronicSettings
from undercloud.diskimages import esp


def settings(**changed: Any) -> IronicSettings:
    directory = Path("/state/ironic")
    files = Path("/state/files")
    pem = (directory / "ironic.crt", directory / "ironic.key", directory / "ca.crt")
    return IronicSettings(directory, files, changed.pop("address", "192.0.2.1"), *pem, **changed)


def read(**changed: Any) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(configuration(settings(**changed)))
    return parser


SAID: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "SQLite": ({}, "database", "connection", "sqlite:////state/ironic/ironic.sqlite"),
    "a database": (
        {"database": "mysql+pymysql://i:p$w@db/i"},
        "database",
        "connection",
        "mysql+pymysql://i:p$$w@db/i",
    ),
    "no bus": ({}, "DEFAULT", "rpc_transport", "none"),
    "a bus": ({"transport_url": "rabbit://b/"}, "DEFAULT", "transport_url", "rabbit://b/"),
    "a bus is used": ({"transport_url": "rabbit://b/"}, "DEFAULT", "rpc_transport", "oslo"),
    "a password": ({}, "DEFAULT", "auth_strategy", "http_basic"),
    "TLS": ({}, "api", "enable_ssl_api", "true"),
    "the ramdisk trusts it": ({}, "agent", "api_ca_file", "/state/ironic/ca.crt"),
    "IPv6": ({"address": "2001:db8::1"}, "api", "public_endpoint", "https://[2001:db8::1]:6385"),
    "files on IPv6": ({"address": "2001:db8::1"}, "deploy", "http_url", "http://[2001:db8::1]:8088"),
    "cleaning": ({"clean": False}, "conductor", "automated_clean", "false"),
    "fast track": ({"fast_track": False}, "deploy", "fast_track", "false"),
    "GRUB's path": ({}, "DEFAULT", "grub_config_path", esp.RAMDISK_CONFIG),
    "virtual media": ({}, "DEFAULT", "enabled_boot_interfaces", "redfish-virtual-media"),
    "IPMI boots over the network": (
        {"hardware_types": ("redfish", "ipmi")},
        "DEFAULT",
        "enabled_boot_interfaces",
        "redfish-virtual-media,ipxe,pxe",
    ),
    "network boot": (
        {"network_boot": True},
        "DEFAULT",
        "enabled_boot_interfaces",
        "redfish-virtual-media,ipxe",
    ),
    "the machines' script": ({}, "pxe", "ipxe_config_template", "/state/ironic/machine.ipxe.template"),
    "a ramdisk inspects": ({}, "DEFAULT", "default_inspect_interface", "agent"),
    "none of a kind": ({"hardware_types": ("ipmi",)}, "DEFAULT", "enabled_bios_interfaces", "no-bios"),
}


@pytest.mark.parametrize(("changed", "section", "option", "expected"), SAID.values(), ids=SAID)
def test_options_follow_the_settings(
    changed: dict[str, Any], section: str, option: str, expected: str
) -> None:
    assert read(**changed)[section][option] == expected


@pytest.mark.parametrize("seconds", [0, 45])
def test_switches_are_heard_only_where_that_is_wished(seconds: int) -> None:
    arguments = read(lldp_seconds=seconds)["redfish"]["kernel_append_params"].split()
    assert f"ipa-collect-lldp={int(bool(seconds))}" in arguments
    assert (f"ipa-lldp-timeout={seconds}" in arguments) == bool(seconds)


@pytest.mark.parametrize("way", ["redfish", "pxe"])
def test_the_ramdisk_looks_at_all_that_facts_are_made_of(way: str) -> None:
    """By the names of ironic-python-agent's entry points; NUMA nodes are in none of its defaults."""
    arguments = dict(each.partition("=")[::2] for each in read()[way]["kernel_append_params"].split())
    assert {"default", "numa-topology"} <= set(arguments["ipa-inspection-collectors"].split(","))


@pytest.mark.parametrize("name", HARDWARE_TYPES)
def test_every_hardware_type_has_what_it_cannot_do_without(name: str) -> None:
    options = read(hardware_types=(name,))["DEFAULT"]
    assert options["enabled_hardware_types"] == name
    for kind in ("boot", "deploy", "management", "network", "power", "storage"):
        assert options[f"enabled_{kind}_interfaces"]


def test_what_it_names_is_made() -> None:
    text = configuration(settings())
    assert all(str(directory) in text for directory in directories(settings()) if directory.name != "tmp")
