"""A rack's machines: what follows from their number, and how they are told to others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tools.lab.errors import LabError
from tools.rack.model import (
    CTLPLANE,
    IPMI,
    MAX_MACHINES,
    Hardware,
    Rack,
    by_ipmi,
    by_redfish,
    registration,
)
from undercloud.baremetal.instackenv import read


def rack(directory: Path, count: int = 2, disks: int = 1) -> Rack:
    empty, hardware = Rack(directory), Hardware(disks=disks)
    return replace(empty, machines=tuple(empty.machine(number, hardware) for number in range(1, count + 1)))


def test_machines_keep_their_identity(tmp_path: Path) -> None:
    assert Rack(tmp_path).machine(1, Hardware()) == Rack(tmp_path).machine(1, Hardware())
    others = [*rack(tmp_path).machines, *rack(tmp_path / "other").machines]
    assert len({machine.uuid for machine in others}) == 4
    assert len({machine.mac for machine in rack(tmp_path).machines}) == 2


def test_racks_on_other_subnets_have_other_addresses(tmp_path: Path) -> None:
    moved = Rack(tmp_path, (replace(CTLPLANE, subnet="192.168.77.0/24"),))
    assert moved.bmc_url == "https://192.168.77.1:8000"
    assert moved.machine(1, Hardware()).mac != Rack(tmp_path).machine(1, Hardware()).mac


def test_a_rack_is_read_as_it_was_saved(tmp_path: Path) -> None:
    saved = rack(tmp_path)
    saved.save()
    assert Rack.at(tmp_path) == saved
    assert Rack.at(tmp_path / "none") == Rack(tmp_path / "none")


@pytest.mark.parametrize("number", [0, MAX_MACHINES + 1])
def test_a_rack_has_an_end(tmp_path: Path, number: int) -> None:
    with pytest.raises(LabError, match=f"not in 1..{MAX_MACHINES}"):
        Rack(tmp_path).machine(number, Hardware())


def test_an_unknown_machine_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="machines of this rack: node1, node2"):
        rack(tmp_path).find("node3")


def test_the_registration_is_one_that_we_accept(tmp_path: Path) -> None:
    here = rack(tmp_path)
    bmcs = [by_redfish(here, one, "admin", "secret", tmp_path / "ca.crt") for one in here.machines]
    nodes = [registration(here, one, bmc) for one, bmc in zip(here.machines, bmcs, strict=True)]
    entries = read(json.dumps({"nodes": nodes}), "instackenv.json")
    assert [entry.name for entry in entries] == ["node1", "node2"]
    values = entries[0].values
    assert values["driver"] == "redfish"
    assert values["driver_info"]["redfish_address"] == "https://192.168.24.1:8000"
    assert values["driver_info"]["redfish_verify_ca"] == str(tmp_path / "ca.crt")
    assert values["properties"]["root_device"] == {"serial": "RACKDISK1"}


def test_by_ipmi_every_machine_has_a_port_of_its_own(tmp_path: Path) -> None:
    here = replace(rack(tmp_path), protocol=IPMI)
    here.save()
    assert Rack.at(tmp_path).protocol == IPMI
    nodes = [registration(here, one, by_ipmi(here, one, "admin", "secret")) for one in here.machines]
    entries = read(json.dumps({"nodes": nodes}), "instackenv.json")
    reached = [(one.values["driver"], one.values["driver_info"]["ipmi_port"]) for one in entries]
    assert reached == [("ipmi", "6231"), ("ipmi", "6232")]
    assert "boot_interface" not in entries[0].values, "Ironic takes what it has for a BMC without media: iPXE"
