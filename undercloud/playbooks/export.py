"""What one stack tells another: the parameters of `overcloud export`, for a plan that builds on this one.

Names and shapes are those of TripleO's client (``tripleoclient/export.py`` of 20.0.0) and, for
AllNodesExtraMapData, of its role tripleo_hieradata: ``SERVICE_node_ips``, ``SERVICE_node_names`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.plan import passwords
from undercloud.plan.secrets import conceal
from undercloud.playbooks.compiler import Compilation, Contract
from undercloud.topology.model import CTLPLANE, Host, Topology

FILE = "export.json"
"""The name of the file among the output of ``plan compile``."""

CELL = (
    "oslo_messaging_notify_short_bootstrap_node_name",
    "oslo_messaging_notify_node_names",
    "oslo_messaging_rpc_node_names",
    "memcached_node_ips",
    "ovn_dbs_vip",
    "ovn_dbs_node_ips",
    "redis_vip",
)
"""What a cell needs of AllNodesExtraMapData; with the rest it would take the central services for its own."""
_OWN = re.compile("ceph", re.IGNORECASE)
"""Passwords that each stack has for itself, as TripleO leaves them out."""


def exported(compilation: Compilation) -> dict[str, Any]:
    """Parameter → value, for another plan's ``parameter_defaults``; passwords are secrets.

    Raises UndercloudError where the compilation has errors.
    """
    compilation.raise_for_errors()
    given = {
        **compilation.plan.environment.parameter_defaults,
        **compilation.plan.environment.parameters,
    }
    kept = {**compilation.state.passwords, **given}
    secrets = {name: conceal(kept[name]) for name in sorted(passwords.MAKERS) if kept.get(name) is not None}
    known = _native(compilation) if compilation.contract is Contract.NATIVE else _upstream(compilation)
    cloud = given.get("AuthCloudName") or compilation.plan.name
    return {**secrets, **{name: value for name, value in known.items() if value}, "AuthCloudName": cloud}


def narrowed(parameters: Mapping[str, Any], *, cell: bool = False, whole: bool = False) -> dict[str, Any]:
    """What was exported without what stays with its stack; for a ``cell`` only what it shares.

    ``whole`` leaves those passwords in, too.
    """
    left = {
        name: value
        for name, value in parameters.items()
        if whole or not (passwords.is_password(name) and _OWN.search(name))
    }
    nodes = left.get("AllNodesExtraMapData")
    if cell and isinstance(nodes, Mapping):
        left["AllNodesExtraMapData"] = {key: nodes[key] for key in CELL if key in nodes}
    return left


def _native(compilation: Compilation) -> dict[str, Any]:
    """Of our own contract: it has neither hieradata nor what is global for TripleO's templates."""
    assert compilation.lowered is not None, "a compilation without errors is whole"
    assert compilation.topology is not None, "a compilation without errors is whole"
    return {
        "EndpointMapOverride": compilation.lowered.cloud["endpoint_map"],
        "ExtraHostFileEntries": list(_hosts_entries(compilation.topology)),
    }


def _upstream(compilation: Compilation) -> dict[str, Any]:
    outputs = compilation.stack.outputs
    known = {
        "EndpointMapOverride": outputs.get("EndpointMap"),
        "ExtraHostFileEntries": outputs.get("HostsEntry"),
        "GlobalConfigExtraMapData": outputs.get("GlobalConfig"),
    }
    if compilation.topology is not None:
        known["AllNodesExtraMapData"] = _all_nodes(compilation.topology, outputs)
    return known


def _hosts_entries(topology: Topology) -> Iterator[str]:
    """Lines of a hosts file: each node, and the cloud's names, as every node of the stack has them."""
    for host in topology.hosts:
        yield f"{host.ips[CTLPLANE]} {host.fqdn} {host.name} {host.fqdns[CTLPLANE]}"
        for network, address in host.ips.items():
            if network != CTLPLANE:
                yield f"{address} {host.fqdns[network]}"
    for vip in topology.vips.values():
        if vip.fqdn and vip.fqdn != vip.address:
            yield f"{vip.address} {vip.fqdn}"


def _all_nodes(topology: Topology, outputs: Mapping[str, Any]) -> dict[str, Any]:
    services: dict[str, list[Host]] = {}
    for role, names in (outputs.get("EnabledServices") or {}).items():
        for name in names:
            services.setdefault(name, []).extend(topology.by_role.get(role, ()))
    networks = ((outputs.get("RoleConfig") or {}).get("global_vars") or {}).get("service_net_map") or {}
    found: dict[str, Any] = {"enabled_services": sorted(services)}
    for name, hosts in services.items():
        network = networks.get(f"{name}_network", CTLPLANE)
        placed = [host for host in hosts if network in host.ips]
        if not placed:
            continue
        found |= {
            f"{name}_node_ips": [host.ips[network] for host in placed],
            f"{name}_node_names": [host.fqdns[network] for host in placed],
            f"{name}_short_node_names": [host.name for host in placed],
            f"{name}_short_bootstrap_node_name": placed[0].name,
            f"{name}_bootstrap_node_ip": placed[0].ips[network],
        }
        if name in _SHARED_ADDRESS and network in topology.vips:
            found[f"{name}_vip"] = topology.vips[network].address
    return found


_SHARED_ADDRESS = ("redis", "ovn_dbs")
"""Services whose clients go to a virtual address that the hieradata name."""
