"""What a compilation wants of machines and of new nodes, out of the deployment file and the topology."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.baremetal.network_data import Attachment
from undercloud.deploy.compiling import NodePlaybook, Wanted
from undercloud.plan.loader import Plan
from undercloud.playbooks.compiler import Compilation
from undercloud.topology.machines import DEFAULT_CLASS, profiled
from undercloud.topology.model import CTLPLANE, NODE_USER, Host, Topology

_PLAYBOOKS = "node_playbooks"
"""Where in the playbook directory the operator's playbooks lie, as they do to each other on his disk."""


def node_playbooks(plan: Plan) -> Iterator[NodePlaybook]:
    """The playbooks that the roles' nodes get, in their order."""
    for one in plan.node_playbooks:
        extra_vars = json.loads(json.dumps(one.extra_vars))  # secrets are plain for who hands them over
        yield NodePlaybook(one.role, one.name, _placed(one.path) if one.path else "", extra_vars)


def playbook_files(plan: Plan) -> dict[str, bytes]:
    """Their files as they were read, or rendered from templates, by path in the playbook directory."""
    wanted = dict.fromkeys(path for one in plan.node_playbooks for path in one.files)
    read = plan.bundle.files
    return {_placed(path): read[path] if path in read else plan.tree[path].text.encode() for path in wanted}


def _placed(path: str) -> str:
    return posixpath.join(_PLAYBOOKS, path.lstrip("/"))


def machine_wishes(made: Compilation) -> Iterator[Wanted]:
    """The hosts that machines have to become, in the topology's order."""
    topology, baremetal = made.topology, made.plan.baremetal
    for host in topology.hosts if topology else ():
        if host.managed and topology and baremetal:
            settings = {**made.plan.environment.parameter_defaults, **made.stack.parameters}
            yield _wanted(host, topology, settings, baremetal.locate(*host.path) if host.path else None)


def _wanted(host: Host, topology: Topology, settings: Mapping[str, Any], location: Any) -> Wanted:
    wishes = host.wishes
    servers = settings.get("DnsServers")
    tolerance = settings.get(f"{host.role}MaxFailPercentage")
    return Wanted(
        host=host.name,
        role=host.role,
        domain=topology.domain,
        user=host.user or NODE_USER,
        address=host.ips[CTLPLANE],
        attachments=tuple(_attachments(host, topology)),
        dns=tuple(map(str, servers)) if isinstance(servers, list) else (),
        tolerance=int(str(tolerance)) if str(tolerance or "").isdecimal() else 0,
        machine=host.node or "",
        resource_class=str(wishes.get("resource_class") or DEFAULT_CLASS),
        capabilities=profiled(wishes),
        traits=tuple(map(str, wishes.get("traits") or ())),
        conductor_group=str(wishes.get("conductor_group") or ""),
        root_size=int(wishes.get("root_size_gb") or 0),
        image={str(key): str(value) for key, value in (wishes.get("image") or {}).items()},
        ssh_keys=str(wishes.get("ssh_public_keys") or ""),
        config_drive=wishes.get("config_drive") or {},
        location=location,
    )


def _attachments(host: Host, topology: Topology) -> Iterator[Attachment]:
    """What a host's one network card is to carry: the control plane as it is, the other networks tagged.

    The default route is on the control plane, or on what ``default_route_network`` names.
    """
    config = host.wishes.get("network_config") or {}
    routed = config.get("default_route_network") or [CTLPLANE]
    for name in host.ips:
        network = topology.networks[name]
        subnet = network.subnets[host.subnets[name]]
        yield Attachment(
            name,
            host.ips[name],
            subnet.cidr,
            gateway=(subnet.gateway or "") if {name, network.title} & set(routed) else "",
            mtu=network.mtu,
            vlan=None if name == CTLPLANE else subnet.vlan,
            routes={route["destination"]: route["nexthop"] for route in subnet.routes},
        )
