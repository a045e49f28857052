"""What a plan asks of each node before it is touched: the data of the checks in docs/preflight.md. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from undercloud.playbooks.desired import HostState
from undercloud.playbooks.role_data import ServiceData
from undercloud.topology.model import Host, Topology
from undercloud.topology.networks import is_address

VERSION = 1
NEIGHBOURS = 4
"""How many others of a network a node asks; each asks the next ones, so that every node is asked."""
BALANCER = "haproxy"
HOLDER = "keepalived"
Scope = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Requirements:
    """What the services of a role need of its nodes; memory and disk in MiB, disk by path."""

    memory: int = 0
    disk: Mapping[str, int] = dataclasses.field(default_factory=dict)
    virtualisation: bool = False
    time_servers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def summed(services: Iterable[ServiceData]) -> Requirements:
    """The requirements of all services of a role together."""
    memory, virtualisation, disk = 0, False, dict[str, int]()
    servers, names = dict[str, None](), dict[str, None]()
    for service in services:
        wants = service.data.get("requirements", {})
        memory += wants.get("memory", 0)
        virtualisation = virtualisation or wants.get("virtualisation", False)
        for path, size in wants.get("disk", {}).items():
            disk[path] = disk.get(path, 0) + size
        servers |= dict.fromkeys(wants.get("time_servers", ()))
        names |= dict.fromkeys(wants.get("names", ()))
    return Requirements(memory, disk, virtualisation, tuple(servers), tuple(names))


class Demands:
    """Makes the demands of the hosts of a cloud; ``cloud`` and ``hosts`` are the names of late binding."""

    def __init__(
        self,
        topology: Topology,
        cloud: Scope,
        hosts: Mapping[str, Scope],
        requirements: Mapping[str, Requirements],
    ) -> None:
        self._topology = topology
        self._cloud = cloud
        self._hosts = hosts
        self._requirements = requirements
        self._rings = {
            name: [host for host in topology.hosts if name in host.ips] for name in topology.networks
        }
        self._places = {
            (name, host.name): index for name, ring in self._rings.items() for index, host in enumerate(ring)
        }

    def of(self, host: Host, state: HostState) -> dict[str, Any]:
        """One host's demands, in the form of docs/preflight.md."""
        wants = self._requirements.get(host.role, Requirements())
        images = sorted({entry.image for _, _, entry in state.entries("containers")})
        stopped = sorted(name for _, name, unit in state.entries("units") if unit.state == "stopped")
        names = {*wants.names, *_registry_names(images)}
        return {
            "version": VERSION,
            "stack": self._topology.stack,
            "name": host.name,
            "role": host.role,
            "memory": wants.memory,
            "disk": dict(wants.disk),
            "virtualisation": wants.virtualisation,
            "time_servers": list(wants.time_servers),
            "names": sorted(names),
            "networks": {name: self._network(host, name) for name in host.ips if name in self._rings},
            "vips": self._vips(host),
            "ports": list(self._ports(host)),
            "endpoints": self._endpoints(host),
            "stopped_units": stopped,
            "images": images,
        }

    def _network(self, host: Host, name: str) -> dict[str, Any]:
        network = self._topology.networks[name]
        subnet = network.subnets.get(host.subnets.get(name, ""), network.first)
        return {
            "address": host.ips[name],
            "prefix": host.prefixes[name],
            "mtu": network.mtu,
            "vlan": subnet.vlan,
            "peers": self._peers(host, name),
        }

    def _peers(self, host: Host, name: str) -> list[str]:
        """The next hosts of the network; for a holder of virtual addresses, every other holder too."""
        ring, place = self._rings[name], self._places[name, host.name]
        following = [*ring[place + 1 :], *ring[:place]][:NEIGHBOURS]
        holders = self._members(HOLDER) if host.name in self._names(HOLDER) else []
        asked = [one.ips[name] for one in following]
        asked += [one["ips"][name] for one in holders if name in one["ips"]]
        return [address for address in dict.fromkeys(asked) if address != host.ips[name]]

    def _members(self, service: str) -> Sequence[Scope]:
        found: Sequence[Scope] = self._cloud["services"].get(service, {}).get("hosts", [])
        return found

    def _names(self, service: str) -> set[str]:
        return {one["name"] for one in self._members(service)}

    def _vips(self, host: Host) -> dict[str, Any]:
        if host.name not in self._names(HOLDER):
            return {}
        return {
            name: {
                "address": address,
                "holders": [one["ips"][name] for one in self._members(HOLDER) if name in one["ips"]],
            }
            for name, address in self._cloud["vips"].items()
            if name in host.ips
        }

    def _endpoints(self, host: Host) -> list[dict[str, Any]]:
        """The cloud's endpoints as clients reach them, for the first of the nodes that balance load."""
        balancers = self._members(BALANCER)
        if not balancers or balancers[0]["name"] != host.name:
            return []
        return [
            {
                "name": name,
                "mode": endpoint["mode"],
                "path": endpoint.get("check") or "",
                **{key: bind[key] for key in ("address", "port", "tls")},
            }
            for name, endpoint in self._cloud["endpoints"].items()
            for bind in endpoint["binds"]
        ]

    def _ports(self, host: Host) -> Iterator[dict[str, Any]]:
        """Ports that ours will listen on; an empty address means any of the node's."""
        for name, endpoint in self._cloud["endpoints"].items():
            if host.name in self._names(BALANCER):
                for bind in endpoint["binds"]:
                    yield _port(bind["port"], bind["address"], f"{name} of {BALANCER}")
            if host.name in {one["name"] for one in endpoint["hosts"]}:
                yield _port(endpoint["backend_port"], host.ips.get(endpoint["network"], ""), name)
        for title, rule in (self._hosts[host.name].get("firewall_rules") or {}).items():
            protocol = rule.get("proto", "tcp")
            for port in _single_ports(rule.get("dport")) if protocol in {"tcp", "udp"} else ():
                yield _port(port, "", title.partition(" ")[2] or title, protocol)


def _port(port: int, address: str, service: str, protocol: str = "tcp") -> dict[str, Any]:
    return {"port": port, "protocol": protocol, "address": address, "service": service}


def _single_ports(value: Any) -> Iterator[int]:
    """The ports that a rule names one by one; a range is room for many, not a listener."""
    for item in value if isinstance(value, list) else [value]:
        for text in str("" if item is None else item).split(","):
            if text.strip().isdecimal():
                yield int(text)


def _registry_names(images: Iterable[str]) -> Iterator[str]:
    """Registries that are called by a name, which has to be resolved."""
    for image in images:
        host, slash, _ = image.partition("/")
        name = host.rpartition(":")[0] or host
        if slash and "." in host and not is_address(name.strip("[]")):
            yield name
