"""Placing hosts as data: the operator's files and the state in; hosts, addresses, findings, new state out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from undercloud.diagnostics import Location, Report
from undercloud.plan.documents import parse
from undercloud.plan.networks import read_networks, read_vips
from undercloud.plan.roles import read_roles
from undercloud.plan.state import State
from undercloud.topology.hosts import Placement, PlaceRequest, place

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
ROLES = """
- name: Controller
  CountDefault: 1
  networks: {InternalApi: {subnet: internal_api_subnet}, Storage: {subnet: storage_subnet}}
- name: Compute
  HostnameFormatDefault: '%stackname%-novacompute-%index%'
  networks: [InternalApi]
"""
NETWORKS = """
- name: InternalApi
  name_lower: internal_api
  vip: true
  mtu: 9000
  subnets:
    internal_api_subnet:
      ip_subnet: 172.17.0.0/24
      gateway_ip: 172.17.0.1
      vlan: 20
      allocation_pools: [{start: 172.17.0.10, end: 172.17.0.250}]
"""


def run(case: dict[str, Any]) -> tuple[Placement, Report]:
    """Place what a case describes."""
    report = Report()
    parameters, defaults = case.get("parameters", {}), case.get("defaults", {})
    deployment = case.get("deployment")
    reserved = case.get("reserved", {})
    request = PlaceRequest(
        stack="overcloud",
        roles=read_roles(parse(case.get("roles", ROLES), "roles.yaml"), report),
        networks=read_networks(parse(case.get("networks", NETWORKS), "networks.yaml"), report),
        vips=read_vips(parse(case.get("vips", "[]"), "vips.yaml"), report),
        deployment=parse(deployment, "nodes.yaml") if deployment is not None else None,
        parameters={**defaults, **parameters},
        locate=lambda name: (
            Location("env.yaml", 1 + list(parameters).index(name)) if name in parameters else None
        ),
        declared=lambda name: (
            Location("overcloud.yaml", 1 + list(defaults).index(name)) if name in defaults else None
        ),
        state=State(**case.get("state", {})),
        public_network=case.get("public_network", "ctlplane"),
        reserved=reserved,
    )
    assert not report.findings
    return place(request, report), report


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    placement, report = run(case)
    found = [f"{str(f.locations[0]) if f.locations else ''} {f.code} {f.message}".strip() for f in report]
    assert found == case.get("findings", [])
    topology = placement.topology
    if "hosts" in case:
        hosts = {
            host.name: " ".join(
                [f"{host.role}[{host.index}]", *(f"{net}={ip}" for net, ip in host.ips.items())]
            )
            for host in topology.hosts
        }
        assert hosts == case["hosts"]
    if "vips" in case.get("expected", {}):
        vips = {name: [vip.address, vip.fqdn] for name, vip in topology.vips.items()}
        assert vips == case["expected"]["vips"]
    for field in ("addresses", "node_indexes", "removals"):
        if field in case.get("new_state", {}):
            value = getattr(placement.state, field)
            assert {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()} == case["new_state"][
                field
            ]
    again, _ = run({**case, "state": _as_case(placement.state)})
    if not report.errors:
        assert again.state == placement.state
        assert again.topology == topology


def _as_case(state: State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in ("addresses", "node_indexes", "removals")}
