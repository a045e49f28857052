"""Ports, networks and servers that a tree's own templates would make in a cloud: placed here.

Templates older than TripleO's network v2 have OS::Neutron::Net and Port and OS::Nova::Server among their
resources. A node's port has the node's address of the topology, another one the next free address of its
network, which is kept in the state by the port's path.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.hot.run import Planned
from undercloud.plan.state import State
from undercloud.playbooks.upstream.provisioned import subnet_attributes, subnet_of
from undercloud.topology.model import CTLPLANE, Host, Network, Topology

_VIP_NAMES = {"public_virtual_ip": "external_virtual_ip"}
"""What templates call the port of a virtual address where it is not called after its network."""
_SEPARATOR = "/"
"""In the owner's name of an address: it tells the path of a port from a host's name."""


def kept(state: State) -> dict[str, dict[str, str]]:
    """Network → address → path of the port that has it, of earlier compilations."""
    return {
        network: {address: owner for owner, address in owners.items() if _SEPARATOR in owner}
        for network, owners in state.addresses.items()
    }


@dataclasses.dataclass
class Placer:
    """The allocation hook of one evaluation; ``given`` is network → path → address of what it placed."""

    topology: Topology
    known: Mapping[str, Mapping[str, str]]
    reserved: Mapping[str, Mapping[str, str]]
    given: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        used: dict[str, set[str]] = {name: set(owners) for name, owners in self.reserved.items()}
        for host in self.topology.hosts:
            for name, address in host.ips.items():
                used.setdefault(name, set()).add(address)
        for name, vip in self.topology.vips.items():
            used.setdefault(name, set()).add(vip.address)
        for name, owners in self.known.items():
            used.setdefault(name, set()).update(owners)
        self._used = used
        self._hosts = {(host.role, str(host.index)): host for host in self.topology.hosts}
        self._free: dict[str, Iterator[str]] = {}

    def __call__(self, planned: Planned) -> Mapping[str, Any] | None:
        """The attributes of a resource; None for what is not placed."""
        if planned.type == "OS::Neutron::Port":
            return self._port(planned)
        if planned.type == "OS::Neutron::Net":
            network = self._network(planned.properties.get("name"))
            return _network_attributes(network) if network else None
        if planned.type == "OS::Nova::Server" and (host := self._host(planned.path)):
            networks = {name: [address] for name, address in host.ips.items()}
            return {"name": host.name, "networks": networks, "addresses": networks}
        return None

    def state(self, state: State) -> State:
        """The state with the addresses that were given."""
        for name, owners in self.given.items():
            state = state.with_addresses(name, {**state.addresses.get(name, {}), **owners})
        return state

    def _host(self, path: tuple[str, ...]) -> Host | None:
        """The node that a resource belongs to: a role's name and an index follow each other in its path."""
        pairs = itertools.pairwise(path)
        return next((self._hosts[pair] for pair in pairs if pair in self._hosts), None)

    def _network(self, name: Any) -> Network | None:
        known = self.topology.networks.values()
        return next((each for each in known if name in {each.name, each.title}), None)

    def _port(self, planned: Planned) -> Mapping[str, Any] | None:
        properties = planned.properties
        network = self._network(properties.get("network") or properties.get("network_id") or CTLPLANE)
        if network is None:
            return None
        address = self._address(planned, network)
        if address is None:
            return None
        subnet = subnet_of(network, address)
        return {
            "name": properties.get("name") or planned.path[-1],
            "fixed_ips": [{"ip_address": address, "subnet_id": subnet.name}],
            "subnets": [subnet_attributes(subnet)],
            "network": _network_attributes(network),
        }

    def _address(self, planned: Planned, network: Network) -> str | None:
        fixed = planned.properties.get("fixed_ips")
        first = fixed[0] if isinstance(fixed, list) and fixed else None
        if isinstance(first, Mapping) and first.get("ip_address"):
            return str(first["ip_address"])
        host = self._host(planned.path)
        if host and network.name in host.ips:
            return host.ips[network.name]
        vip = self.topology.vips.get(network.name)
        name = planned.properties.get("name")
        if vip and _VIP_NAMES.get(str(name), name) == vip.name:
            return vip.address
        return self._own(_SEPARATOR.join(("", *planned.path)), network)

    def _own(self, owner: str, network: Network) -> str | None:
        """The address that a port had before, or the next free one."""
        before = {path: address for address, path in self.known.get(network.name, {}).items()}
        address = before.get(owner) or next(self._addresses(network), None)
        if address:
            self.given.setdefault(network.name, {})[owner] = address
        return address

    def _addresses(self, network: Network) -> Iterator[str]:
        if network.name not in self._free:
            self._free[network.name] = self._unused(network)
        return self._free[network.name]

    def _unused(self, network: Network) -> Iterator[str]:
        used = self._used.get(network.name, set())
        for subnet in network.subnets.values():
            whole = ipaddress.ip_network(subnet.cidr)
            for first, last in subnet.pools or ((str(whole[2]), str(whole[-2])),):
                for number in range(int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)) + 1):
                    address = str(type(whole[0])(number))
                    if address not in used and address != subnet.gateway:
                        yield address


def _network_attributes(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "mtu": network.mtu,
        "dns_domain": f"{network.domain}.",
        "tags": [subnet.cidr for subnet in network.subnets.values()],
        "subnets": [subnet.name for subnet in network.subnets.values()],
    }
