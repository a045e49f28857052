"""Roles on their networks: subnets, VLANs, default routes, and whether the pools suffice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network, Subnet
from undercloud.plan.roles import Role
from undercloud.topology.model import CTLPLANE
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import about, enabled
from undercloud.validation.composition import is_operators
from undercloud.validation.finding import at
from undercloud.validation.ranges import Range
from undercloud.validation.subject import Subject


def subnet_of(role: Role, net: Network) -> Subnet | None:
    """The subnet that a role uses on a network; None if it is not on it, or names one that is not there."""
    if net.name not in role.networks:
        return None
    named = role.networks[net.name]
    if named:
        return net.subnets.get(named)
    return net.subnets.get(f"{net.name_lower}_subnet") or next(iter(net.subnets.values()), None)


@check(
    {
        "NET-002": "A VLAN id is used once on a node",
        "NET-011": "Roles name networks that are there",
        "NET-012": "Roles name subnets that are there",
        "NET-013": "A default route is on a network of the role",
        "NET-026": "A default route has a gateway",
    },
    reads=("networks", "roles"),
    source="tripleo-validations: network_environment (check_vlan_ids); roles/README.rst",
)
def roles(subject: Subject) -> Iterator[Finding]:
    """What roles say about networks."""
    networks = {net.name: net for net in enabled(subject)}
    disabled = {net.name for net in subject.plan.networks if not net.enabled}
    told: set[tuple[str, str]] = set()
    for role in subject.plan.roles:
        vlans: dict[tuple[int, str], tuple[Network, Subnet]] = {}
        for name, wanted in role.networks.items():
            net = networks.get(name)
            if net is None:
                if networks and name not in disabled and subject.composition.counts.get(role.name):
                    yield _unknown_network(subject, role, name, networks)
                continue
            subnet = subnet_of(role, net)
            if subnet is None and not net.subnets:
                continue  # told of the network itself
            if subnet is None:
                text = f"the role {role.name} uses the subnet {wanted} of {name}, which has no such subnet"
                fix = did_you_mean(str(wanted), net.subnets) or f"It has {', '.join(net.subnets)}."
                places = (role.location, net.location)
                yield Finding("NET-012", text, fix, Severity.ERROR, places, (role.name, name, str(wanted)))
                continue
            if subnet.vlan is None:
                continue
            other = vlans.setdefault((subnet.vlan, subnet.physical_network), (net, subnet))
            pair = (other[1].name, subnet.name)
            if other[0] is not net and pair not in told:
                told.add(pair)
                text = f"{other[0].name} and {net.name} have the same VLAN id {subnet.vlan}, and {role.name} is on both"
                fix = "Give each its own id."
                names = (other[0].name, "vlan", str(subnet.vlan), role.name)
                yield about("NET-002", text, fix, net, subnet, *names, others=(other[1].location,))
        yield from _default_routes(role, networks)


_NAMED = re.compile(r"^- name: *(\w+)", re.MULTILINE)
_USED = re.compile(r"^ +(\w+):\s*\n +subnet:", re.MULTILINE)


def _usual(subject: Subject) -> set[str]:
    """The networks of the templates' own samples and roles: these name all of them, whatever a plan has."""
    tree = subject.plan.tree
    samples = [path for path in tree if path.startswith(("network-data-samples/", "network_data"))]
    roles = [path for path in tree if path.startswith(("roles/", "roles_data"))]
    found = {name for path in samples for name in _NAMED.findall(tree[path].text)}
    return found | {name for path in roles for name in _USED.findall(tree[path].text)}


def _unknown_network(subject: Subject, role: Role, name: str, networks: Mapping[str, Network]) -> Finding:
    text = f"the role {role.name} is on the network {name}, which the networks file does not have"
    fix = did_you_mean(name, networks) or f"The networks are {', '.join(networks)}."
    usual = not is_operators(subject.plan.bundle.named.get("roles", "")) or name in _usual(subject)
    severity = Severity.INFO if usual else Severity.ERROR
    return Finding("NET-011", text, fix, severity, (role.location,), (role.name, name))


def _default_routes(role: Role, networks: Mapping[str, Network]) -> Iterator[Finding]:
    for name in role.default_route_networks:
        if name not in role.networks and name.lower() not in ("controlplane", CTLPLANE) and networks:
            text = f"the role {role.name} has its default route on {name}, and is not on that network"
            fix = f"Add {name} to its networks, or name another in default_route_networks."
            names = (role.name, name, "default_route_networks")
            yield Finding("NET-013", text, fix, Severity.ERROR, (role.location,), names)
        net = networks.get(name)
        subnet = subnet_of(role, net) if net else None
        if net and subnet and not (subnet.gateway or subnet.gateway_v6):
            text = f"the role {role.name} has its default route on {name}, and its subnet {subnet.name} has no gateway"
            names = (role.name, "default_route_networks", "gateway_ip")
            mild, others = Severity.WARNING, (role.location,)
            yield about("NET-026", text, "Add gateway_ip.", net, subnet, *names, severity=mild, others=others)


@check(
    {"NET-014": "Pools are large enough for all nodes and virtual addresses"},
    reads=("networks", "roles", "vips", "ServiceNetMap"),
    source="TripleO deployment guide: custom networks",
)
def sizes(subject: Subject) -> Iterator[Finding]:
    """Addresses that are needed against those that the pools have."""
    composition = subject.composition
    for net in enabled(subject):
        for subnet in net.subnets.values():
            pools = subnet.pools if not net.ipv6 or not subnet.cidr_v6 else subnet.pools_v6
            ranges = [found for pool in pools if (found := Range.of(pool.start, pool.end))]
            if not ranges:
                continue
            users = {
                role.name: composition.counts[role.name]
                for role in subject.plan.roles
                if subnet_of(role, net) is subnet and composition.counts.get(role.name, 0) > 0
            }
            vips = _vips(subject, net) if subnet is next(iter(net.subnets.values())) else 0
            free, needed = (
                sum(each.size for each in ranges),
                sum(users.values()) + vips - _fixed(subject, net),
            )
            if needed > free:
                parts = ", ".join(f"{count} {role}" for role, count in users.items())
                text = (
                    f"{subnet.name} of {net.name} has {free} addresses in its pools, and {needed} are needed"
                )
                text += f" ({parts}, {vips} virtual)"
                names = ("allocation_pools", *(f"{role}Count" for role in users))
                counts = at(*(composition.environment.locate(name) for name in names))
                yield about("NET-014", text, "Extend the pool.", net, subnet, *names, others=counts)


def _vips(subject: Subject, net: Network) -> int:
    """Virtual addresses on a network that come out of its pools: endpoints, Redis, OVN's databases."""
    fixed = [vip for vip in subject.plan.vips if vip.network == net.name_lower and vip.ip_address]
    own = 1 if net.vip and not fixed else 0
    mapped = subject.composition.value("ServiceNetMap")
    mapped = mapped if isinstance(mapped, Mapping) else {}
    for service, key in (("Redis", "RedisNetwork"), ("OVNDBs", "OvnDbsNetwork")):
        if subject.composition.has(service) and mapped.get(key) == net.name_lower:
            own += 1
    return own


def _fixed(subject: Subject, net: Network) -> int:
    """Nodes whose address on a network the operator fixed, so that no pool has to give it."""
    count = 0
    for role in subject.plan.roles:
        given = subject.composition.given.get(f"{role.name}IPs")
        listed = given.get(net.name_lower) if isinstance(given, Mapping) else None
        count += (
            min(len(listed), subject.composition.counts.get(role.name, 0)) if isinstance(listed, list) else 0
        )
    return count
