"""What must hold for any sequence of changes: unique addresses, and nodes that stay keep what they have."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.topology.test_place import run
from undercloud.plan.state import State
from undercloud.topology.hosts import Placement
from undercloud.topology.model import Host

NETWORKS = """
- name: InternalApi
  name_lower: internal_api
  vip: true
  subnets:
    internal_api_subnet:
      ip_subnet: 172.17.0.0/20
      gateway_ip: 172.17.0.1
      vlan: 20
      allocation_pools: [{start: 172.17.0.2, end: 172.17.0.20}, {start: 172.17.1.0, end: 172.17.15.250}]
"""


def _deployment(names: list[str], count: int) -> str:
    """Listed nodes with a fixed address that follows from the name, others by count from a pool."""
    lines = [f"- name: Controller\n  count: {count}\n  instances:"]
    lines += [f"    - {{hostname: {name}}}" for name in names]
    return "\n".join(lines if names else [f"- name: Controller\n  count: {count}"])


def _place(names: list[str], count: int, state: State) -> Placement:
    plane = {
        "subnets": {
            "ctlplane-subnet": {
                "cidr": "10.0.0.0/8",
                "allocation_pools": [{"start": "10.1.0.1", "end": "10.2.0.0"}],
            }
        }
    }
    case: dict[str, Any] = {
        "networks": NETWORKS,
        "parameters": {
            "ControlFixedIPs": [{"ip_address": "10.255.0.1"}],
            "CtlplaneNetworkAttributes": plane,
        },
        "deployment": _deployment(names, count),
        "state": {name: getattr(state, name) for name in ("addresses", "node_indexes", "removals")},
    }
    placement, report = run(case)
    assert not report.errors, [str(finding) for finding in report.errors]
    return placement


_names = st.lists(
    st.sampled_from(["a", "b", "c", *(f"overcloud-controller-{n}" for n in range(6))]),
    unique=True,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_names, st.integers(0, 8)), min_size=1, max_size=5))
def test_changes_leave_the_others_alone(steps: list[tuple[list[str], int]]) -> None:
    state, before = State(), dict[str, Host]()
    for names, more in steps:
        placement = _place(names, max(len(names), more), state)
        hosts = {host.name: host for host in placement.topology.hosts}
        assert len(hosts) == max(len(names), more)
        assert set(names) <= set(hosts)
        assert len({host.index for host in hosts.values()}) == len(hosts)
        for network, subnet in (("internal_api", "172.17.0.0/20"), ("ctlplane", "10.0.0.0/8")):
            found = [host.ips[network] for host in hosts.values()]
            found.append(placement.topology.vips[network].address)
            assert len(set(found)) == len(found)
            assert all(ipaddress.ip_address(one) in ipaddress.ip_network(subnet) for one in found)
            assert "172.17.0.1" not in found
        for name in set(hosts) & set(before):
            assert hosts[name] == before[name]
        stay = min(len(before), len(hosts) - len(set(names) - set(before)))
        assert len(set(hosts) & set(before)) >= stay
        assert _place(names, max(len(names), more), placement.state) == placement
        state, before = placement.state, hosts


def test_cost_is_linear() -> None:
    """Ten times the nodes take about ten times as long, not a hundred times."""

    def seconds(count: int) -> float:
        begin = time.process_time()
        _place([], count, State())
        return time.process_time() - begin

    seconds(50)
    few = min(seconds(200) for _ in range(3))
    many = min(seconds(2000) for _ in range(2))
    assert many < 40 * few
