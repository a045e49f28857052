"""What TripleO's client (python-tripleoclient 20.0.0, ``overcloud deploy``) adds to the operator's files.

The environment it sends has the operator's files before and after these settings, so that an operator's value
always wins (:func:`undercloud.plan.environment.in_client_order`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from undercloud.plan.loader import Plan
from undercloud.plan.roles import Role
from undercloud.playbooks.upstream import images
from undercloud.playbooks.upstream.provisioned import (
    Generated,
    control_plane_attributes,
    first_address,
    provisioned,
)
from undercloud.topology.model import CTLPLANE, Topology

_NO_SERVICE = "OS::Heat::None"


def generated(plan: Plan, topology: Topology, passwords: Mapping[str, Any]) -> Generated:
    """Everything that no operator wrote, for one plan.

    Where TripleO's client takes the time of day (DeployIdentifier), this takes the plan's digest: another
    plan is another deployment, and the same plan compiles to the same bytes.
    """
    settings = plan.environment.parameter_defaults
    services = enabled_services(plan.roles, topology, settings, plan.environment.resource_registry)
    everywhere = {service for listed in services.values() for service in listed}
    parameters: dict[str, Any] = {f"{role}Services": listed for role, listed in services.items()}
    parameters |= images.parameters(settings, everywhere)
    for role, listed in services.items():
        if of_role := images.role_parameters(role, settings, listed):
            parameters[f"{role}Parameters"] = of_role
    parameters |= {"RootStackName": plan.name, "DeployIdentifier": plan.digest[:16]}
    parameters |= passwords
    if CTLPLANE in topology.networks:
        parameters |= _control_plane(topology, settings)
        if not own_undercloud(plan.roles, topology):
            parameters["UndercloudHostsEntries"] = [_undercloud(topology)]
    made = provisioned(topology, plan.networks, plan.roles, settings)
    return Generated({**parameters, **made.parameters}, made.registry)


def _control_plane(topology: Topology, settings: Mapping[str, Any]) -> dict[str, Any]:
    servers = settings.get("DnsServers")
    listed = servers.split(",") if isinstance(servers, str) else servers or ()
    return {"CtlplaneNetworkAttributes": control_plane_attributes(topology, [str(each) for each in listed])}


def _undercloud(topology: Topology) -> str:
    """The undercloud's line in the nodes' /etc/hosts."""
    plane = topology.networks[CTLPLANE]
    address = plane.first.gateway or first_address(plane.first)
    return f"{address} undercloud.{plane.domain} undercloud.{CTLPLANE}"


def own_undercloud(roles: Iterable[Role], topology: Topology) -> list[str]:
    """The roles whose nodes deploy themselves (``openstack tripleo deploy``): no undercloud is there."""
    return [
        role.name
        for role in roles
        if topology.by_role.get(role.name) and ("standalone" in role.tags or role.name == "Undercloud")
    ]


def enabled_services(
    roles: Iterable[Role], topology: Topology, settings: Mapping[str, Any], registry: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Role → its services: a parameter's list, else the role's, without what the registry leaves out.

    A role without nodes has none.
    """
    found: dict[str, list[str]] = {}
    for role in roles:
        given = settings.get(f"{role.name}Services")
        listed = given if isinstance(given, list) else role.services
        used = listed if topology.by_role.get(role.name) else ()
        found[role.name] = [name for name in used if registry.get(name) != _NO_SERVICE]
    return found
