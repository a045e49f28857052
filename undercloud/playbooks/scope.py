"""The names of late binding, ``host`` and ``cloud``, as plain maps: templates and Ansible see the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.topology.model import Host, Network, Topology

Scope = dict[str, Any]


def host_scope(host: Host) -> Scope:
    """``host``."""
    return {
        "name": host.name,
        "fqdn": host.fqdn,
        "role": host.role,
        "index": host.index,
        "ips": dict(host.ips),
        "prefixes": dict(host.prefixes),
        "fqdns": dict(host.fqdns),
        "subnets": dict(host.subnets),
    }


def cloud_scope(topology: Topology, hosts: Sequence[Scope], services: Mapping[str, Sequence[Scope]]) -> Scope:
    """``cloud`` without endpoints and databases, which are added once they are filled in."""
    return {
        "name": topology.stack,
        "domain": topology.domain,
        "hosts": list(hosts),
        "vips": {name: vip.address for name, vip in topology.vips.items()},
        "networks": {name: _network(network) for name, network in topology.networks.items()},
        "services": {
            name: {"hosts": list(members), "first": members[0]}
            for name, members in services.items()
            if members
        },
    }


def _network(network: Network) -> Scope:
    subnets = {
        name: {
            "cidr": subnet.cidr,
            "prefix": subnet.prefix,
            "gateway": subnet.gateway,
            "vlan": subnet.vlan,
            "routes": [dict(route) for route in subnet.routes],
        }
        for name, subnet in network.subnets.items()
    }
    first = subnets[network.first.name]
    return {
        **{key: first[key] for key in ("cidr", "prefix", "gateway", "vlan")},
        "mtu": network.mtu,
        "domain": network.domain,
        "subnets": subnets,
    }
