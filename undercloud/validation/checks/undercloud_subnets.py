"""The subnets of undercloud.conf: ranges, pools, routers and routes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import yaml

from undercloud.diagnostics import Finding, Severity
from undercloud.validation.ranges import Address, Network, Range, address, network
from undercloud.validation.undercloud_conf import UndercloudConf, options

CODES = {
    "UC-015": "local_subnet is one of subnets",
    "UC-016": "Each subnet has its section",
    "UC-020": "A subnet's cidr is a network",
    "UC-022": "DHCP ranges begin before they end",
    "UC-023": "The inspection range is two addresses in order",
    "UC-024": "DHCP and inspection ranges do not overlap",
    "UC-025": "Subnets do not overlap",
    "UC-027": "Several subnets need routed networks",
    "UC-029": "Routes of a subnet have a destination and a next hop in the subnet",
    "UC-032": "A subnet has its router and its inspection range",
    "UC-033": "Name servers are given for all subnets or none, and of the subnet's family",
    "UC-038": "Machines that boot over the network are where DHCP is answered",
}


def check(conf: UndercloudConf) -> Iterator[Finding]:
    """Everything about the subnets of one file."""
    if conf.local_subnet not in conf.subnets:
        text = f"local_subnet {conf.local_subnet} is not among subnets ({', '.join(conf.subnets)})"
        yield conf.finding("UC-015", text, "Name one of them.", "local_subnet", "subnets")
    if len(conf.subnets) > 1 and not conf.get("enable_routed_networks"):
        text = "several subnets are listed, and enable_routed_networks is off"
        fix = "Set enable_routed_networks = true."
        yield conf.finding("UC-027", text, fix, "subnets", "enable_routed_networks")
    cidrs: dict[str, Network] = {}
    for name in conf.subnets:
        if name != conf.local_subnet and name not in conf.sections:
            text = f"subnets names {name}, and there is no section [{name}]"
            yield conf.finding(
                "UC-016", text, f"Add [{name}] with cidr, gateway and ranges.", "subnets", name
            )
            continue
        given = str(conf.get("cidr", name))
        cidr = network(given)
        if cidr is None:
            text = f"the subnet {name}: cidr = {given} is no network"
            yield conf.finding("UC-020", text, "Write it as 192.168.24.0/24.", "cidr", section=name)
            continue
        if address(given.partition("/")[0]) != cidr.network_address:
            text = f"the subnet {name}: cidr = {given} begins within the range, which Neutron refuses"
            yield conf.finding("UC-020", text, f"Write {cidr}.", "cidr", section=name)
        for other, there in cidrs.items():
            if cidr.version == there.version and cidr.overlaps(there):
                text = f"the subnets {other} ({there}) and {name} ({cidr}) overlap"
                yield conf.finding("UC-025", text, "Give each its own network.", "cidr", section=name)
        cidrs[name] = cidr
        yield from _subnet(conf, name, cidr)
    yield from _nameservers(conf, cidrs)
    if conf.network_boot:
        yield from _network_boot(conf)


def _network_boot(conf: UndercloudConf) -> Iterator[Finding]:
    """UC-038: what ipxe_enabled asks for and is not there."""
    if conf.local is not None and conf.local.version == 6:
        text = f"ipxe_enabled is on, and local_ip {conf.local} is of IPv6: DHCP is answered by IPv4 only"
        fix = "Let machines boot from virtual media: ipxe_enabled = false."
        yield conf.finding("UC-038", text, fix, "ipxe_enabled", "local_ip")
    others = [name for name in conf.subnets if name != conf.local_subnet]
    if others:
        text = f"ipxe_enabled is on, and DHCP of the subnets {', '.join(others)} is not answered"
        fix = f"Let their machines boot from virtual media; those of {conf.local_subnet} may use iPXE."
        names = ("ipxe_enabled", "subnets")
        yield conf.finding("UC-038", text, fix, *names, severity=Severity.WARNING)


def _subnet(conf: UndercloudConf, name: str, cidr: Network) -> Iterator[Finding]:
    for key in ("gateway", "inspection_iprange"):
        if not conf.get(key, name):
            text = f"the subnet {name} has no {key}"
            yield conf.finding("UC-032", text, f"Add it to [{name}].", key, name, section=name)
    singles = {"gateway": [conf.get("gateway", name)]}
    singles |= {"dhcp_start": dhcp(conf, name)[0], "dhcp_end": dhcp(conf, name)[1]}
    # An entry may be a range, FIRST-LAST.
    singles["dhcp_exclude"] = [
        end.strip() for each in conf.get("dhcp_exclude", name) for end in each.split("-")
    ]
    singles["inspection_iprange"] = [
        part.strip() for part in str(conf.get("inspection_iprange", name) or "").split(",") if part.strip()
    ]
    for key, values in singles.items():
        for value in values:
            if value and (address(value) is None or address(value) not in cidr):
                text = f"the subnet {name}: {key} {value} is not in cidr {cidr}"
                yield conf.finding("UC-021", text, f"Take it from {cidr}.", key, "cidr", section=name)
    router = address(conf.get("gateway", name))
    if router is not None and cidr.version == 4 and router in (cidr[0], cidr[-1]) and cidr.num_addresses > 2:
        text = f"the subnet {name}: gateway {router} is the network's own or its broadcast address"
        yield conf.finding("UC-032", text, "Take the address of a router.", "gateway", section=name)
    yield from _routes(conf, name, cidr)
    local = conf.local
    if name == conf.local_subnet and local and local.ip not in cidr:
        text = f"local_ip {local.ip} is not in cidr {cidr} of {name}"
        yield conf.finding("UC-021", text, f"Take it from {cidr}.", "local_ip", "cidr", section=name)
    pools = yield from _pools(conf, name)
    if len(singles["inspection_iprange"]) not in (0, 2):
        text = f"the subnet {name}: inspection_iprange is not two addresses"
        yield conf.finding("UC-023", text, "Write START,END.", "inspection_iprange", section=name)
    inspection = Range.of(*singles["inspection_iprange"]) if len(singles["inspection_iprange"]) == 2 else None
    if inspection and inspection.first >= inspection.last:
        text = f"the subnet {name}: inspection_iprange does not begin before it ends"
        yield conf.finding("UC-023", text, "Exchange the two.", "inspection_iprange", section=name)
    for pool in pools:
        if inspection and pool.overlaps(inspection):
            text = f"the subnet {name}: the inspection range {inspection} overlaps the DHCP range {pool}"
            names = ("inspection_iprange", "dhcp_start", "dhcp_end")
            yield conf.finding("UC-024", text, "Separate the two.", *names, section=name)
    yield from _own_addresses(conf, name, pools, inspection)


def dhcp(conf: UndercloudConf, name: str) -> tuple[list[str], list[str]]:
    """The first and last addresses that nodes of a subnet get.

    Both lists are empty where the file has none for a range of its own: then it is the whole of it.
    """
    known = options()["SUBNET"]
    starts, ends = list(conf.get("dhcp_start", name)), list(conf.get("dhcp_end", name))
    moved = conf.get("cidr", name) != known["cidr"]["default"]
    if moved and (starts, ends) == (known["dhcp_start"]["default"], known["dhcp_end"]["default"]):
        return [], []
    return starts, ends


def room(conf: UndercloudConf, name: str) -> int:
    """How many addresses of a subnet nodes can get; 0 where its ranges cannot be read."""
    cidr = network(conf.get("cidr", name))
    starts, ends = dhcp(conf, name)
    given = [found for pair in zip(starts, ends, strict=False) if (found := Range.of(*pair))]
    if cidr is None or len(given) < len(starts):
        return 0
    whole = Range(int(cidr[0]), int(cidr[-1]), cidr.version)
    taken = [
        found
        for each in conf.get("dhcp_exclude", name)
        if (found := Range.of(each.partition("-")[0], each.rpartition("-")[2]))
    ]
    return sum(max(0, each.size - sum(map(each.common, taken))) for each in given or [whole])


def _nameservers(conf: UndercloudConf, cidrs: Mapping[str, Network]) -> Iterator[Finding]:
    """UC-033: those of the subnets' own, else the undercloud's."""
    own = {name: conf.get("dns_nameservers", name) for name in cidrs}
    without = [name for name, servers in own.items() if not servers]
    if without and len(without) < len(own):
        text = f"some subnets have dns_nameservers, and {', '.join(without)} has none"
        names = ("dns_nameservers", *without)
        fix = "Give them to every subnet, or to none."
        yield conf.finding("UC-033", text, fix, *names, section=next(each for each in own if own[each]))
    for name, cidr in cidrs.items():
        key = "dns_nameservers" if own[name] else "undercloud_nameservers"
        for server in own[name] or conf.get(key):
            place = address(server)
            if place is not None and place.version != cidr.version:
                text = f"the subnet {name} ({cidr}): the name server {server} is of the other family"
                yield conf.finding("UC-033", text, "Give one of the same family.", key, section=name)


def _routes(conf: UndercloudConf, name: str, cidr: Network) -> Iterator[Finding]:
    """UC-029: host_routes is a list of maps, as JSON or as Python writes it."""
    given = str(conf.get("host_routes", name) or "").strip()
    if not given:
        return
    try:
        routes = yaml.load(given, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        routes = None
    if not isinstance(routes, list) or not all(isinstance(route, dict) for route in routes):
        text = f"the subnet {name}: host_routes is no list of maps"
        fix = 'Write [{"destination": "10.0.0.0/8", "nexthop": "192.168.24.1"}].'
        yield conf.finding("UC-029", text, fix, "host_routes", section=name)
        return
    for route in routes:
        if network(route.get("destination")) is None:
            text = f"the subnet {name}: a route's destination {route.get('destination')} is no network"
            yield conf.finding(
                "UC-029", text, "Write 10.0.0.0/8.", "host_routes", "destination", section=name
            )
        hop = address(route.get("nexthop"))
        if hop is None or hop not in cidr:
            text = f"the subnet {name}: a route's nexthop {route.get('nexthop')} is not in cidr {cidr}"
            yield conf.finding("UC-029", text, "Name a router of it.", "host_routes", "nexthop", section=name)


def _pools(conf: UndercloudConf, name: str) -> Generator[Finding, None, list[Range]]:
    """The DHCP ranges (the generator's result); what is wrong with them is found on the way."""
    starts, ends = dhcp(conf, name)
    if len(starts) != len(ends):
        text = f"the subnet {name} has {len(starts)} dhcp_start and {len(ends)} dhcp_end"
        yield conf.finding(
            "UC-022",
            text,
            "Give as many of one as of the other.",
            "dhcp_start",
            "dhcp_end",
            section=name,
        )
    found: list[Range] = []
    for first, last in zip(starts, ends, strict=False):
        pool = Range.of(first, last)
        if pool is None:
            continue
        if pool.first >= pool.last:
            text = f"the subnet {name}: dhcp_start {first} does not come before dhcp_end {last}"
            yield conf.finding("UC-022", text, "Exchange the two.", "dhcp_start", "dhcp_end", section=name)
        elif other := next((each for each in found if each.overlaps(pool)), None):
            text = f"the subnet {name}: the DHCP ranges {other} and {pool} overlap"
            yield conf.finding("UC-022", text, "Separate the two.", "dhcp_start", "dhcp_end", section=name)
        found.append(pool)
    return found


def _own_addresses(
    conf: UndercloudConf, name: str, pools: list[Range], inspection: Range | None
) -> Iterator[Finding]:
    local = conf.local
    own: dict[str, Address | None] = {"gateway": address(conf.get("gateway", name))}
    if name == conf.local_subnet:
        own["local_ip"] = local.ip if local else None
        if conf.has_tls:
            own |= {
                key: address(conf.get(key)) for key in ("undercloud_public_host", "undercloud_admin_host")
            }
            for key in ("undercloud_public_host", "undercloud_admin_host"):
                if own[key] is not None and own[key] == own["gateway"] and own[key] != own["local_ip"]:
                    text = f"the subnet {name}: {key} {own[key]} is the gateway"
                    yield conf.finding("UC-026", text, "Take another address.", key, "gateway", section=name)
    for key, place in own.items():
        for what, held in [*(("DHCP", pool) for pool in pools), ("inspection", inspection)]:
            if place and held and place in held:
                text = f"the subnet {name}: {key} {place} is in the {what} range {held}"
                names = (key, "inspection_iprange" if what == "inspection" else "dhcp_start")
                yield conf.finding("UC-026", text, "Leave it out of the range.", *names, section=name)
