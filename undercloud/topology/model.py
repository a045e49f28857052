"""What the other rooms know of the cloud's shape: hosts, networks, virtual addresses."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

CTLPLANE = "ctlplane"
"""The network that every node is on and that SSH uses."""

NODE_USER = "tripleo-admin"
"""Who enters the nodes that we provision, unless the deployment file names somebody."""


@dataclasses.dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet; ``cidr`` in the form ``172.17.0.0/24``, ``pools`` as (first, last) addresses."""

    name: str
    cidr: str
    gateway: str | None = None
    vlan: int | None = None
    pools: tuple[tuple[str, str], ...] = ()
    routes: tuple[Mapping[str, str], ...] = ()

    @property
    def prefix(self) -> int:
        """The prefix length."""
        return int(self.cidr.rpartition("/")[2])


@dataclasses.dataclass(frozen=True, slots=True)
class Network:
    """A network by its lower-case name; ``domain`` is the DNS domain of names on it."""

    name: str
    title: str
    domain: str
    subnets: Mapping[str, Subnet]
    mtu: int = 1500
    vip: bool = False

    @property
    def first(self) -> Subnet:
        """The subnet that counts where none is named."""
        return next(iter(self.subnets.values()))


@dataclasses.dataclass(frozen=True, slots=True)
class Vip:
    """A virtual address on a network; ``fqdn`` is the cloud's name there."""

    network: str
    address: str
    name: str
    fqdn: str


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """One node of a role; the maps are by lower-case network name.

    ``index`` counts within the role from 0 and stays with the host; ``address``, ``user`` and ``port`` are
    what SSH uses; ``node`` is the machine's name for bare metal, and ``managed`` says whether we provision
    it: then ``wishes`` are the other keys of its instance in the deployment file, and ``path`` leads there.
    """

    name: str
    fqdn: str
    role: str
    index: int
    address: str
    ips: Mapping[str, str]
    prefixes: Mapping[str, int]
    fqdns: Mapping[str, str]
    subnets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    managed: bool = True
    user: str | None = None
    port: int | None = None
    node: str | None = None
    wishes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    path: tuple[str | int, ...] = dataclasses.field(default=(), compare=False)


@dataclasses.dataclass(frozen=True)
class Topology:
    """The cloud's hosts in a stable order (role by role, by index), its networks and virtual addresses."""

    stack: str
    domain: str
    hosts: tuple[Host, ...]
    networks: Mapping[str, Network]
    vips: Mapping[str, Vip]

    @functools.cached_property
    def by_role(self) -> Mapping[str, tuple[Host, ...]]:
        """The hosts of each role that has any."""
        roles: dict[str, list[Host]] = {}
        for host in self.hosts:
            roles.setdefault(host.role, []).append(host)
        return {role: tuple(hosts) for role, hosts in roles.items()}
