"""Placing nodes on machines as data, and the root disk that hints mean."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from undercloud.topology.facts import GIB, Disk, Facts, facts_of, from_plain, root_disk
from undercloud.topology.placement import Candidate, Demand, place_machines

CASES = yaml.safe_load("""
- what: the first that fits, for every node its own
  machines: [{name: a}, {name: b}]
  demands: [{node: one}, {node: two}]
  chosen: {one: a, two: b}
- what: a choosy node does not lose its only machine to one that takes any
  machines: [{name: a, capabilities: {profile: compute}}, {name: b}]
  demands: [{node: one}, {node: two, capabilities: {profile: compute}}]
  chosen: {one: b, two: a}
- what: a plain node leaves machines with more than it asks for to others, wherever they stand
  machines:
  - {name: a, capabilities: {profile: compute}, traits: [CUSTOM_A]}
  - {name: b, traits: [CUSTOM_A]}
  - {name: c}
  demands: [{node: one}, {node: two, traits: [CUSTOM_A]}]
  chosen: {one: c, two: b}
- what: a named machine is that one
  machines: [{name: a}, {name: b}]
  demands: [{node: one, machine: b}]
  chosen: {one: b}
- what: by its UUID
  machines: [{name: a}, {name: b}]
  demands: [{node: one, machine: uuid-b}]
  chosen: {one: b}
- what: none registered
  machines: []
  demands: [{node: one}]
  says: {BM-140: none is registered}
- what: the named machine is busy
  machines: [{name: a, busy: it is the node of another stack}]
  demands: [{node: one, machine: a}]
  says: {BM-140: 'none meets ''it is free'': a (it is the node of another stack)'}
- what: an unknown machine is named
  machines: [{name: a}]
  demands: [{node: one, machine: b}]
  says: {BM-140: it is the machine b}
- what: the requirement that emptied the list, and what was there
  machines: [{name: a, capabilities: {profile: control}}, {name: b}]
  demands: [{node: one, capabilities: {profile: compute}}]
  says: {BM-140: 'of 2 that were left none meets ''it has profile:compute'': a (profile:control), b (no'}
- what: a class
  machines: [{name: a, resource_class: large}]
  demands: [{node: one}]
  says: {BM-140: 'its resource class is baremetal'': a (large)'}
- what: a trait, seen after the class
  machines: [{name: a, resource_class: large}, {name: b, traits: [CUSTOM_B]}]
  demands: [{node: one, traits: [CUSTOM_A]}]
  says: {BM-140: 'of 1 that were left none meets ''it has the trait CUSTOM_A'': b (CUSTOM_B)'}
- what: a conductor group
  machines: [{name: a}]
  demands: [{node: one, conductor_group: rack-1}]
  says: {BM-140: 'its conductor group is rack-1'': a (none)'}
- what: machines that would do, fewer than nodes
  machines: [{name: a}]
  demands: [{node: one}, {node: two}]
  chosen: {one: a}
  says: {BM-141: 'no machine is left for two: 1 would do'}
- what: a root disk that is too small
  machines: [{name: a, disk: 10}, {name: b, disk: 80}]
  demands: [{node: one, root_size: 40}]
  chosen: {one: b}
- what: no root disk large enough
  machines: [{name: a, disk: 10}]
  demands: [{node: one, root_size: 40}]
  says: {BM-140: 'its root disk has 42 GiB or more'': a (10 GiB)'}
- what: a disk that does not hold the image
  machines: [{name: a, disk: 5}, {name: b, disk: 7}]
  demands: [{node: one, image_size: 6979321856}]
  chosen: {one: b}
- what: no disk that holds the image
  machines: [{name: a, disk: 5}]
  demands: [{node: one, image_size: 6979321856}]
  says: {BM-140: 'its root disk holds the image of 6.5 GiB'': a (5 GiB)'}
- what: what was never inspected may hold it
  machines: [{name: a}]
  demands: [{node: one, image_size: 6979321856}]
  chosen: {one: a}
- what: what was never inspected may do
  machines: [{name: a}]
  demands: [{node: one, root_size: 40}]
  chosen: {one: a}
""")


def candidate(data: dict[str, Any]) -> Candidate:
    facts = Facts(disks=(Disk("/dev/sda", data.pop("disk") * GIB),)) if "disk" in data else None
    traits = frozenset(data.pop("traits", ()))
    return Candidate(uuid=f"uuid-{data['name']}", facts=facts, traits=traits, **data)


def demand(data: dict[str, Any]) -> Demand:
    capabilities = tuple(data.pop("capabilities", {}).items())
    return Demand(role="Compute", capabilities=capabilities, traits=tuple(data.pop("traits", ())), **data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_cases(case: dict[str, Any]) -> None:
    placed = place_machines(
        [demand(dict(one)) for one in case["demands"]], [candidate(dict(one)) for one in case["machines"]]
    )
    assert {one.node: one.machine.name for one in placed.chosen} == case.get("chosen", {})
    assert [finding.code for finding in placed.findings] == list(case.get("says", {}))
    for finding, part in zip(placed.findings, case.get("says", {}).values(), strict=True):
        assert part in finding.message
    assert all(one.why for one in placed.chosen)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 5)), max_size=6), st.lists(st.sets(st.integers(0, 5)), max_size=6))
def test_nobody_shares_a_machine_and_as_many_as_possible_have_one(
    wanted: list[set[int]], offered: list[set[int]]
) -> None:
    machines = [
        Candidate(f"m{n}", f"u{n}", traits=frozenset(f"T{t}" for t in traits))
        for n, traits in enumerate(offered)
    ]
    demands = [
        Demand(f"n{n}", "R", traits=tuple(sorted(f"T{t}" for t in traits))) for n, traits in enumerate(wanted)
    ]
    placed = place_machines(demands, machines)
    assert len({one.machine.uuid for one in placed.chosen}) == len(placed.chosen)
    assert len(placed.chosen) + len(placed.findings) == len(demands)
    by_name = {one.node: one for one in demands}
    assert all(set(by_name[one.node].traits) <= one.machine.traits for one in placed.chosen)


DISKS = Facts(
    disks=(
        Disk(
            "/dev/sda", 2000 * GIB, serial="A1", wwn="0x5000", rotational=True, vendor="ATA", model="Big One"
        ),
        Disk("/dev/sdb", 480 * GIB, serial="b2", wwn="0x5001", hctl="0:0:1:0"),
        Disk("/dev/nvme0n1", 960 * GIB, serial="C3", by_path="/dev/disk/by-path/pci-0"),
        Disk("/dev/sdc", 1 * GIB),
    )
)


@pytest.mark.parametrize(
    ("hints", "name"),
    [
        ({}, "/dev/sdb"),
        ({"serial": "a1"}, "/dev/sda"),
        ({"serial": "s== B2"}, "/dev/sdb"),
        ({"wwn": "0x5001"}, "/dev/sdb"),
        ({"size": 960}, "/dev/nvme0n1"),
        ({"size": ">= 1000"}, "/dev/sda"),
        ({"size": "< 500", "rotational": False}, "/dev/sdb"),
        ({"rotational": "true"}, "/dev/sda"),
        ({"model": "<in> one"}, "/dev/sda"),
        ({"name": "<or> /dev/sdx <or> /dev/nvme0n1"}, "/dev/nvme0n1"),
        ({"hctl": "0:0:1:0"}, "/dev/sdb"),
        ({"by_path": "/dev/disk/by-path/pci-0"}, "/dev/nvme0n1"),
        ({"vendor": "nobody"}, None),
        ({"serial": "a1", "size": 1}, None),
        ({"colour": "red"}, None),
    ],
    ids=str,
)
def test_the_root_disk(hints: dict[str, Any], name: str | None) -> None:
    found = root_disk(DISKS, hints)
    assert (found.name if found else None) == name


def test_facts_of_an_inspection_go_through_json() -> None:
    data = {
        "inventory": {
            "cpu": {"count": 4, "architecture": "x86_64", "flags": ["pdpe1gb"], "model_name": "m"},
            "memory": {"physical_mb": 2048},
            "disks": [{"name": "/dev/sda", "size": 5 * GIB, "serial": " s ", "model": None}],
            "interfaces": [{"name": "eth0", "mac_address": "52:54:00:00:00:0A", "has_carrier": None}],
            "system_vendor": {"manufacturer": "v", "product_name": "p", "serial_number": "n"},
            "boot": {"current_boot_mode": "uefi"},
        },
        "plugin_data": {
            "parsed_lldp": {
                "eth0": {
                    "switch_chassis_id": "c",
                    "switch_port_id": "p7",
                    "switch_port_vlans": [{"name": "api", "id": 20}, {"name": "own", "id": 1}],
                    "switch_port_untagged_vlan_id": 1,
                    "switch_port_mtu": 9216,
                }
            },
            "numa_topology": {
                "ram": [{"numa_node": 0, "size_kb": 1048576}],
                "cpus": [{"cpu": 0, "numa_node": 0, "thread_siblings": [0, 2]}],
                "nics": [{"name": "eth0", "numa_node": 0}],
            },
        },
    }
    facts = facts_of(data)
    assert (facts.memory, facts.cpus, facts.hugepages, facts.product) == (2048, 4, True, "p")
    assert (facts.disks[0].serial, facts.disks[0].model) == ("s", "")
    nic = facts.nics[0]
    assert (nic.mac, nic.link, nic.numa) == ("52:54:00:00:00:0a", True, 0)
    assert nic.neighbour is not None
    assert str(nic.neighbour) == "c port p7"
    assert (nic.neighbour.vlans, nic.neighbour.untagged, nic.neighbour.mtu) == ((20, 1), 1, 9216)
    assert facts.numa[0].cores == ((0, 2),)
    assert from_plain(json.loads(json.dumps(dataclasses.asdict(facts)))) == facts


@pytest.mark.parametrize("data", [{}, {"inventory": None}, {"inventory": {"disks": [None], "cpu": 7}}])
def test_an_inspection_that_says_little_is_no_fault(data: dict[str, Any]) -> None:
    facts = facts_of(data)
    assert facts.cpus == 0
    assert root_disk(facts, {}) is None
