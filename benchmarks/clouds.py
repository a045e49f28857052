"""Plans of any size, as the files and options that an operator gives to ``plan compile``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

_NETWORKS = {
    "Storage": ("storage", True),
    "StorageMgmt": ("storage_mgmt", True),
    "InternalApi": ("internal_api", True),
    "Tenant": ("tenant", False),
    "External": ("external", True),
}
"""Name → lower-case name and whether it has a virtual address, as in TripleO's default network isolation."""


@dataclasses.dataclass(frozen=True)
class Cloud:
    """A plan: what it is called, how many nodes it has, and the options that name its files."""

    name: str
    nodes: int
    options: tuple[str, ...]


def stock(templates: Path, folder: Path, computes: int = 1) -> Cloud:
    """TripleO's stock overcloud: its templates, 3 controllers, isolated networks, all passwords new."""
    name = "stock overcloud" if computes == 1 else f"{computes:,} computes"
    roles = ("-r", str(templates / "roles_data.yaml"))
    vips = ("--vip-file", str(templates / "network-data-samples/vip-data-default-network-isolation.yaml"))
    options = ("--templates", str(templates), *roles, *vips, *_files(folder, computes))
    return Cloud(name, 3 + computes, options)


def native(folder: Path, computes: int = 1) -> Cloud:
    """The same nodes and networks over the templates that come with undercloud."""
    name = "native stock" if computes == 1 else f"native, {computes:,} computes"
    return Cloud(name, 3 + computes, ("--templates", *_files(folder, computes)))


def _files(folder: Path, computes: int) -> tuple[str, ...]:
    """Networks that have room for all nodes, the nodes by their number, and what a site sets."""
    folder.mkdir(parents=True, exist_ok=True)
    networks, nodes, site = (folder / f"{name}.yaml" for name in ("networks", "nodes", "site"))
    networks.write_text("".join(_network(10 + number, name) for number, name in enumerate(_NETWORKS)))
    nodes.write_text(f"- {{name: Controller, count: 3}}\n- {{name: Compute, count: {computes}}}\n")
    site.write_text(_SITE)
    return ("-n", str(networks), "-b", str(nodes), "-e", str(site))


def _network(number: int, name: str) -> str:
    lower, vip = _NETWORKS[name]
    return f"""\
- name: {name}
  name_lower: {lower}
  vip: {str(vip).lower()}
  mtu: 1500
  subnets:
    {lower}_subnet:
      ip_subnet: 10.{number}.0.0/16
      allocation_pools: [{{start: 10.{number}.0.4, end: 10.{number}.255.250}}]
      vlan: {number}
"""


_SITE = """\
parameter_defaults:
  NtpServer: [0.pool.ntp.org]
  DnsServers: [192.168.0.1]
  CtlplaneNetworkAttributes:
    network: {name: ctlplane, mtu: 1500, dns_domain: ctlplane.localdomain., tags: []}
    subnets:
      ctlplane-subnet:
        name: ctlplane-subnet
        ip_version: 4
        cidr: 192.168.0.0/16
        gateway_ip: 192.168.0.1
        dns_nameservers: []
        host_routes: []
        allocation_pools: [{start: 192.168.0.10, end: 192.168.255.250}]
"""
