"""Addresses of ramdisks: one book for boot media and for DHCP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from undercloud.baremetal.ironic import Machine, Port
from undercloud.baremetal.service import dhcp
from undercloud.conf import Settings, load
from undercloud.db import machines as records
from undercloud.db.database import Database, open_database
from undercloud.deploy import ramdisk_addresses
from undercloud.diagnostics import UndercloudError

CONF = """\
[baremetal]
cidr = 192.0.2.0/24
gateway = 192.0.2.1
inspection_iprange = 192.0.2.100,192.0.2.101
network_boot = {switch}
"""


class FakeIronic:
    """Machines with a port each, and what was changed."""

    def __init__(self, *found: Machine) -> None:
        self.found = list(found)
        self.addresses: dict[str, str] = {}

    def machines(self) -> list[Machine]:
        return self.found

    def ports(self) -> dict[str, tuple[Port, ...]]:
        return {one.uuid: (Port(f"52:54:00:00:00:{one.uuid}"),) for one in self.found}

    def macs(self) -> dict[str, tuple[str, ...]]:
        return {uuid: tuple(port.address for port in ports) for uuid, ports in self.ports().items()}

    def update(self, uuid: str, patch: list[dict[str, Any]]) -> None:
        self.addresses[uuid] = patch[0]["value"]["networks"][0]["ip_address"]


def machine(uuid: str, boot: str) -> Machine:
    return Machine(uuid, f"node{uuid}", "manageable", interfaces={"boot": boot})


def settings(directory: Path, switch: str = "true") -> Settings:
    file = directory / "undercloud.conf"
    file.write_text(CONF.format(switch=switch))
    return load(str(directory / "state"), str(file), {})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    paths = settings(tmp_path).paths
    dhcp.dhcp_directory(paths.state_dir).mkdir(parents=True)
    opened = open_database("", paths.database, paths.key_file)
    yield opened
    opened.close()


def register(database: Database, ironic: FakeIronic) -> None:
    with database.write() as session:
        for one in ironic.found:
            records.remember(session, one.uuid, one.name, {})


def answered(directory: Path) -> str:
    return dhcp.read_answered(directory / "state/dhcp") or ""


def give(database: Database, here: Settings, ironic: Any) -> None:
    register(database, ironic)
    ramdisk_addresses.on_media(database, here, ironic, ironic.machines())
    ramdisk_addresses.by_dhcp(database, here, ironic)


def test_no_address_is_given_twice_and_only_who_boots_over_the_network_is_answered(
    database: Database, tmp_path: Path
) -> None:
    here, ironic = (
        settings(tmp_path),
        FakeIronic(machine("01", "redfish-virtual-media"), machine("02", "ipxe")),
    )
    give(database, here, ironic)
    assert ironic.addresses == {"01": "192.0.2.100"}
    assert answered(tmp_path) == "52:54:00:00:00:02,192.0.2.101\n"
    give(database, here, ironic)
    assert answered(tmp_path) == "52:54:00:00:00:02,192.0.2.101\n"


def test_who_is_forgotten_or_boots_otherwise_is_not_answered_any_more(
    database: Database, tmp_path: Path
) -> None:
    here, ironic = settings(tmp_path), FakeIronic(machine("01", "ipxe"), machine("02", "ipxe"))
    give(database, here, ironic)
    assert answered(tmp_path).count("\n") == 2
    ironic.found = [machine("02", "redfish-virtual-media")]
    give(database, here, ironic)
    assert answered(tmp_path) == ""
    assert ironic.addresses == {"02": "192.0.2.101"}, "it keeps its address"


def test_a_range_that_is_used_up_is_told(database: Database, tmp_path: Path) -> None:
    ironic = FakeIronic(*(machine(f"0{number}", "ipxe") for number in range(3)))
    with pytest.raises(UndercloudError) as caught:
        give(database, settings(tmp_path), ironic)
    assert caught.value.findings[0].code == "BM-122"
    assert answered(tmp_path) == ""


@pytest.mark.parametrize(
    ("switch", "boot", "told"),
    [
        ("true", "ipxe", False),
        ("true", "pxe", True),
        ("false", "ipxe", True),
        ("false", "redfish-virtual-media", False),
    ],
)
def test_who_would_wait_for_dhcp_in_vain_is_told(tmp_path: Path, switch: str, boot: str, told: bool) -> None:
    found = ramdisk_addresses.unanswered(settings(tmp_path, switch), [machine("01", boot)])
    assert [(name, finding.code) for name, finding in found] == [("node01", "BM-128")] * told
