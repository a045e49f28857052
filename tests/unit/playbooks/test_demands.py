"""What our own templates ask of nodes before they are touched, and the checks that an operator adds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.playbooks.conftest import make_topology
from undercloud.diagnostics import Report
from undercloud.playbooks.compiler import Compilation
from undercloud.playbooks.demands import NEIGHBOURS, Demands, Requirements, summed
from undercloud.playbooks.lower import lower
from undercloud.playbooks.role_data import ServiceData

Build = Callable[..., Compilation]


def asked(compilation: Compilation, host: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(compilation.raise_for_errors().files[f"preflight/{host}.json"].text)
    return document


def test_our_own_templates_ask(build: Build) -> None:
    compilation = build()
    controller, backend = asked(compilation, "controller-0"), asked(compilation, "backend-0")
    assert (controller["stack"], controller["name"], controller["role"]) == (
        "overcloud",
        "controller-0",
        "ControllerOpenstack",
    )
    assert controller["networks"]["ctlplane"]["address"] == "192.168.24.11"
    assert controller["networks"]["internal_api"]["peers"] == [backend["networks"]["internal_api"]["address"]]
    assert controller["vips"]["ctlplane"] == {"address": "192.168.24.3", "holders": ["192.168.24.11"]}
    assert backend["vips"] == {}
    assert backend["disk"] == {
        "/": 128,
        "/var/lib/containers": 1024,
        "/var/lib/mysql": 512,
        "/var/lib/rabbitmq": 256,
    }
    assert backend["memory"] > 512
    assert controller["names"] == ["registry.example.com"]
    assert "registry.example.com/keystone:1" in controller["images"]
    assert len(controller["time_servers"]) == 4
    assert {endpoint["name"] for endpoint in controller["endpoints"]} == {"keystone", "mysql"}
    assert backend["endpoints"] == []


def test_ports_have_the_address_that_they_are_wanted_on(build: Build) -> None:
    compilation = build()
    found = asked(compilation, "controller-0")
    ports = {(one["port"], one["address"], one["protocol"]) for one in found["ports"]}
    internal = found["networks"]["internal_api"]["address"]
    assert {(5000, internal, "tcp"), (11211, "", "tcp"), (123, "", "udp")} <= ports
    assert (3306, found["vips"]["internal_api"]["address"], "tcp") in ports
    assert not [one for one in found["ports"] if one["protocol"] not in {"tcp", "udp"}], "VRRP has no ports"


def test_who_shares_a_clock_asks_no_time_server(build: Build) -> None:
    compilation = build("parameter_defaults: {ChronySetClock: false}\n")
    assert asked(compilation, "controller-0")["time_servers"] == []


def service(**data: Any) -> ServiceData:
    return ServiceData("Controller", {"service_name": "x", **data})


def test_requirements_add_up() -> None:
    one = service(
        requirements={"memory": 100, "disk": {"/": 1, "/a": 2}, "time_servers": ["t"], "names": ["n"]}
    )
    other = service(
        requirements={"memory": 20, "disk": {"/a": 3}, "virtualisation": True, "time_servers": ["t"]}
    )
    assert summed([one, other, service()]) == Requirements(120, {"/": 1, "/a": 5}, True, ("t",), ("n",))


@pytest.mark.parametrize("nodes", [1, 2, 5, 40])
def test_every_node_is_asked_by_others_and_none_asks_all(nodes: int) -> None:
    topology = make_topology({"Controller": nodes})
    report = Report()
    rules = {"109 x": {"dport": "5900-5999,8080"}, "110 y": {"dport": [9, "10"], "proto": "udp"}}
    lowered = lower(topology, {"Controller": [service(firewall_rules=rules)]}, report)
    assert report.findings == ()
    demands = Demands(topology, lowered.cloud, lowered.hosts, lowered.requirements)
    found = [demands.of(host, lowered.desired.hosts[host.name]) for host in topology.hosts]
    peers = [one["networks"]["tenant"]["peers"] for one in found]
    assert {len(of_one) for of_one in peers} == {min(nodes - 1, NEIGHBOURS)}
    heard = {address for of_one in peers for address in of_one}
    assert heard == ({host.ips["tenant"] for host in topology.hosts} if nodes > 1 else set())
    assert all(
        one["networks"]["tenant"]["address"] not in of_one for one, of_one in zip(found, peers, strict=True)
    )
    ports = [(one["port"], one["protocol"]) for one in found[0]["ports"]]
    assert ports == [(8080, "tcp"), (9, "udp"), (10, "udp")], "a range is room, not a listener"


EXTRA = """
parameter_defaults:
  ExtraRequirements: {memory: 99000, names: [nfs.example.com]}
  ExtraValidations:
    - {name: 'NFS answers {{ host.name }}', step: 5, command: 'nc -z nfs 2049', code: OPS-001, fix: Call Ann.}
    - {name: Slow, step: 4, command: [find, /], group: nightly}
  DatabaseMessagingParameters:
    ExtraValidations: []
"""


def test_operators_add_checks_of_their_own(build: Build) -> None:
    compilation = build(EXTRA)
    assert asked(compilation, "controller-0")["memory"] > 99000
    assert "nfs.example.com" in asked(compilation, "backend-0")["names"]
    hosts = compilation.desired.hosts
    own = [
        check
        for step in hosts["controller-0"].steps.values()
        for check in step.validations
        if check.origin.service == "extra_validations"
    ]
    assert {(check.name, check.code, check.fix, check.group) for check in own} == {
        ("NFS answers controller-0", "OPS-001", "Call Ann.", None),
        ("Slow", None, None, "nightly"),
    }
    backend = [
        check.origin.service for step in hosts["backend-0"].steps.values() for check in step.validations
    ]
    assert "extra_validations" not in backend, "its role has none"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("[{name: A, step: 5}]", "ROLE-002"),
        ("[{name: A, step: 9, command: x}]", "ROLE-003"),
        ("[{name: A, step: 5, command: x, colour: red}]", "ROLE-001"),
    ],
)
def test_a_mistake_in_them_is_told(build: Build, given: str, code: str) -> None:
    compilation = build(f"parameter_defaults: {{ExtraValidations: {given}}}\n")
    assert code in {finding.code for finding in compilation.errors}
