"""undercloud.conf: addresses, ranges and what goes with what."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Generator, Iterator

import yaml

from undercloud.diagnostics import Finding, Severity
from undercloud.validation.ranges import Address, Network, Range, address, network
from undercloud.validation.undercloud_conf import DEFAULT, UndercloudConf
from undercloud.validation.values import host as host_form

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MOST_NAMESERVERS = 5
SOURCE = "TripleO's client: undercloud_preflight.py, undercloud_config.py, the help of its options"

CODES = {
    "UC-010": "local_ip is an address with its prefix length",
    "UC-011": "An IPv6 provisioning network has 64 bits",
    "UC-012": "The host name is fully qualified",
    "UC-013": "Nameservers are at most five addresses",
    "UC-014": "Benchmarks need the extra hardware collection",
    "UC-015": "local_subnet is one of subnets",
    "UC-016": "Each subnet has its section",
    "UC-017": "With TLS, public and admin hosts are addresses of their own",
    "UC-018": "The default network interface of Ironic is enabled",
    "UC-020": "A subnet's cidr is a network",
    "UC-021": "A subnet's addresses are in its cidr",
    "UC-022": "DHCP ranges begin before they end",
    "UC-023": "The inspection range is two addresses in order",
    "UC-024": "DHCP and inspection ranges do not overlap",
    "UC-025": "Subnets do not overlap",
    "UC-026": "The undercloud's own addresses are not handed out",
    "UC-027": "Several subnets need routed networks",
    "UC-028": "The hosts of the undercloud are addresses or names",
    "UC-029": "Routes of a subnet have a destination and a next hop in the subnet",
    "UC-030": "The undercloud's own address is one that a host can have",
    "UC-031": "Certificates are not asked of an identity management without a name server",
}


def check(conf: UndercloudConf) -> Iterator[Finding]:
    """Everything about one file."""
    yield from _general(conf)
    yield from _hosts(conf)
    yield from _subnets(conf)


def _finding(
    conf: UndercloudConf,
    code: str,
    text: str,
    fix: str,
    *names: str,
    section: str = DEFAULT,
    severity: Severity = Severity.ERROR,
) -> Finding:
    places = tuple(
        dict.fromkeys(
            conf.locate(name, section if conf.is_set(name, section) else DEFAULT)
            for name in names
            if conf.is_set(name, section) or conf.is_set(name)
        )
    ) or (conf.locate(""),)
    return Finding(code, text, fix, severity, places, names)


def _general(conf: UndercloudConf) -> Iterator[Finding]:
    hostname = conf.get("undercloud_hostname")
    if hostname and "." not in hostname:
        text = f"the host name {hostname} is not fully qualified"
        yield _finding(conf, "UC-012", text, f"Write {hostname}.DOMAIN.", "undercloud_hostname")
    elif hostname and not all(_LABEL.fullmatch(label) for label in hostname.split(".")):
        text = f"{hostname} is no usable host name"
        yield _finding(conf, "UC-012", text, "Use letters, digits, hyphens and dots.", "undercloud_hostname")
    servers = conf.get("undercloud_nameservers")
    if len(servers) > _MOST_NAMESERVERS:
        text = f"{len(servers)} nameservers are given, at most {_MOST_NAMESERVERS} are accepted"
        yield _finding(conf, "UC-013", text, "Remove some.", "undercloud_nameservers")
    for server in servers:
        if address(server) is None:
            text = f"the nameserver {server} is no address"
            yield _finding(conf, "UC-013", text, "Give addresses with commas.", "undercloud_nameservers")
    if conf.get("inspection_runbench") and not conf.get("inspection_extras"):
        text = "inspection_runbench needs inspection_extras, which is off"
        fix = "Set inspection_extras = true, or inspection_runbench = false."
        yield _finding(conf, "UC-014", text, fix, "inspection_runbench", "inspection_extras")
    if conf.get("ipa_otp") and not servers:
        text = "ipa_otp is set, and undercloud_nameservers names no server: the identity management is found by its name"
        yield _finding(conf, "UC-031", text, "Name its address.", "ipa_otp", "undercloud_nameservers")
    default = conf.get("ironic_default_network_interface")
    enabled = conf.get("ironic_enabled_network_interfaces")
    if default not in enabled:
        text = f"the default network interface {default} is not among the enabled ones ({', '.join(enabled)})"
        names = ("ironic_default_network_interface", "ironic_enabled_network_interfaces")
        yield _finding(conf, "UC-018", text, f"Add {default} to {names[1]}.", *names)


def _local(conf: UndercloudConf) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    try:
        return ipaddress.ip_interface(conf.get("local_ip"))
    except ValueError:
        return None


def _local_ip(conf: UndercloudConf) -> Iterator[Finding]:
    """The undercloud's own address."""
    given, local = conf.get("local_ip"), _local(conf)
    if local is None or "/" not in given or local.network.num_addresses == 1:
        text = f"local_ip = {given} is no address with the length of its network"
        yield _finding(conf, "UC-010", text, "Write it as 192.168.24.1/24.", "local_ip")
    elif local.version == 6 and local.network.prefixlen != 64:
        text = f"local_ip = {given}: an IPv6 provisioning network has a prefix of 64 bits"
        yield _finding(conf, "UC-011", text, f"Write {local.ip}/64.", "local_ip")
    elif (
        local.network.prefixlen < 31
        and local.ip in (local.network[0], local.network[-1])
        and local.version == 4
    ):
        text = f"local_ip = {given} is the network's own or its broadcast address"
        yield _finding(conf, "UC-030", text, "Take the first address.", "local_ip")


def _hosts(conf: UndercloudConf) -> Iterator[Finding]:
    yield from _local_ip(conf)
    local = _local(conf)
    hosts = {name: conf.get(name) for name in ("undercloud_public_host", "undercloud_admin_host")}
    for name, host in hosts.items():
        if host_form(str(host)):
            yield _finding(conf, "UC-028", f"{name} = {host} is no address or name", "Mend it.", name)
    if not conf.has_tls:
        return
    public, admin = hosts.values()
    if public == admin:
        text = f"public and admin endpoints have the same address {public}, which TLS does not allow"
        yield _finding(conf, "UC-017", text, "Give each its own.", *hosts)
    for name, host in hosts.items():
        if local is not None and host == str(local.ip):
            text = f"{name} = {host} is the undercloud's own address, which TLS does not allow"
            yield _finding(conf, "UC-017", text, "Give it an address of its own.", name, "local_ip")
    cidr = network(conf.get("cidr", conf.local_subnet))
    place = address(admin)
    if cidr and place and place not in cidr:
        text = f"undercloud_admin_host = {admin} is not in the provisioning network {cidr}"
        names = ("undercloud_admin_host", "cidr")
        yield _finding(conf, "UC-021", text, "Take an address of it.", *names, section=conf.local_subnet)
    place = address(public)
    if cidr and place and place not in cidr:
        text = f"undercloud_public_host = {public} is not in the provisioning network {cidr}"
        names = ("undercloud_public_host", "cidr")
        fix = "That is right only where the address is reached by another interface."
        yield _finding(
            conf, "UC-021", text, fix, *names, section=conf.local_subnet, severity=Severity.WARNING
        )


def _subnets(conf: UndercloudConf) -> Iterator[Finding]:
    if conf.local_subnet not in conf.subnets:
        text = f"local_subnet {conf.local_subnet} is not among subnets ({', '.join(conf.subnets)})"
        yield _finding(conf, "UC-015", text, "Name one of them.", "local_subnet", "subnets")
    if len(conf.subnets) > 1 and not conf.get("enable_routed_networks"):
        text = "several subnets are listed, and enable_routed_networks is off"
        fix = "Set enable_routed_networks = true."
        yield _finding(conf, "UC-027", text, fix, "subnets", "enable_routed_networks")
    cidrs: dict[str, Network] = {}
    for name in conf.subnets:
        if name != conf.local_subnet and name not in conf.sections:
            text = f"subnets names {name}, and there is no section [{name}]"
            yield _finding(
                conf, "UC-016", text, f"Add [{name}] with cidr, gateway and ranges.", "subnets", name
            )
            continue
        cidr = network(conf.get("cidr", name))
        if cidr is None:
            text = f"the subnet {name}: cidr = {conf.get('cidr', name)} is no network"
            yield _finding(conf, "UC-020", text, "Write it as 192.168.24.0/24.", "cidr", section=name)
            continue
        for other, there in cidrs.items():
            if cidr.version == there.version and cidr.overlaps(there):
                text = f"the subnets {other} ({there}) and {name} ({cidr}) overlap"
                yield _finding(conf, "UC-025", text, "Give each its own network.", "cidr", section=name)
        cidrs[name] = cidr
        yield from _subnet(conf, name, cidr)


def _subnet(conf: UndercloudConf, name: str, cidr: Network) -> Iterator[Finding]:
    singles = {"gateway": [conf.get("gateway", name)]}
    singles |= {key: conf.get(key, name) for key in ("dhcp_start", "dhcp_end", "dhcp_exclude")}
    singles["inspection_iprange"] = [
        part.strip() for part in str(conf.get("inspection_iprange", name) or "").split(",") if part.strip()
    ]
    for key, values in singles.items():
        for value in values:
            if value and (address(value) is None or address(value) not in cidr):
                text = f"the subnet {name}: {key} {value} is not in cidr {cidr}"
                yield _finding(conf, "UC-021", text, f"Take it from {cidr}.", key, "cidr", section=name)
    yield from _routes(conf, name, cidr)
    local = _local(conf)
    if name == conf.local_subnet and local and local.ip not in cidr:
        text = f"local_ip {local.ip} is not in cidr {cidr} of {name}"
        yield _finding(conf, "UC-021", text, f"Take it from {cidr}.", "local_ip", "cidr", section=name)
    pools = yield from _pools(conf, name)
    if len(singles["inspection_iprange"]) not in (0, 2):
        text = f"the subnet {name}: inspection_iprange is not two addresses"
        yield _finding(conf, "UC-023", text, "Write START,END.", "inspection_iprange", section=name)
    inspection = Range.of(*singles["inspection_iprange"]) if len(singles["inspection_iprange"]) == 2 else None
    if inspection and inspection.first >= inspection.last:
        text = f"the subnet {name}: inspection_iprange does not begin before it ends"
        yield _finding(conf, "UC-023", text, "Exchange the two.", "inspection_iprange", section=name)
    for pool in pools:
        if inspection and pool.overlaps(inspection):
            text = f"the subnet {name}: the inspection range {inspection} overlaps the DHCP range {pool}"
            names = ("inspection_iprange", "dhcp_start", "dhcp_end")
            yield _finding(conf, "UC-024", text, "Separate the two.", *names, section=name)
    yield from _own_addresses(conf, name, pools, inspection)


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
        yield _finding(conf, "UC-029", text, fix, "host_routes", section=name)
        return
    for route in routes:
        if network(route.get("destination")) is None:
            text = f"the subnet {name}: a route's destination {route.get('destination')} is no network"
            yield _finding(
                conf, "UC-029", text, "Write 10.0.0.0/8.", "host_routes", "destination", section=name
            )
        hop = address(route.get("nexthop"))
        if hop is None or hop not in cidr:
            text = f"the subnet {name}: a route's nexthop {route.get('nexthop')} is not in cidr {cidr}"
            yield _finding(
                conf, "UC-029", text, "Name a router of it.", "host_routes", "nexthop", section=name
            )


def _pools(conf: UndercloudConf, name: str) -> Generator[Finding, None, list[Range]]:
    """The DHCP ranges (the generator's result); what is wrong with them is found on the way."""
    starts, ends = conf.get("dhcp_start", name), conf.get("dhcp_end", name)
    if len(starts) != len(ends):
        text = f"the subnet {name} has {len(starts)} dhcp_start and {len(ends)} dhcp_end"
        yield _finding(
            conf,
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
            yield _finding(conf, "UC-022", text, "Exchange the two.", "dhcp_start", "dhcp_end", section=name)
        elif other := next((each for each in found if each.overlaps(pool)), None):
            text = f"the subnet {name}: the DHCP ranges {other} and {pool} overlap"
            yield _finding(conf, "UC-022", text, "Separate the two.", "dhcp_start", "dhcp_end", section=name)
        found.append(pool)
    return found


def _own_addresses(
    conf: UndercloudConf, name: str, pools: list[Range], inspection: Range | None
) -> Iterator[Finding]:
    local = _local(conf)
    own: dict[str, Address | None] = {"gateway": address(conf.get("gateway", name))}
    if name == conf.local_subnet:
        own["local_ip"] = local.ip if local else None
        if conf.has_tls:
            own |= {
                key: address(conf.get(key)) for key in ("undercloud_public_host", "undercloud_admin_host")
            }
    for key, place in own.items():
        for what, held in [*(("DHCP", pool) for pool in pools), ("inspection", inspection)]:
            if place and held and place in held:
                text = f"the subnet {name}: {key} {place} is in the {what} range {held}"
                names = (key, "inspection_iprange" if what == "inspection" else "dhcp_start")
                yield _finding(conf, "UC-026", text, "Leave it out of the range.", *names, section=name)
