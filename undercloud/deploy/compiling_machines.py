"""What a compilation wants of machines, out of the deployment file and the topology."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.deploy.compiling import Wanted
from undercloud.playbooks.compiler import Compilation
from undercloud.topology.machines import DEFAULT_CLASS, profiled
from undercloud.topology.model import CTLPLANE, NODE_USER, Host, Topology


def machine_wishes(made: Compilation) -> Iterator[Wanted]:
    """The hosts that machines have to become, in the topology's order."""
    topology, baremetal = made.topology, made.plan.baremetal
    for host in topology.hosts if topology else ():
        if host.managed and topology and baremetal:
            settings = {**made.plan.environment.parameter_defaults, **made.stack.parameters}
            yield _wanted(host, topology, settings, baremetal.locate(*host.path) if host.path else None)


def _wanted(host: Host, topology: Topology, settings: Mapping[str, Any], location: Any) -> Wanted:
    plane = topology.networks[CTLPLANE]
    subnet = plane.subnets[host.subnets[CTLPLANE]]
    wishes = host.wishes
    servers = settings.get("DnsServers")
    tolerance = settings.get(f"{host.role}MaxFailPercentage")
    return Wanted(
        host=host.name,
        role=host.role,
        domain=topology.domain,
        user=host.user or NODE_USER,
        address=host.ips[CTLPLANE],
        cidr=subnet.cidr,
        gateway=subnet.gateway or "",
        mtu=plane.mtu,
        dns=tuple(map(str, servers)) if isinstance(servers, list) else (),
        ips=dict(host.ips),
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
