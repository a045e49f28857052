"""Small clouds to lower role_data for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.playbooks.own_cloud import SAMPLES, compiled, parameters, stock_roles
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.secrets import Secret
from undercloud.plan.state import State
from undercloud.playbooks.compiler import Compilation
from undercloud.topology.model import Host, Network, Subnet, Topology, Vip


class Loader(yaml.SafeLoader):
    """Safe YAML with ``!secret TEXT``."""


Loader.add_constructor("!secret", lambda loader, node: Secret(node.value))

NETWORKS = {
    "ctlplane": Network(
        "ctlplane",
        "ctlplane",
        "ctlplane.example.com",
        {"ctlplane-subnet": Subnet("ctlplane-subnet", "192.168.24.0/24", "192.168.24.1")},
        vip=True,
    ),
    "internal_api": Network(
        "internal_api",
        "InternalApi",
        "internalapi.example.com",
        {"internal_api_subnet": Subnet("internal_api_subnet", "172.17.0.0/24", vlan=20)},
        mtu=9000,
        vip=True,
    ),
    "tenant": Network(
        "tenant",
        "Tenant",
        "tenant.example.com",
        {"tenant_subnet": Subnet("tenant_subnet", "172.16.0.0/24")},
    ),
}
VIPS = {
    "ctlplane": Vip("ctlplane", "192.168.24.3", "ctlplane_vip", "overcloud.ctlplane.example.com"),
    "internal_api": Vip(
        "internal_api", "172.17.0.3", "internal_api_vip", "overcloud.internalapi.example.com"
    ),
}


def host(role: str, index: int, number: int) -> Host:
    """A host with an address on every network."""
    name = f"overcloud-{role.lower()}-{index}"
    ips = {
        "ctlplane": f"192.168.24.{number}",
        "internal_api": f"172.17.0.{number}",
        "tenant": f"172.16.0.{number}",
    }
    return Host(
        name=name,
        fqdn=f"{name}.example.com",
        role=role,
        index=index,
        address=ips["ctlplane"],
        ips=ips,
        prefixes=dict.fromkeys(ips, 24),
        fqdns={network: f"{name}.{NETWORKS[network].domain}" for network in ips},
    )


def make_topology(counts: Mapping[str, int]) -> Topology:
    """A cloud of so many hosts a role; addresses count from .10 on."""
    pairs = [(role, index) for role, count in counts.items() for index in range(count)]
    hosts: Sequence[Any] = [host(role, index, 10 + number) for number, (role, index) in enumerate(pairs)]
    return Topology("overcloud", "example.com", tuple(hosts), NETWORKS, VIPS)


@pytest.fixture
def topology() -> Topology:
    return make_topology({"Controller": 2, "Database": 1})


NODES = """
- name: ControllerOpenstack
  count: 1
  defaults: {managed: false}
  instances:
    - hostname: controller-0
      user_name: tripleo-admin
      networks: [{network: ctlplane, fixed_ip: 192.168.24.11}]
- name: DatabaseMessaging
  count: 1
  defaults: {managed: false}
  instances:
    - {hostname: backend-0, networks: [{network: ctlplane, fixed_ip: 192.168.24.12}]}
"""
ENVIRONMENT = parameters(CloudDomain="example.com")


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Compilation]:
    """Compiles our own templates for two roles, with more environment texts."""
    roles = stock_roles("ControllerOpenstack", "DatabaseMessaging")

    def run(
        *environments: str, nodes: str = NODES, state: State | None = None, seed: str = "seed"
    ) -> Compilation:
        texts = (ENVIRONMENT, *environments)
        networks = SAMPLES / "internal-api.yaml"
        return compiled(
            tmp_path, roles, nodes, *texts, networks=networks, state=state, entropy=SeededEntropy(seed)
        )

    return run
