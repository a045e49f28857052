"""Virtual addresses, and which service is on which network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network, Vip
from undercloud.topology.model import CTLPLANE
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import cidrs, control_plane, enabled, unusable
from undercloud.validation.composition import is_operators
from undercloud.validation.ranges import address
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_SOURCE = "tripleo-ansible: tripleo_overcloud_network_vip_provision"


def _about(
    code: str, text: str, fix: str, vip: Vip, *names: str, severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(code, text, fix, severity, (vip.location,), (vip.network, *names))


@check(
    {
        "VIP-001": "A virtual address is on a network that is there",
        "VIP-002": "A virtual address is on a subnet that is there",
        "VIP-003": "A fixed virtual address is in its subnet",
        "VIP-004": "Among several subnets, subnet or address is given",
        "VIP-005": "A virtual address is not the gateway",
        "VIP-006": "A virtual address is used once",
        "VIP-007": "A network has one virtual address of a name",
        "VIP-015": "The name of a virtual address is one of the domain name system",
    },
    reads=("vips", "networks"),
    source=f"{_SOURCE}; Neutron API reference: subnets",
)
def vips(subject: Subject) -> Iterator[Finding]:
    """Each entry of the file."""
    networks = {net.name_lower: net for net in enabled(subject)}
    seen: dict[str, Vip] = {}
    names: dict[tuple[str, str], Vip] = {}
    for vip in subject.plan.vips:
        if FORMS["domain"](vip.dns_name):
            text = f"the virtual address of {vip.network} has the name {vip.dns_name!r}: {FORMS['domain'](vip.dns_name)}"
            yield _about("VIP-015", text, "Write overcloud.", vip, "dns_name")
        if vip.network == CTLPLANE and CTLPLANE not in networks:
            yield from _on_control_plane(subject, vip)
        elif vip.network not in networks:
            titles = {net.name: name for name, net in networks.items()}
            near = titles.get(vip.network)
            fix = f"Write {near}." if near else did_you_mean(vip.network, (*networks, CTLPLANE))
            text = f"a virtual address is on the network {vip.network}, which is not there"
            if near:
                text += f": it goes by its lower-case name {near}"
            fix = fix or f"The networks are {', '.join((*networks, CTLPLANE))}."
            yield _about("VIP-001", text, fix, vip, "network")
            continue
        else:
            yield from _on_network(networks[vip.network], vip)
        place = str(address(vip.ip_address) or "")
        first = seen.setdefault(place, vip) if place else vip
        if first is not vip:
            text = f"{first.network} and {vip.network} have the same virtual address {place}"
            yield _about("VIP-006", text, "Give each its own.", vip, first.network, "ip_address", place)
        key = (vip.network, vip.name or vip.dns_name)
        if names.setdefault(key, vip) is not vip:
            text = f"{vip.network} has two virtual addresses of the name {key[1]}"
            yield _about("VIP-007", text, "Remove one.", vip, "dns_name")


def _on_control_plane(subject: Subject, vip: Vip) -> Iterator[Finding]:
    planes, place = control_plane(subject), address(vip.ip_address)
    if vip.ip_address and (place is None or (planes and not any(place in each for each in planes.values()))):
        text = f"the virtual address {vip.ip_address} is not in the provisioning network"
        yield _about(
            "VIP-003", text, f"Take it from {', '.join(map(str, planes.values()))}.", vip, "ip_address"
        )
    if vip.subnet and subject.undercloud and vip.subnet not in subject.undercloud.subnets:
        text = f"the provisioning network has no subnet {vip.subnet}"
        yield _about("VIP-002", text, f"It has {', '.join(planes)}.", vip, "subnet", vip.subnet)


def _on_network(net: Network, vip: Vip) -> Iterator[Finding]:
    if vip.subnet and vip.subnet not in net.subnets:
        text = f"the virtual address of {vip.network} is on the subnet {vip.subnet}, which {net.name} does not have"
        fix = did_you_mean(vip.subnet, net.subnets) or f"It has {', '.join(net.subnets)}."
        yield _about("VIP-002", text, fix, vip, "subnet", vip.subnet)
        return
    if not vip.subnet and not vip.ip_address and len(net.subnets) > 1:
        text = f"{net.name} has {len(net.subnets)} subnets, and its virtual address names neither subnet nor address"
        yield _about("VIP-004", text, "Add subnet or ip_address.", vip, "subnet", "ip_address")
    if not vip.ip_address:
        return
    subnets = [net.subnets[vip.subnet]] if vip.subnet else list(net.subnets.values())
    place = address(vip.ip_address)
    ranges = [whole for subnet in subnets for whole in cidrs(subnet)]
    if place is None or not any(place in whole for whole in ranges):
        where = f"the subnet {vip.subnet}" if vip.subnet else "any subnet"
        text = f"the virtual address {vip.ip_address} of {vip.network} is not in {where}"
        yield _about(
            "VIP-003", text, f"Take it from {', '.join(map(str, ranges))}.", vip, "ip_address", vip.ip_address
        )
        return
    for whole in ranges:
        if (
            whole.version == 4
            and place in (whole.network_address, whole.broadcast_address)
            and whole.prefixlen < 31
        ):
            text = f"the virtual address {place} of {vip.network} is {whole}'s own or its broadcast address"
            yield _about("VIP-003", text, "Take another one.", vip, "ip_address", str(place))
    for subnet in subnets:
        if place in (address(subnet.gateway), address(subnet.gateway_v6)):
            text = f"the virtual address {place} of {vip.network} is the gateway of {subnet.name}"
            yield _about("VIP-005", text, "Take another one.", vip, "ip_address", str(place))


@check(
    {
        "VIP-008": "A virtual address that a parameter fixes is in its network",
        "VIP-009": "A virtual address that a parameter fixes is used once",
    },
    reads=("ControlFixedIPs", "NETWORKVirtualFixedIPs", "ServiceNetMap", "networks", "vips"),
    source="description of ControlFixedIPs; network/ports",
)
def parameters(subject: Subject) -> Iterator[Finding]:
    """Parameters such as InternalApiVirtualFixedIPs."""
    composition = subject.composition
    networks = {net.name_lower: net for net in enabled(subject)}
    mapped = composition.value("ServiceNetMap")
    mapped = mapped if isinstance(mapped, Mapping) else {}
    owners = {f"{net.name}VirtualFixedIPs": net.name_lower for net in networks.values()}
    owners |= {
        "ControlFixedIPs": CTLPLANE,
        "PublicVirtualFixedIPs": "external",
        "RedisVirtualFixedIPs": str(mapped.get("RedisNetwork", "")),
        "OVNDBsVirtualFixedIPs": str(mapped.get("OvnDbsNetwork", "")),
    }
    seen = {vip.ip_address: vip.network for vip in subject.plan.vips if vip.ip_address}
    for name, network in owners.items():
        given = composition.given.get(name)
        for entry in given if isinstance(given, list) else ():
            text = str(entry.get("ip_address") or "") if isinstance(entry, Mapping) else ""
            place, net = address(text), networks.get(network)
            if place is None:
                continue
            planes = list(control_plane(subject).values()) if network == CTLPLANE else []
            ranges = planes or [
                whole for subnet in (net.subnets.values() if net else ()) for whole in cidrs(subnet)
            ]
            where = composition.locate(name)
            if ranges and not any(place in whole for whole in ranges):
                message = f"{name} fixes {text}, which is not in {', '.join(map(str, ranges))}"
                yield Finding("VIP-008", message, "Take it from there.", Severity.ERROR, where, (name, text))
            elif net and (taken := unusable(net, place)):
                message = f"{name} fixes {text}, which is {taken} of {net.name}"
                yield Finding("VIP-008", message, "Take another one.", Severity.ERROR, where, (name, text))
            first = seen.setdefault(text, name)
            if first not in (name, network):
                message = f"{first} and {name} have the same virtual address {text}"
                yield Finding(
                    "VIP-009", message, "Give each its own.", Severity.ERROR, where, (name, first, text)
                )


@check(
    {
        "VIP-010": "VipSubnetMap names subnets that are there",
        "VIP-011": "ServiceNetMap names networks that are there",
        "VIP-012": "The keys of ServiceNetMap are those of services",
        "VIP-013": "Networks with endpoints have a virtual address",
        "VIP-014": "Nodes that run a service are on the network it is put on",
    },
    reads=("VipSubnetMap", "ServiceNetMap", "networks", "vips"),
    source="network/service_net_map.j2.yaml",
)
def maps(subject: Subject) -> Iterator[Finding]:
    """The maps from services to networks and subnets."""
    networks = {net.name_lower: net for net in enabled(subject)}
    yield from _vip_subnets(subject, networks)
    yield from _service_networks(subject, networks)
    yield from _endpoints(subject, networks)


def _operators(subject: Subject, name: str) -> Mapping[str, object]:
    """What the last file of the operator's says for a map; the templates' own maps name what may be absent."""
    settings = [one for one in subject.composition.settings(name) if is_operators(one.layer.path)]
    value = settings[-1].value if settings else None
    return value if isinstance(value, Mapping) else {}


def _vip_subnets(subject: Subject, networks: Mapping[str, Network]) -> Iterator[Finding]:
    given = _operators(subject, "VipSubnetMap")
    known = {name for net in networks.values() for name in net.subnets}
    known |= set(control_plane(subject)) | {"ctlplane-subnet"}
    for key, subnet in given.items() if isinstance(given, Mapping) else ():
        if subnet not in known:
            text = f"VipSubnetMap puts {key} on the subnet {subnet}, which no network has"
            fix = did_you_mean(str(subnet), known) or f"The subnets are {', '.join(sorted(known))}."
            places = subject.composition.locate("VipSubnetMap")
            yield Finding(
                "VIP-010", text, fix, Severity.ERROR, places, ("VipSubnetMap", str(key), str(subnet))
            )


def _service_networks(subject: Subject, networks: Mapping[str, Network]) -> Iterator[Finding]:
    composition = subject.composition
    given = _operators(subject, "ServiceNetMap")
    known = {CTLPLANE, "external", *networks}
    known |= {net.service_net_map_replace for net in subject.plan.networks if net.service_net_map_replace}
    known |= {net.compat_name.lower() for net in subject.plan.networks if net.compat_name}
    places = composition.locate("ServiceNetMap")
    for key, name in given.items() if isinstance(given, Mapping) else ():
        names = ("ServiceNetMap", str(key), str(name))
        if name not in known:
            text = f"ServiceNetMap puts {key} on the network {name}, which is not there"
            fix = did_you_mean(str(name), known) or f"The networks are {', '.join(sorted(known))}."
            yield Finding("VIP-011", text, fix, Severity.ERROR, places, names)
        yield from _unattached(subject, networks, str(key), str(name))
        if str(key) not in composition.service_networks:
            text = f"no service is called as the key {key} of ServiceNetMap says: it has no effect"
            fix = (
                did_you_mean(str(key), composition.service_networks)
                or "A key is the service's name and Network."
            )
            yield Finding("VIP-012", text, fix, Severity.ERROR, places, names)


_KEYS_OF = {
    "mysql": ("MySQL",),
    "ovndbs": ("OVNDBs",),
    "keystonepublicapi": ("Keystone",),
    "keystoneadminapi": ("Keystone",),
    "neutrontenant": ("OVNController", "NeutronOvsAgent", "ComputeNeutronOvsAgent", "ComputeNeutronOvsDpdk"),
    "placement": ("PlacementApi",),
    "heatapicfn": ("HeatApiCfn",),
    "ironic": ("IronicConductor",),
    "swiftproxy": ("SwiftProxy",),
    "ceph_cluster": ("CephOSD",),
    "cephcluster": ("CephOSD",),
}
"""Keys of ServiceNetMap, without Network, whose services are called otherwise."""


def _unattached(subject: Subject, networks: Mapping[str, Network], key: str, name: str) -> Iterator[Finding]:
    """VIP-014: a role runs the service of a key, and is not on its network."""
    composition, net = subject.composition, networks.get(name)
    if net is None:
        return
    stem = key.removesuffix("Network").lower()
    services = _KEYS_OF.get(stem) or tuple(each for each in composition.running if each.lower() == stem)
    for role in subject.plan.roles:
        runs = [each for each in services if role.name in composition.running.get(each, ())]
        if runs and role.networks and net.name not in role.networks:
            text = f"ServiceNetMap puts {key} on {name}, and the role {role.name}, which runs {runs[0]}, is not on {net.name}"
            fix = f"Add {net.name} to the networks of {role.name}, or name one that it is on."
            places = (*composition.locate("ServiceNetMap"), role.location)
            names = ("ServiceNetMap", key, net.name, role.name)
            yield Finding("VIP-014", text, fix, Severity.ERROR, places, names)


def _endpoints(subject: Subject, networks: Mapping[str, Network]) -> Iterator[Finding]:
    """A network that clients reach services on needs an address that moves with the load balancer."""
    composition = subject.composition
    mapped = composition.value("ServiceNetMap")
    if not isinstance(mapped, Mapping) or not composition.has("HAproxy"):
        return
    users: dict[str, list[str]] = {}
    behind = (f"{service}Network" for service in ("SwiftProxy", "CephRgw") if composition.has(service))
    suffixes = ("ApiNetwork", "PublicNetwork", "MysqlNetwork", *behind)
    for key, name in mapped.items():
        if str(key).endswith(suffixes) and str(key) != "PublicNetwork":
            users.setdefault(str(name), []).append(str(key))
    for name, keys in users.items():
        net = networks.get(name)
        if net is None or net.vip or any(vip.network == name for vip in subject.plan.vips):
            continue
        text = f"{net.name} has no virtual address (vip: false), and ServiceNetMap puts {len(keys)} services on it"
        text += f", as {', '.join(keys[:3])}"
        fix = "Set vip: true and add the network to the file of virtual addresses, or move the services."
        yield Finding("VIP-013", text, fix, Severity.ERROR, (net.location,), (net.name, "vip", *keys[:3]))
