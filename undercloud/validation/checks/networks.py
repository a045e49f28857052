"""The networks file: addresses, pools, VLANs, routes, sizes, and the roles on the networks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network, Pool, Subnet
from undercloud.topology.model import CTLPLANE
from undercloud.validation.checks import check
from undercloud.validation.ranges import Address, Range, address, network
from undercloud.validation.ranges import Network as Cidr
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_LOWER = re.compile(r"[a-z][a-z0-9_]*")
_FIRST_RESERVED = 240
"""The first byte that the reserved addresses of IPv4 begin with: RFC 1112, section 4."""
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


def about(
    code: str,
    text: str,
    fix: str,
    net: Network,
    subnet: Subnet,
    *names: str,
    severity: Severity = Severity.ERROR,
    others: tuple[Location, ...] = (),
) -> Finding:
    """A finding about a subnet; ``others`` are further places that have to do with it."""
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
        "NET-022": "The lower-case name of a network is lower case",
        "NET-023": "A range is written by its first address",
        "NET-024": "Addresses of IPv6 are in their subnet",
        "NET-027": "A subnet is of addresses that a node can have",
    },
    reads=("networks",),
    source=f"{_NEUTRON}; IEEE 802.1Q; {_SCHEMA}",
)
def subnets(subject: Subject) -> Iterator[Finding]:
    """What can be told of one subnet alone."""
    for net in enabled(subject):
        if not _LOWER.fullmatch(net.name_lower):
            text = f"the network {net.name} has name_lower {net.name_lower}: parameters and groups are called by it"
            fix = "Write lower-case letters, digits and underscores."
            yield Finding("NET-022", text, fix, Severity.ERROR, (net.location,), (net.name, "name_lower"))
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
                yield about(
                    "NET-020", text, "Add ipv6_subnet, or remove ipv6.", net, subnet, "ipv6", "ipv6_subnet"
                )
            if subnet.vlan is not None and not 1 <= subnet.vlan <= 4094:
                text = f"the subnet {subnet.name} of {net.name} has the VLAN id {subnet.vlan}"
                yield about("NET-001", text, "VLAN ids are from 1 to 4094.", net, subnet, "vlan")
            yield from _modes(net, subnet)
            for key, cidr, gateway, pools, version in _families(subnet):
                yield from _family(net, subnet, key, cidr, gateway, pools, version)


def _foreign(
    net: Network,
    subnet: Subnet,
    key: str,
    cidr: str,
    gateway: str,
    pools: tuple[Pool, ...],
    version: int,
) -> Finding | None:
    """NET-009: the first value of a family's keys that is no address of that family."""
    pool_key, gateway_key = _KEYS[version]
    given = [(key, cidr.partition("/")[0]), (gateway_key, gateway)]
    given += [(pool_key, end) for pool in pools for end in (pool.start, pool.end)]
    for name, text in given:
        place = address(text) if text else None
        if text and place is None:
            message = f"the subnet {subnet.name} of {net.name}: {name} {text} is no address"
            return about("NET-009", message, "Write an address.", net, subnet, name)
        if place is not None and place.version != version:
            message = (
                f"the subnet {subnet.name} of {net.name}: {name} takes IPv{version} addresses, not {text}"
            )
            return about("NET-009", message, "Use the key of the other family.", net, subnet, name)
    return None


_KEYS = {4: ("allocation_pools", "gateway_ip"), 6: ("ipv6_allocation_pools", "gateway_ipv6")}
"""What the pools and the gateway of a family are called."""


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
    pool_key, gateway_key = _KEYS[version]
    wrong = _foreign(net, subnet, key, cidr, gateway, pools, version)
    if wrong:
        yield wrong
        return
    if whole:
        yield from _range(net, subnet, key, cidr, whole)
    ranges = [found for pool in pools if (found := Range.of(pool.start, pool.end))]
    if version == 6:
        yield from _six(net, subnet, cidr, whole, gateway, ranges)
    for first, second in itertools.combinations(ranges, 2):
        if first.overlaps(second):
            message = f"the pools {first} and {second} of {subnet.name} ({net.name}) overlap"
            yield about("NET-004", message, "Separate them or join them into one.", net, subnet, pool_key)
    ends = (whole.network_address, whole.broadcast_address) if whole else ()
    if whole and whole.version == 4 and whole.prefixlen < 31 and address(gateway) in ends:
        message = (
            f"the gateway {gateway} of {subnet.name} ({net.name}) is {whole}'s own or its broadcast address"
        )
        yield about("NET-005", message, "Take the address of a router.", net, subnet, gateway, gateway_key)
    for pool in ranges:
        if gateway and address(gateway) in pool:
            message = f"the gateway {gateway} of {subnet.name} ({net.name}) is in the pool {pool}"
            fix = "Leave it out of the pool: it would be given to a node."
            yield about("NET-005", message, fix, net, subnet, gateway, gateway_key, pool_key)
        if whole is None or whole.version != 4 or whole.prefixlen > 30:
            continue
        for what, own in (("network", whole.network_address), ("broadcast", whole.broadcast_address)):
            if own in pool:
                message = f"the pool {pool} of {subnet.name} ({net.name}) holds the {what} address {own}"
                yield about("NET-006", message, "Leave it out of the pool.", net, subnet, pool_key)


def _range(net: Network, subnet: Subnet, key: str, cidr: str, whole: Cidr) -> Iterator[Finding]:
    """How a range is written, and whether it is one of nodes."""
    if address(cidr.partition("/")[0]) != whole.network_address:
        message = f"the subnet {subnet.name} of {net.name}: {key} {cidr} begins within the range"
        yield about("NET-023", message, f"Write {whole}: Neutron refuses it otherwise.", net, subnet, key)
    if kind := _kind(whole):
        message = f"the subnet {subnet.name} of {net.name}: {key} {cidr} is {kind}"
        yield about("NET-027", message, "Take a private range, as 172.16.0.0/24.", net, subnet, key)


def _kind(whole: Cidr) -> str:
    """What a range is for, where no node can have an address of it; else empty."""
    if whole.is_loopback:
        return "for a host itself (loopback)"
    if whole.is_multicast:
        return "for groups (multicast)"
    if whole.is_link_local:
        return "for a link alone (link-local)"
    first = whole.network_address.packed[0]
    return "reserved" if whole.version == 4 and (first == 0 or first >= _FIRST_RESERVED) else ""


def _six(
    net: Network, subnet: Subnet, cidr: str, whole: Cidr | None, gateway: str, ranges: list[Range]
) -> Iterator[Finding]:
    """NET-024: what the reader of the file says of IPv4 itself."""
    where = f"the subnet {subnet.name} of {net.name}"
    if cidr and whole is None:
        text = f"{where}: ipv6_subnet {cidr} is no network"
        yield about("NET-024", text, "Write it as fd00:1::/64.", net, subnet, "ipv6_subnet")
    if whole is None:
        return
    if gateway and address(gateway) not in whole:
        text = f"{where}: gateway_ipv6 {gateway} is not in {whole}"
        yield about("NET-024", text, f"Take it from {whole}.", net, subnet, "gateway_ipv6")
    held = Range(int(whole.network_address), int(whole.broadcast_address), 6)
    for pool in ranges:
        if pool.first > pool.last or pool.first < held.first or pool.last > held.last:
            text = f"{where}: the pool {pool} is not in {whole}, or ends before it begins"
            yield about("NET-024", text, f"Take it from {whole}.", net, subnet, "ipv6_allocation_pools")


def _modes(net: Network, subnet: Subnet) -> Iterator[Finding]:
    modes = {key: subnet.data.get(key) for key in ("ipv6_address_mode", "ipv6_ra_mode")}
    where = f"the subnet {subnet.name} of {net.name}"
    for key, mode in modes.items():
        if mode and mode not in _MODES:
            fix = did_you_mean(str(mode), _MODES) or f"Use {', '.join(_MODES)}."
            yield about("NET-010", f"{where}: {key} {mode} is not known", fix, net, subnet, key)
    given = {mode for mode in modes.values() if mode in _MODES}
    if len(given) == 2:
        text = f"{where}: ipv6_address_mode and ipv6_ra_mode differ"
        yield about("NET-010", text, "Give both the same value.", net, subnet, *modes)
    whole = network(subnet.cidr_v6)
    auto = given & {"slaac", "dhcpv6-stateless"}
    if whole is not None and auto and whole.prefixlen != 64:
        text = f"{where}: {', '.join(auto)} needs a prefix of 64 bits, and it has {whole.prefixlen}"
        yield about("NET-010", text, "Use dhcpv6-stateful, or a /64.", net, subnet, "ipv6_subnet", *modes)


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
                for number, route in enumerate(listed):
                    if (route.destination, route.nexthop) in [
                        (each.destination, each.nexthop) for each in listed[:number]
                    ]:
                        text = f"a route of {subnet.name} ({net.name}) to {route.destination} stands twice"
                        yield about(
                            "NET-007", text, "Remove one of the two.", net, subnet, key, "destination"
                        )
                    where = f"a route of {subnet.name} ({net.name})"
                    goal, hop = network(route.destination), address(route.nexthop)
                    if goal is None or goal.version != version:
                        text = f"{where}: the destination {route.destination} is no IPv{version} network"
                        yield about(
                            "NET-007", text, "Write it as 10.0.0.0/8.", net, subnet, key, "destination"
                        )
                    elif any(whole.version == version and goal.subnet_of(whole) for whole in cidrs(subnet)):  # type: ignore[arg-type]
                        text = f"{where}: the destination {goal} is in the subnet itself"
                        fix = "Remove the route: nodes reach it without one."
                        yield about("NET-007", text, fix, net, subnet, key, "destination")
                    if hop is None or hop.version != version:
                        text = f"{where}: the nexthop {route.nexthop} is no IPv{version} address"
                        yield about("NET-008", text, "Write an address.", net, subnet, key, "nexthop")
                    elif not any(hop in whole for whole in cidrs(subnet)):
                        text = f"{where}: the nexthop {route.nexthop} is not in the subnet"
                        fix = "Name a router that is in the subnet: another one cannot be reached."
                        yield about("NET-008", text, fix, net, subnet, key, "nexthop")


@check(
    {"NET-025": "A network stands for one other in ServiceNetMap"},
    reads=("networks",),
    source=_SCHEMA,
)
def replaced(subject: Subject) -> Iterator[Finding]:
    """Networks that take another's place."""
    seen: dict[str, Network] = {}
    for net in enabled(subject):
        name = net.service_net_map_replace
        first = seen.setdefault(name, net) if name else net
        if first is not net:
            text = f"{first.name} and {net.name} both have service_net_map_replace {name}"
            names = (first.name, net.name, "service_net_map_replace")
            places = (net.location, first.location)
            yield Finding("NET-025", text, "Keep one of them.", Severity.ERROR, places, names)


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
            yield about("NET-003", text, "Give each its own range.", net, subnet, *names, others=others)
    for name, plane in control_plane(subject).items():
        for net, subnet, whole in listed:
            if net.name_lower != CTLPLANE and whole.version == plane.version and whole.overlaps(plane):
                text = f"{subnet.name} of {net.name} ({whole}) overlaps the provisioning network {name} ({plane})"
                yield about("NET-003", text, "Give it another range.", net, subnet, "ip_subnet", "cidr")


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
