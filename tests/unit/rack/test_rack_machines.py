"""What libvirt and the BMCs are told of a machine."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.rack.test_rack_model import rack
from tools.lab import networks
from tools.rack import bmc, hypervisor, machines
from undercloud.images.tls import Certificates


@pytest.mark.parametrize(
    ("kvm", "kind", "cpu"), [(True, "kvm", "host-passthrough"), (False, "qemu", "maximum")]
)
def test_a_machine_has_disk_port_and_firmware(tmp_path: Path, kvm: bool, kind: str, cpu: str) -> None:
    here = rack(tmp_path / "with <odd> & name")
    machine = here.machines[1]
    domain = ElementTree.fromstring(machines.definition(here, machine, kvm=kvm))

    def attribute(path: str, name: str) -> str | None:
        element = domain.find(path)
        return None if element is None else element.get(name)

    assert domain.get("type") == kind and attribute("cpu", "mode") == cpu
    assert domain.findtext("uuid") == machine.uuid
    assert domain.findtext("devices/disk/serial") == "RACKDISK2"
    assert attribute("devices/disk/source", "file") == str(here.image(machine, machine.disks[0]))
    assert attribute("devices/interface/mac", "address") == machine.mac
    assert attribute("devices/interface/source", "bridge") == networks.bridge(here, here.networks[0])
    assert domain.findtext("os/loader") == str(machines.FIRMWARE)
    assert domain.findtext("os/nvram") == str(here.variables(machine))
    assert (domain.find("features/tcg") is None) == kvm


def test_disks_are_told_apart_and_the_bmc_knows_the_same(tmp_path: Path) -> None:
    here = rack(tmp_path, disks=3)
    machine = here.machines[1]
    domain = ElementTree.fromstring(machines.definition(here, machine, kvm=False))
    disks = domain.findall("devices/disk")
    assert [disk.findtext("serial") for disk in disks] == ["RACKDISK2", "RACKDISK2B", "RACKDISK2C"]
    assert [element.get("dev") for element in domain.findall("devices/disk/target")] == ["sda", "sdb", "sdc"]
    for different in (
        [disk.wwn for one in here.machines for disk in one.disks],
        [element.get("file") for element in domain.findall("devices/disk/source")],
        [element.get("unit") for element in domain.findall("devices/disk/address")],
    ):
        assert len(set(different)) == len(different)
    said = bmc.settings(here, tmp_path, Certificates(*[tmp_path / "tls"] * 3))
    drives = said["SUSHY_EMULATOR_DRIVES"][machine.uuid, "1"]
    assert [drive["Id"] for drive in drives] == [disk.findtext("serial") for disk in disks]
    (storage,) = said["SUSHY_EMULATOR_STORAGE"][machine.uuid]
    assert storage["Drives"] == [drive["Id"] for drive in drives]


def test_every_machine_has_its_storage_at_the_bmc(tmp_path: Path) -> None:
    here = rack(tmp_path)
    files = [tmp_path / name for name in ("ca.crt", "bmc.crt", "bmc.key")]
    said = bmc.settings(here, tmp_path, Certificates(*files))
    identities = {machine.uuid for machine in here.machines}
    assert set(said["SUSHY_EMULATOR_STORAGE"]) == identities
    assert {key[0] for key in said["SUSHY_EMULATOR_DRIVES"]} == identities
    assert {key[0] for key in said["SUSHY_EMULATOR_VOLUMES"]} == identities
    assert said["SUSHY_EMULATOR_LISTEN_IP"] == "192.168.24.1"
    assert said["SUSHY_EMULATOR_AUTH_FILE"] and said["SUSHY_EMULATOR_SSL_CERT"]
    assert str(hypervisor.socket(here)) in said["SUSHY_EMULATOR_LIBVIRT_URI"]


ACCELERATED = {
    "Intel": ("flags : fpu vmx sse", True, True),
    "AMD": ("flags : fpu svm sse", True, True),
    "a machine without": ("flags : fpu sse", True, False),
    "a name that only looks so": ("model name : vmx-like\nflags : fpu", True, False),
    "no device": ("flags : fpu vmx", False, False),
}


@pytest.mark.parametrize(("processors", "device", "expected"), ACCELERATED.values(), ids=ACCELERATED)
def test_kvm_is_used_where_it_works(tmp_path: Path, processors: str, device: bool, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(processors)
    if device:
        (tmp_path / "kvm").touch()
    assert hypervisor.accelerated(tmp_path / "kvm", tmp_path / "cpuinfo") == expected
