"""undercloud.conf: the undercloud itself, its address and its endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from undercloud.diagnostics import Finding, Severity
from undercloud.validation.checks import undercloud_subnets
from undercloud.validation.ranges import address, network
from undercloud.validation.undercloud_conf import UndercloudConf
from undercloud.validation.values import host as host_form

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MOST_NAMESERVERS = 5
_LEAST_MTU = 1280
"""Of IPv6: RFC 8200, section 5."""
_BRIDGE = "br-ctlplane"
"""What the undercloud's network configuration puts local_interface into."""
SOURCE = "TripleO's client: undercloud_preflight.py, undercloud_config.py, the help of its options"

CODES = {
    **undercloud_subnets.CODES,
    "UC-010": "local_ip is an address with its prefix length",
    "UC-011": "An IPv6 provisioning network has 64 bits",
    "UC-012": "The host name is fully qualified",
    "UC-013": "Nameservers are at most five addresses",
    "UC-014": "Benchmarks need the extra hardware collection",
    "UC-017": "With TLS, public and admin hosts are addresses of their own",
    "UC-018": "The default network interface of Ironic is enabled",
    "UC-021": "A subnet's addresses are in its cidr",
    "UC-026": "The undercloud's own addresses are not handed out",
    "UC-028": "The hosts of the undercloud are addresses or names",
    "UC-030": "The undercloud's own address is one that a host can have",
    "UC-031": "Certificates are not asked of an identity management without a name server",
    "UC-034": "The hosts of the undercloud are of its address's family",
    "UC-035": "Machines of another architecture boot as they can",
    "UC-036": "The provisioning bridge is not in itself",
    "UC-037": "Packets of IPv6 have 1280 bytes or more",
}


def check(conf: UndercloudConf) -> Iterator[Finding]:
    """Everything about one file."""
    yield from _general(conf)
    yield from _hosts(conf)
    yield from undercloud_subnets.check(conf)


def _general(conf: UndercloudConf) -> Iterator[Finding]:
    hostname = conf.get("undercloud_hostname")
    if hostname and "." not in hostname:
        text = f"the host name {hostname} is not fully qualified"
        yield conf.finding("UC-012", text, f"Write {hostname}.DOMAIN.", "undercloud_hostname")
    elif hostname and not all(_LABEL.fullmatch(label) for label in hostname.split(".")):
        text = f"{hostname} is no usable host name"
        yield conf.finding("UC-012", text, "Use letters, digits, hyphens and dots.", "undercloud_hostname")
    servers = conf.get("undercloud_nameservers")
    if len(servers) > _MOST_NAMESERVERS:
        text = f"{len(servers)} nameservers are given, at most {_MOST_NAMESERVERS} are accepted"
        yield conf.finding("UC-013", text, "Remove some.", "undercloud_nameservers")
    for server in servers:
        if address(server) is None:
            text = f"the nameserver {server} is no address"
            yield conf.finding("UC-013", text, "Give addresses with commas.", "undercloud_nameservers")
    if conf.get("inspection_runbench") and not conf.get("inspection_extras"):
        text = "inspection_runbench needs inspection_extras, which is off"
        fix = "Set inspection_extras = true, or inspection_runbench = false."
        yield conf.finding("UC-014", text, fix, "inspection_runbench", "inspection_extras")
    if conf.get("ipa_otp") and not servers:
        text = "ipa_otp is set, and undercloud_nameservers names no server: the identity management is found by its name"
        yield conf.finding("UC-031", text, "Name its address.", "ipa_otp", "undercloud_nameservers")
    default = conf.get("ironic_default_network_interface")
    enabled = conf.get("ironic_enabled_network_interfaces")
    if default not in enabled:
        text = f"the default network interface {default} is not among the enabled ones ({', '.join(enabled)})"
        names = ("ironic_default_network_interface", "ironic_enabled_network_interfaces")
        yield conf.finding("UC-018", text, f"Add {default} to {names[1]}.", *names)
    if "ppc64le" in conf.get("additional_architectures") and conf.get("ipxe_enabled"):
        text = (
            "additional_architectures has ppc64le, whose machines do not boot by iPXE, and ipxe_enabled is on"
        )
        yield conf.finding(
            "UC-035", text, "Set ipxe_enabled = false.", "additional_architectures", "ipxe_enabled"
        )
    if conf.get("local_interface") == _BRIDGE:
        text = f"local_interface = {_BRIDGE}: that is the bridge which the interface is put into"
        yield conf.finding("UC-036", text, "Name the network card.", "local_interface")


def _local_ip(conf: UndercloudConf) -> Iterator[Finding]:
    """The undercloud's own address."""
    given, local = conf.get("local_ip"), conf.local
    if local is None or "/" not in given or local.network.num_addresses == 1:
        text = f"local_ip = {given} is no address with the length of its network"
        yield conf.finding("UC-010", text, "Write it as 192.168.24.1/24.", "local_ip")
    elif local.version == 6 and local.network.prefixlen != 64:
        text = f"local_ip = {given}: an IPv6 provisioning network has a prefix of 64 bits"
        yield conf.finding("UC-011", text, f"Write {local.ip}/64.", "local_ip")
    elif (
        local.network.prefixlen < 31
        and local.ip in (local.network[0], local.network[-1])
        and local.version == 4
    ):
        text = f"local_ip = {given} is the network's own or its broadcast address"
        yield conf.finding("UC-030", text, "Take the first address.", "local_ip")
    mtu = conf.get("local_mtu")
    if local is not None and local.version == 6 and mtu < _LEAST_MTU:
        text = f"local_mtu = {mtu}, and the provisioning network is one of IPv6"
        yield conf.finding("UC-037", text, f"Use {_LEAST_MTU} or more.", "local_mtu", "local_ip")


def _hosts(conf: UndercloudConf) -> Iterator[Finding]:
    yield from _local_ip(conf)
    local = conf.local
    hosts = {name: conf.get(name) for name in ("undercloud_public_host", "undercloud_admin_host")}
    for name, host in hosts.items():
        if host_form(str(host)):
            yield conf.finding("UC-028", f"{name} = {host} is no address or name", "Mend it.", name)
    if not conf.has_tls:
        return
    public, admin = hosts.values()
    if public == admin:
        text = f"public and admin endpoints have the same address {public}, which TLS does not allow"
        yield conf.finding("UC-017", text, "Give each its own.", *hosts)
    for name, host in hosts.items():
        if local is not None and host == str(local.ip):
            text = f"{name} = {host} is the undercloud's own address, which TLS does not allow"
            yield conf.finding("UC-017", text, "Give it an address of its own.", name, "local_ip")
        place = address(host)
        if local is not None and place is not None and place.version != local.version:
            text = f"{name} = {host} is no address of IPv{local.version}, as local_ip = {local} is"
            yield conf.finding("UC-034", text, "Give an address of the same family.", name, "local_ip")
            return
    cidr = network(conf.get("cidr", conf.local_subnet))
    place = address(admin)
    if cidr and place and place not in cidr:
        text = f"undercloud_admin_host = {admin} is not in the provisioning network {cidr}"
        names = ("undercloud_admin_host", "cidr")
        yield conf.finding("UC-021", text, "Take an address of it.", *names, section=conf.local_subnet)
    place = address(public)
    if cidr and place and place not in cidr:
        text = f"undercloud_public_host = {public} is not in the provisioning network {cidr}"
        names = ("undercloud_public_host", "cidr")
        fix = "That is right only where the address is reached by another interface."
        yield conf.finding("UC-021", text, fix, *names, section=conf.local_subnet, severity=Severity.WARNING)
