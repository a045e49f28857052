"""The networks file: addresses, pools, VLANs, routes, sizes, and the roles on the networks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network, Pool, Subnet
from undercloud.plan.roles import Role
from undercloud.topology.model import CTLPLANE
from undercloud.validation.checks import check
from undercloud.validation.composition import is_operators
from undercloud.validation.finding import at
from undercloud.validation.ranges import Address, Range, address, network
from undercloud.validation.ranges import Network as Cidr
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_MODES = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac")
_NEUTRON = "Neutron API reference: subnets"
_SCHEMA = "tripleo-ansible: module_utils/network_data_v2.py"


def enabled(subject: Subject) -> list[Network]:
    """The networks that are in use."""
    return [each for each in subject.plan.networks if each.enabled]


def cidrs(subnet: Subnet) -> list[Cidr]:
    """The subnet's networks, at most one of each family."""
    return [found for text in (subnet.cidr, subnet.cidr_v6) if text and (found := network(text))]


def _families(subnet: Subnet) -> Iterator[tuple[str, str, str, tuple[Pool, ...], int]]:
    """For each family of a subnet: the names of its keys, cidr, gateway, pools, version."""
    yield "ip_subnet", subnet.cidr, subnet.gateway, subnet.pools, 4
    yield "ipv6_subnet", subnet.cidr_v6, subnet.gateway_v6, subnet.pools_v6, 6


def _about(
    code: str,
    text: str,
    fix: str,
    net: Network,
    subnet: Subnet,
    *names: str,
    severity: Severity = Severity.ERROR,
    others: tuple[Location, ...] = (),
) -> Finding:
    parameters = (net.name, net.name_lower, subnet.name, *names)
    return Finding(code, text, fix, severity, (subnet.location, *others), parameters)


@check(
    {
        "NET-001": "VLAN ids are from 1 to 4094",
        "NET-004": "Pools of a subnet do not overlap",
        "NET-005": "The gateway is an address of its subnet that is in no pool",
        "NET-006": "A pool leaves the network's own and its broadcast address out",
        "NET-009": "The keys of a family take addresses of that family",
        "NET-010": "IPv6 modes are known, agree, and fit the prefix",
        "NET-020": "A network of IPv6 has subnets of IPv6",
        "NET-021": "The domain of a network is one",
    },
    reads=("networks",),
    source=f"{_NEUTRON}; IEEE 802.1Q; {_SCHEMA}",
)
def subnets(subject: Subject) -> Iterator[Finding]:
    """What can be told of one subnet alone."""
    for net in enabled(subject):
        domain = str(net.data.get("dns_domain") or "")
        if domain and FORMS["domain"](domain):
            text = f"the network {net.name} has the domain {domain}: {FORMS['domain'](domain)}"
            names = (net.name, "dns_domain")
            yield Finding(
                "NET-021", text, "Write storage.example.test.", Severity.ERROR, (net.location,), names
            )
        for subnet in net.subnets.values():
            if net.ipv6 and subnet.cidr and not subnet.cidr_v6:
                text = f"the network {net.name} has ipv6: true, and its subnet {subnet.name} has IPv4 addresses only"
                yield _about(
                    "NET-020", text, "Add ipv6_subnet, or remove ipv6.", net, subnet, "ipv6", "ipv6_subnet"
                )
            if subnet.vlan is not None and not 1 <= subnet.vlan <= 4094:
                text = f"the subnet {subnet.name} of {net.name} has the VLAN id {subnet.vlan}"
                yield _about("NET-001", text, "VLAN ids are from 1 to 4094.", net, subnet, "vlan")
            yield from _modes(net, subnet)
            for key, cidr, gateway, pools, version in _families(subnet):
                yield from _family(net, subnet, key, cidr, gateway, pools, version)


def _family(
    net: Network,
    subnet: Subnet,
    key: str,
    cidr: str,
    gateway: str,
    pools: tuple[Pool, ...],
    version: int,
) -> Iterator[Finding]:
    whole = network(cidr) if cidr else None
    pool_key = "allocation_pools" if version == 4 else "ipv6_allocation_pools"
    gateway_key = "gateway_ip" if version == 4 else "gateway_ipv6"
    given = [(key, cidr.partition("/")[0]), (gateway_key, gateway)]
    given += [(pool_key, end) for pool in pools for end in (pool.start, pool.end)]
    for name, text in given:
        place = address(text) if text else None
        if place is not None and place.version != version:
            message = (
                f"the subnet {subnet.name} of {net.name}: {name} takes IPv{version} addresses, not {text}"
            )
            yield _about("NET-009", message, "Use the key of the other family.", net, subnet, name)
            return
        if text and place is None:
            message = f"the subnet {subnet.name} of {net.name}: {name} {text} is no address"
            yield _about("NET-009", message, "Write an address.", net, subnet, name)
            return
    ranges = [found for pool in pools if (found := Range.of(pool.start, pool.end))]
    for first, second in itertools.combinations(ranges, 2):
        if first.overlaps(second):
            message = f"the pools {first} and {second} of {subnet.name} ({net.name}) overlap"
            yield _about("NET-004", message, "Separate them or join them into one.", net, subnet, pool_key)
    ends = (whole.network_address, whole.broadcast_address) if whole else ()
    if whole and whole.version == 4 and whole.prefixlen < 31 and address(gateway) in ends:
        message = (
            f"the gateway {gateway} of {subnet.name} ({net.name}) is {whole}'s own or its broadcast address"
        )
        yield _about("NET-005", message, "Take the address of a router.", net, subnet, gateway, gateway_key)
    for pool in ranges:
        if gateway and address(gateway) in pool:
            message = f"the gateway {gateway} of {subnet.name} ({net.name}) is in the pool {pool}"
            fix = "Leave it out of the pool: it would be given to a node."
            yield _about("NET-005", message, fix, net, subnet, gateway, gateway_key, pool_key)
        if whole is None or whole.version != 4 or whole.prefixlen > 30:
            continue
        for what, own in (("network", whole.network_address), ("broadcast", whole.broadcast_address)):
            if own in pool:
                message = f"the pool {pool} of {subnet.name} ({net.name}) holds the {what} address {own}"
                yield _about("NET-006", message, "Leave it out of the pool.", net, subnet, pool_key)


def _modes(net: Network, subnet: Subnet) -> Iterator[Finding]:
    modes = {key: subnet.data.get(key) for key in ("ipv6_address_mode", "ipv6_ra_mode")}
    where = f"the subnet {subnet.name} of {net.name}"
    for key, mode in modes.items():
        if mode and mode not in _MODES:
            fix = did_you_mean(str(mode), _MODES) or f"Use {', '.join(_MODES)}."
            yield _about("NET-010", f"{where}: {key} {mode} is not known", fix, net, subnet, key)
    given = {mode for mode in modes.values() if mode in _MODES}
    if len(given) == 2:
        text = f"{where}: ipv6_address_mode and ipv6_ra_mode differ"
        yield _about("NET-010", text, "Give both the same value.", net, subnet, *modes)
    whole = network(subnet.cidr_v6)
    auto = given & {"slaac", "dhcpv6-stateless"}
    if whole is not None and auto and whole.prefixlen != 64:
        text = f"{where}: {', '.join(auto)} needs a prefix of 64 bits, and it has {whole.prefixlen}"
        yield _about("NET-010", text, "Use dhcpv6-stateful, or a /64.", net, subnet, "ipv6_subnet", *modes)


@check(
    {
        "NET-007": "A route leads to a network",
        "NET-008": "The next hop of a route is of its family, and can be reached",
    },
    reads=("networks",),
    source=f"{_SCHEMA}; {_NEUTRON}",
)
def routes(subject: Subject) -> Iterator[Finding]:
    """Routes of subnets."""
    for net in enabled(subject):
        for subnet in net.subnets.values():
            for key, listed, version in (("routes", subnet.routes, 4), ("routes_ipv6", subnet.routes_v6, 6)):
                for route in listed:
                    where = f"a route of {subnet.name} ({net.name})"
                    goal, hop = network(route.destination), address(route.nexthop)
                    if goal is None or goal.version != version:
                        text = f"{where}: the destination {route.destination} is no IPv{version} network"
                        yield _about(
                            "NET-007", text, "Write it as 10.0.0.0/8.", net, subnet, key, "destination"
                        )
                    if hop is None or hop.version != version:
                        text = f"{where}: the nexthop {route.nexthop} is no IPv{version} address"
                        yield _about("NET-008", text, "Write an address.", net, subnet, key, "nexthop")
                    elif not any(hop in whole for whole in cidrs(subnet)):
                        text = f"{where}: the nexthop {route.nexthop} is not in the subnet"
                        fix = "Name a router that is in the subnet: another one cannot be reached."
                        yield _about("NET-008", text, fix, net, subnet, key, "nexthop")


@check(
    {"NET-003": "Networks do not overlap"},
    reads=("networks", "CtlplaneNetworkAttributes"),
    source="tripleo-validations: network_environment",
)
def overlaps(subject: Subject) -> Iterator[Finding]:
    """Subnets of all networks, and the control plane, against each other."""
    listed = [
        (net, subnet, whole)
        for net in enabled(subject)
        for subnet in net.subnets.values()
        for whole in cidrs(subnet)
    ]
    for (net, subnet, whole), (other, elsewhere, there) in itertools.combinations(listed, 2):
        if whole.version == there.version and whole.overlaps(there):
            text = f"{subnet.name} of {net.name} ({whole}) and {elsewhere.name} of {other.name} ({there}) overlap"
            names = (other.name, elsewhere.name, "ip_subnet")
            others = (elsewhere.location,)
            yield _about("NET-003", text, "Give each its own range.", net, subnet, *names, others=others)
    for name, plane in control_plane(subject).items():
        for net, subnet, whole in listed:
            if net.name_lower != CTLPLANE and whole.version == plane.version and whole.overlaps(plane):
                text = f"{subnet.name} of {net.name} ({whole}) overlaps the provisioning network {name} ({plane})"
                yield _about("NET-003", text, "Give it another range.", net, subnet, "ip_subnet", "cidr")


def control_plane(subject: Subject) -> Mapping[str, Cidr]:
    """The provisioning network's subnets: of undercloud.conf, else as the plan has them."""
    if subject.undercloud:
        found = {name: network(subject.undercloud.get("cidr", name)) for name in subject.undercloud.subnets}
        return {name: cidr for name, cidr in found.items() if cidr}
    topology = subject.composition.topology
    plane = topology.networks.get(CTLPLANE) if topology else None
    if plane is None:
        return {}
    return {name: cidr for name, subnet in plane.subnets.items() if (cidr := network(subnet.cidr))}


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
                yield _about("NET-002", text, fix, net, subnet, *names, others=(other[1].location,))
        yield from _default_routes(role, networks)


_NAMED = re.compile(r"^- name: *(\w+)", re.MULTILINE)


def _usual(subject: Subject) -> set[str]:
    """The networks of the templates' own samples: their roles name all of them, whatever a plan has."""
    tree = subject.plan.tree
    samples = [path for path in tree if path.startswith(("network-data-samples/", "network_data"))]
    return {name for path in samples for name in _NAMED.findall(tree[path].text)}


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
                yield _about("NET-014", text, "Extend the pool.", net, subnet, *names, others=counts)


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


@check(
    {"NET-015": "MTUs are possible"},
    reads=("networks",),
    source="RFC 791, RFC 8200 section 5",
)
def mtus(subject: Subject) -> Iterator[Finding]:
    """Sizes of packets."""
    for net in enabled(subject):
        six = net.ipv6 or any(subnet.cidr_v6 for subnet in net.subnets.values())
        least = 1280 if six else 68
        if not least <= net.mtu <= 65535:
            text = f"the network {net.name} has the MTU {net.mtu}, and {'IPv6' if six else 'IP'} needs {least} to 65535"
            yield Finding(
                "NET-015", text, "Write 1500 or 9000.", Severity.ERROR, (net.location,), (net.name, "mtu")
            )


def unusable(net: Network, place: Address | None) -> str:
    """What an address of a network is that no node or service can have; empty if it can be had."""
    for subnet in net.subnets.values():
        if place is not None and place in (address(subnet.gateway), address(subnet.gateway_v6)):
            return "the gateway"
        for whole in cidrs(subnet):
            if whole.version == 4 and whole.prefixlen < 31:
                if place == whole.network_address:
                    return "the own address"
                if place == whole.broadcast_address:
                    return "the broadcast address"
    return ""
