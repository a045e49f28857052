"""What provisioning networks, virtual addresses and nodes leaves behind for TripleO's templates.

The parameters and registry entries are those that ``overcloud network provision``, ``overcloud network vip
provision`` and ``overcloud node provision`` write (tripleo-ansible 6.0.0); here they follow from the
topology.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.plan import networks as plan_networks
from undercloud.plan.roles import Role
from undercloud.topology.model import CTLPLANE, Host, Network, Subnet, Topology
from undercloud.topology.names import Naming

_PORTS = "network/ports"


@dataclasses.dataclass(frozen=True)
class Generated:
    """A part of the environment that no operator wrote; paths are relative to the template root."""

    parameters: Mapping[str, Any]
    registry: Mapping[str, str]


def provisioned(
    topology: Topology,
    networks: Sequence[plan_networks.Network],
    roles: Iterable[Role],
    settings: Mapping[str, Any],
) -> Generated:
    """The whole of it; ``settings`` are the environment's parameter_defaults."""
    parameters: dict[str, Any] = {}
    registry: dict[str, str] = {}
    for part in (_networks(topology, networks), _vips(topology), _nodes(topology, roles, settings)):
        parameters |= part.parameters
        registry |= part.registry
    return Generated(parameters, registry)


def control_plane_attributes(topology: Topology, nameservers: Sequence[str]) -> dict[str, Any]:
    """What TripleO's client reads of the control plane from the undercloud."""
    plane = topology.networks[CTLPLANE]
    subnets = {}
    for subnet in plane.subnets.values():
        attributes = subnet_attributes(subnet)
        attributes["dns_nameservers"] = list(nameservers)
        attributes["gateway_ip"] = subnet.gateway or first_address(subnet)
        subnets[subnet.name] = attributes
    return {
        "network": {"name": CTLPLANE, "mtu": plane.mtu, "dns_domain": f"{plane.domain}.", "tags": []},
        "subnets": subnets,
    }


def first_address(subnet: Subnet) -> str:
    """The undercloud's address by TripleO's custom: the first of the control plane."""
    return str(ipaddress.ip_network(subnet.cidr)[1])


def _networks(topology: Topology, networks: Sequence[plan_networks.Network]) -> Generated:
    planned = {network.name_lower: network for network in networks}
    attributes, versions, ranges = {}, {}, {}
    for name, network in topology.networks.items():
        if name == CTLPLANE:
            continue
        attributes[name] = {
            "network": {
                "name": name,
                "mtu": network.mtu,
                "dns_domain": planned[name].dns_domain or f"{network.title.lower()}.localdomain.",
                "tags": _network_tags(network, planned[name]),
            },
            "subnets": {
                subnet.name: {**subnet_attributes(subnet), "tags": [f"tripleo_vlan_id={subnet.vlan or 1}"]}
                for subnet in network.subnets.values()
            },
        }
        ranges[name] = [subnet.cidr for subnet in network.subnets.values()]
        versions[name] = ipaddress.ip_network(network.first.cidr).version
    if not attributes:
        return Generated({}, {})
    maps = {"net_ip_version_map": versions, "net_cidr_map": ranges, "net_attributes_map": attributes}
    return Generated(
        {"DeployedNetworkEnvironment": maps}, {"OS::TripleO::Network": "network/deployed_networks.yaml"}
    )


def _network_tags(network: Network, planned: plan_networks.Network) -> list[str]:
    tags = [f"tripleo_network_name={network.title}", f"tripleo_net_idx={planned.index}"]
    if planned.service_net_map_replace:
        tags.append(f"tripleo_service_net_map_replace={planned.service_net_map_replace}")
    return [*tags, "tripleo_vip=true"] if network.vip else tags


def subnet_attributes(subnet: Subnet) -> dict[str, Any]:
    """A subnet as Neutron describes it."""
    return {
        "name": subnet.name,
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway,
        "host_routes": [dict(route) for route in subnet.routes],
        "dns_nameservers": [],
        "ip_version": ipaddress.ip_network(subnet.cidr).version,
    }


def _vips(topology: Topology) -> Generated:
    parameters: dict[str, Any] = {"VipPortMap": {}}
    registry = {}
    for name, vip in topology.vips.items():
        network = topology.networks[name]
        title = "ControlPlane" if name == CTLPLANE else network.title
        registry[f"OS::TripleO::Network::Ports::{title}VipPort"] = f"{_PORTS}/deployed_vip_{name}.yaml"
        if name == CTLPLANE:
            parameters["ControlPlaneVipData"] = {
                "name": "control_virtual_ip",
                "fixed_ips": [{"ip_address": vip.address}],
                "subnets": [{"ip_version": ipaddress.ip_address(vip.address).version}],
                "network": {"tags": [subnet.cidr for subnet in network.subnets.values()]},
            }
        else:
            parameters["VipPortMap"][name] = _port(vip.address, subnet_of(network, vip.address).prefix)
    return Generated(parameters, registry)


def subnet_of(network: Network, address: str) -> Subnet:
    """The subnet that an address is in; the network's first if it is in none."""
    place = ipaddress.ip_address(address)
    inside = (each for each in network.subnets.values() if place in ipaddress.ip_network(each.cidr))
    return next(inside, network.first)


def _port(address: str, prefix: int) -> dict[str, str]:
    uri = f"[{address}]" if ":" in address else address
    return {"ip_address": address, "ip_address_uri": uri, "ip_subnet": f"{address}/{prefix}"}


def _nodes(topology: Topology, roles: Iterable[Role], settings: Mapping[str, Any]) -> Generated:
    parameters: dict[str, Any] = {"HostnameMap": {}, "NodePortMap": {}, "DeployedServerPortMap": {}}
    registry = {"OS::TripleO::DeployedServer::ControlPlanePort": "deployed-server/deployed-neutron-port.yaml"}
    for role in roles:
        hosts = topology.by_role.get(role.name, ())
        form = str(settings.get(f"{role.name}HostnameFormat") or role.hostname_format)
        parameters |= _role_parameters(role, form, hosts)
        naming = Naming(topology.stack, form)
        for host in hosts:
            parameters["HostnameMap"][naming.name(host.index)] = host.name
            parameters["NodePortMap"][host.name] = {
                name: _port(address, host.prefixes[name]) for name, address in host.ips.items()
            }
            fixed = {"fixed_ips": [{"ip_address": host.ips[CTLPLANE]}]}
            parameters["DeployedServerPortMap"][f"{host.name}-{CTLPLANE}"] = fixed
        for name in {name: None for host in hosts for name in host.ips if name != CTLPLANE}:
            title = topology.networks[name].title
            registry[f"OS::TripleO::{role.name}::Ports::{title}Port"] = f"{_PORTS}/deployed_{name}.yaml"
    return Generated(parameters, registry)


def _role_parameters(role: Role, form: str, hosts: Sequence[Host]) -> dict[str, Any]:
    """How many nodes a role has, how they are called, and which indexes are no longer used."""
    used = {host.index for host in hosts}
    gone = [index for index in range(max(used, default=0)) if index not in used]
    found: dict[str, Any] = {
        f"{role.name}Count": len(hosts),
        f"{role.name}HostnameFormat": form,
    }
    if gone:
        found[f"{role.name}RemovalPolicies"] = [{"resource_list": gone}]
    return found
