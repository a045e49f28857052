"""What a BMC knows of a machine that is off: Redfish inspection of a rack's machine by a real Ironic."""

from __future__ import annotations

import json

import pytest

from tests.functional.baremetal.place import silent
from tests.functional.baremetal.rack_tool import RackTool, needs_rack
from tests.functional.baremetal.test_machines import codes
from undercloud.baremetal import instackenv, preparing
from undercloud.baremetal.enrolment import enrol, manage
from undercloud.baremetal.fleet import Control, Pace, travel
from undercloud.baremetal.ironic import Ironic, Port
from undercloud.baremetal.registration import entry_of
from undercloud.topology.facts import GIB, facts_of, root_disk
from undercloud.topology.placement import Candidate, Demand, place_machines

pytestmark = [pytest.mark.functional, needs_rack]
RACK = ("--memory", "2048", "--cpus", "3", "--disk", "7")


def test_facts_of_a_machine_that_is_off(rack: RackTool, ironic: Ironic) -> None:
    given = [
        {**one, "inspect_interface": "redfish", "boot_interface": "redfish-virtual-media", "root_device": {}}
        for one in rack.registrations
    ]
    control = Control(ironic, silent, Pace(timeout=240, poll=0.5))
    entries = instackenv.read(json.dumps({"nodes": given}), "instackenv.json")
    machines = enrol(control, entries).machines
    assert codes(travel(control, machines, manage(ironic))) == [""]
    assert codes(travel(control, ironic.machines(), preparing.inspect(ironic))) == [""]
    assert rack.rows()[0]["power"] == "off"

    facts = facts_of(ironic.inventory("node1"))
    assert (facts.memory, facts.cpus) == (2048, 3)
    assert [nic.mac for nic in facts.nics] == [rack.registrations[0]["ports"][0]["address"]]
    disk = root_disk(facts, {})
    assert disk is not None
    assert disk.size == 7 * GIB

    (machine,) = ironic.machines()
    entry = entry_of(machine, [Port(facts.nics[0].mac)], facts)  # what validation and placement go by
    assert (entry["memory"], entry["cpu"], entry["disk"]) == (2048, 3, 7)
    candidate = Candidate("node1", machine.uuid, facts=facts)
    (finding,) = place_machines([Demand("one", "Compute", image_size=8 * GIB)], [candidate]).findings
    assert finding.code == "BM-140"
    assert "node1 (7 GiB)" in finding.message
