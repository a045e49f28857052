"""Machines of a file become Ironic's, are looked at, cleaned and provided: against a real Ironic."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.functional.baremetal.real_ironic import BMC_PASSWORD, BMC_USER, RealIronic, bmcs, free_port
from undercloud.baremetal import errors, instackenv, preparing
from undercloud.baremetal.enrolment import enrol, manage
from undercloud.baremetal.fleet import Control, Outcome, Pace, travel
from undercloud.baremetal.ironic import Access, Ironic
from undercloud.diagnostics import UndercloudError
from undercloud.topology.facts import facts_of, root_disk

pytestmark = pytest.mark.functional
PACE = Pace(limit=4, timeout=60, poll=0.2)


class Heard:
    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def __call__(self, machine: str, message: str, status: str) -> None:
        self.said.append((machine, message, status))


@pytest.fixture
def control(ironic: Ironic) -> Control:
    return Control(ironic, Heard(), PACE)


def fake(number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": f"fake-{number}",
        "pm_type": "fake-hardware",
        "ports": [{"address": f"52:54:00:00:00:{number:02x}"}],
        "capabilities": "profile:compute",
        **more,
    }


def entries(*nodes: dict[str, Any]) -> list[instackenv.Entry]:
    import json

    return instackenv.read(json.dumps({"nodes": nodes}), "instackenv.json")


def codes(outcomes: list[Outcome]) -> list[str]:
    print([one.finding.message for one in outcomes if one.finding])
    return [one.finding.code if one.finding else "" for one in outcomes]


def test_importing_again_is_harmless(control: Control) -> None:
    given = entries(fake(1), fake(2, traits=["CUSTOM_FAST"], root_device={"serial": "A"}))
    first = enrol(control, given)
    assert (first.new, first.findings) == (("fake-1", "fake-2"), ())
    assert codes(travel(control, first.machines, manage(control.ironic))) == ["", ""]
    again = enrol(control, given)
    assert (again.new, again.findings) == ((), ())
    assert [(one.provision_state, one.traits) for one in again.machines] == [
        ("manageable", ()),
        ("manageable", ("CUSTOM_FAST",)),
    ]
    assert again.machines[1].root_device == {"serial": "A"}
    assert control.ironic.macs()[again.machines[0].uuid] == ("52:54:00:00:00:01",)


def test_a_machine_is_known_by_its_mac_and_renamed(control: Control) -> None:
    enrol(control, entries(fake(1)))
    renamed = enrol(control, entries(fake(1, name="other", capabilities="profile:control")))
    assert [one.name for one in control.ironic.machines()] == ["other"]
    assert renamed.machines[0].capabilities == {"profile": "control"}


def test_imported_again_it_has_the_interfaces_that_the_file_says_now(control: Control) -> None:
    for wanted in ("no-raid", "fake"):
        enrolled = enrol(control, entries(fake(1, raid_interface=wanted)))
        assert enrolled.findings == ()
        assert [one.interfaces["raid"] for one in enrolled.machines] == [wanted]


def test_an_entry_that_would_be_two_machines_is_refused_before_anything_is_done(control: Control) -> None:
    enrol(control, entries(fake(1), fake(2)))
    stolen = fake(2, ports=[{"address": "52:54:00:00:00:01"}])
    with pytest.raises(UndercloudError) as caught:
        enrol(control, entries(fake(3), stolen))
    assert [finding.code for finding in caught.value.findings] == ["BM-105"]
    assert [one.name for one in control.ironic.machines()] == ["fake-1", "fake-2"]


def test_clean_and_provide_with_a_limit(control: Control) -> None:
    machines = enrol(control, entries(*(fake(n) for n in range(1, 9)))).machines
    travel(control, machines, manage(control.ironic))
    steps = preparing.ERASE_METADATA
    # Fake hardware has no such step, so that cleaning fails; Ironic puts the machines into maintenance then.
    failed = travel(control, control.ironic.machines(), preparing.clean(control.ironic, steps))
    assert codes(failed) == ["BM-110"] * 8
    assert {one.provision_state for one in control.ironic.machines()} == {"clean failed"}
    assert codes(travel(control, control.ironic.machines(), preparing.provide(control.ironic))) == [""] * 8
    assert {one.provision_state for one in control.ironic.machines()} == {"available"}


def test_bios_and_raid_are_cleaning_steps(control: Control) -> None:
    given = entries(fake(1, bios_interface="fake", raid_interface="fake"))
    travel(control, enrol(control, given).machines, manage(control.ironic))
    machines = control.ironic.machines()
    raid = {"logical_disks": [{"size_gb": 100, "raid_level": "1"}]}
    made = preparing.clean(control.ironic, preparing.RAID_STEPS, "make the RAID", raid)
    # Fake hardware keeps the wish and has no step to fulfil it.
    assert codes(travel(control, machines, made)) == ["BM-110"]
    (kept,) = control.ironic._client.node.list(fields=["target_raid_config"])
    assert kept.target_raid_config == raid
    travel(control, control.ironic.machines(), manage(control.ironic))
    reset = preparing.clean(control.ironic, preparing.BIOS_RESET, "reset the BIOS")
    assert codes(travel(control, control.ironic.machines(), reset)) == [""]
    settings = preparing.clean(control.ironic, preparing.bios_steps({"bios_option1": "on"}), "set the BIOS")
    assert codes(travel(control, control.ironic.machines(), settings)) == [""]
    assert control.ironic.bios("fake-1")


def test_power(control: Control) -> None:
    machines = enrol(control, entries(fake(1))).machines
    travel(control, machines, manage(control.ironic))
    assert codes(travel(control, machines, preparing.power(control.ironic, "on"))) == [""]
    assert control.ironic.machine("fake-1").power_state == "power on"


INVENTORY: dict[str, Any] = {
    "interfaces": [
        {"name": "eth0", "mac_address": "52:54:00:00:00:01", "has_carrier": True, "ipv4_address": "192.0.2.9"}
    ],
    "cpu": {"model_name": "m", "count": 8, "architecture": "x86_64", "flags": ["vmx", "pdpe1gb"]},
    "memory": {"physical_mb": 16384, "total": 16 << 30},
    "disks": [
        {"name": "/dev/sda", "size": 480 << 30, "serial": "A", "rotational": False, "model": "x"},
        {"name": "/dev/sdb", "size": 64 << 30, "serial": "B", "rotational": True, "model": "x"},
    ],
    "bmc_address": "192.0.2.1",
    "boot": {"current_boot_mode": "uefi", "pxe_interface": "52:54:00:00:00:01"},
    "system_vendor": {"product_name": "p", "manufacturer": "v", "serial_number": "s"},
}


def test_introspection_by_a_ramdisk(control: Control, service: RealIronic) -> None:
    given = entries(fake(1, inspect_interface="agent", root_device={"serial": "A"}))
    machines = enrol(control, given).machines
    travel(control, machines, manage(control.ironic))

    def ramdisk() -> None:
        for _ in range(100):
            time.sleep(0.2)
            if control.ironic.machine("fake-1").provision_state == "inspect wait":
                service.call_back(INVENTORY)
                return

    thread = threading.Thread(target=ramdisk)
    thread.start()
    outcomes = travel(control, control.ironic.machines(), preparing.inspect(control.ironic))
    thread.join()
    assert codes(outcomes) == [""]
    facts = facts_of(control.ironic.inventory("fake-1"))
    assert (facts.memory, facts.cpus, facts.hugepages, facts.boot_mode) == (16384, 8, True, "uefi")
    disk = root_disk(facts, control.ironic.machine("fake-1").root_device)
    assert disk is not None
    assert disk.name == "/dev/sda"


def test_a_ramdisk_that_never_calls_back(control: Control) -> None:
    machines = enrol(control, entries(fake(1, inspect_interface="agent"))).machines
    travel(control, machines, manage(control.ironic))
    brief = dataclasses.replace(control, pace=Pace(timeout=2, poll=0.2))
    assert codes(travel(brief, control.ironic.machines(), preparing.inspect(control.ironic))) == ["BM-111"]
    control.ironic.move("fake-1", "abort")


SYSTEM = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "name": "one",
    "power_state": "Off",
    "external_notifier": False,
    "nics": [{"mac": "52:54:00:00:01:01", "ip": "192.0.2.11"}],
}


def redfish(address: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "redfish-1",
        "pm_type": "redfish",
        "pm_addr": address,
        "pm_user": BMC_USER,
        "pm_password": BMC_PASSWORD,
        "pm_system_id": SYSTEM["uuid"],
        "mac": ["52:54:00:00:01:01"],
        "boot_interface": "redfish-virtual-media",
        "inspect_interface": "redfish",
        **more,
    }


def test_redfish(control: Control, home: Path) -> None:
    with bmcs(home, [SYSTEM]) as address:
        machines = enrol(control, entries(redfish(address))).machines
        assert codes(travel(control, machines, manage(control.ironic))) == [""]
        travel(control, machines, preparing.power(control.ironic, "on"))
        assert control.ironic.machine("redfish-1").power_state == "power on"


def test_a_wrong_password_and_one_that_is_put_right(control: Control, home: Path) -> None:
    with bmcs(home, [SYSTEM]) as address:
        wrong = enrol(control, entries(redfish(address, pm_password="wrong"))).machines
        failed = travel(control, wrong, manage(control.ironic))
        assert codes(failed) == ["BM-112"], failed[0].finding
        right = enrol(control, entries(redfish(address))).machines
        assert [one.uuid for one in right] == [one.uuid for one in wrong]
        assert codes(travel(control, right, manage(control.ironic))) == [""]


def test_a_bmc_that_does_not_answer(control: Control) -> None:
    machines = enrol(control, entries(redfish(f"http://127.0.0.1:{free_port()}"))).machines
    outcomes = travel(control, machines, manage(control.ironic))
    assert codes(outcomes) == ["BM-113"], outcomes[0].finding


def test_ironic_refuses_a_stranger_and_may_be_away(service: RealIronic) -> None:
    with pytest.raises(errors.NotAllowedError):
        Ironic(Access(service.endpoint, "undercloud", "wrong")).machines()
    with pytest.raises(errors.NotAnsweringError) as caught:
        Ironic(Access(f"http://127.0.0.1:{free_port()}", "u", "p")).machines()
    assert caught.value.request == "list the machines"


@pytest.mark.long
def test_ironic_restarted_in_the_middle(control: Control, service: RealIronic) -> None:
    machines = enrol(control, entries(*(fake(n, inspect_interface="agent") for n in (1, 2)))).machines
    travel(control, machines, manage(control.ironic))

    def accident() -> None:
        time.sleep(1)
        service.stop(signal.SIGKILL)
        time.sleep(1)
        service.start()
        waiting = True
        while waiting:  # as a ramdisk that is booted again for one that set out again
            time.sleep(0.5)
            waiting = any(one.provision_state != "manageable" for one in control.ironic.machines())
            for number in (1, 2):
                if control.ironic.machine(f"fake-{number}").provision_state == "inspect wait":
                    mac = f"52:54:00:00:00:{number:02x}"
                    interfaces = [{**INVENTORY["interfaces"][0], "mac_address": mac}]
                    service.call_back({**INVENTORY, "interfaces": interfaces})

    thread = threading.Thread(target=accident)
    thread.start()
    outcomes = travel(control, control.ironic.machines(), preparing.inspect(control.ironic, retries=1))
    thread.join()
    assert codes(outcomes) == ["", ""], [one.finding for one in outcomes]
