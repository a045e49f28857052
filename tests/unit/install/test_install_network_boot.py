"""DHCP as a part of the undercloud: what switches it on, and what speaks against it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.unit.install.test_install_ironic import site
from undercloud.baremetal.service import dhcp
from undercloud.install.configuration import rendered
from undercloud.install.parts import all_parts, network_boot
from undercloud.install.parts.network import Network
from undercloud.install.parts.network_boot import NetworkBoot
from undercloud.install.processes import systemd

SWITCHES = {
    "TripleO's default": ("", False),
    "asked for": ("ipxe_enabled = true\n", True),
    "by its old name": ("ipxe_deploy = true\n", True),
    "refused": ("ipxe_enabled = false\n", False),
    "without Ironic": ("ipxe_enabled = true\nenable_ironic = false\n", False),
}


@pytest.mark.parametrize(("text", "there"), SWITCHES.values(), ids=SWITCHES)
def test_it_is_there_only_where_the_file_asks_for_it(tmp_path: Path, text: str, there: bool) -> None:
    here = site(tmp_path, text)
    assert ("dhcp" in [part.name for part in all_parts(here)]) == there
    assert f"network_boot = {str(there).lower()}\n" in rendered(here.conf, here.state_dir)


@pytest.mark.parametrize(
    ("interface", "asked", "expected"),
    [
        ("br-ctlplane", "", []),
        ("br-ctlplane", "inspection_interface = br-ctlplane\n", []),
        ("eth2", "inspection_interface = br-ctlplane\n", ["INST-074 4"]),
        ("", "", ["INST-074 2"]),
    ],
)
def test_it_answers_where_local_ip_is_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interface: str, asked: str, expected: list[str]
) -> None:
    monkeypatch.setattr(Network, "interface", interface)
    here = dataclasses.replace(site(tmp_path, f"ipxe_enabled = true\n{asked}"), running=frozenset({"dhcp"}))
    part = NetworkBoot(here)
    assert [f"{one.code} {one.locations[0].line}" for one in part.problems()] == expected
    assert part.settings.interface == interface


def test_prepared_twice_it_is_the_same_and_knows_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "interface", "br-ctlplane")
    monkeypatch.setattr(network_boot, "LOADERS", tmp_path)
    for name in (dhcp.UEFI_LOADER, dhcp.BIOS_LOADER):
        (tmp_path / name).write_bytes(name.encode())
    part = NetworkBoot(site(tmp_path, "ipxe_enabled = true\n"))
    said: list[str] = []
    part.prepare(said.append)
    assert len(said) == 2
    (process,) = part.processes()
    before = process.mark()
    dhcp.answer(part.settings.directory, {"127.0.0.9": ["52:54:00:00:00:01"]})
    part.prepare(said.append)
    assert (len(said), process.mark()) == (2, before)
    assert dhcp.read_answered(part.settings.directory) == "52:54:00:00:00:01,127.0.0.9\n"
    assert part.kept.files == (dhcp.hosts_file(part.settings.directory),)
    text = part.settings.configuration.read_text().splitlines()
    assert {"interface=br-ctlplane", "bind-interfaces", "dhcp-ignore=tag:!known", "port=0"} < set(text)
    unit = systemd.unit(process)
    assert "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID\n" in unit
    assert f'ReadWritePaths="{part.settings.directory}"\n' in unit


def test_a_dnsmasq_that_does_not_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "interface", "br-ctlplane")
    health = NetworkBoot(site(tmp_path, "ipxe_enabled = true\n")).healthy()
    assert not health.ok and "does not serve" in health.message
