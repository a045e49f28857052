"""Addresses that parameters such as ControllerIPs fix for nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.networks import Network
from undercloud.topology.model import CTLPLANE
from undercloud.validation.checks import check
from undercloud.validation.checks.networks import cidrs, enabled, unusable
from undercloud.validation.ranges import address
from undercloud.validation.subject import Subject


@check(
    {
        "NET-016": "An address is fixed for one node only",
        "NET-017": "Fixed addresses are in a subnet of their network",
        "NET-018": "Addresses are fixed on networks that are there",
        "NET-019": "Each node of a role has its fixed address",
    },
    reads=("ROLEIPs", "ROLECount", "networks", "vips"),
    source="tripleo-validations: network_environment (duplicate_static_ips)",
)
def fixed_addresses(subject: Subject) -> Iterator[Finding]:
    """The addresses that parameters such as ControllerIPs fix."""
    networks = {net.name_lower: net for net in enabled(subject)}
    seen: dict[str, str] = {vip.ip_address: "vip" for vip in subject.plan.vips if vip.ip_address}
    for role in subject.plan.roles:
        name = f"{role.name}IPs"
        given = subject.composition.given.get(name)
        for key, listed in given.items() if isinstance(given, Mapping) else ():
            yield from _listed(subject, networks, role.name, str(key), listed)
            for item in listed if isinstance(listed, list) else ():
                text = str(item)
                places = subject.composition.locate(name)
                first = seen.setdefault(text, name)
                if first != name or listed.count(item) > 1:
                    message = f"the address {text} is fixed twice, in {first} and {name}"
                    others = subject.composition.locate(first)
                    yield Finding(
                        "NET-016",
                        message,
                        "Give each node its own.",
                        Severity.ERROR,
                        tuple(dict.fromkeys((*places, *others))),
                        (first, name, text),
                    )
                yield from _placed(networks.get(str(key)), text, name, places)


def _listed(
    subject: Subject, networks: Mapping[str, Network], role: str, key: str, listed: object
) -> Iterator[Finding]:
    """Whether the network is there, and the list long enough."""
    name = f"{role}IPs"
    places = subject.composition.locate(name)
    if networks and key not in (*networks, CTLPLANE):
        text = f"{name} fixes addresses on the network {key}, which is not there"
        fix = did_you_mean(key, networks) or f"The networks are {', '.join(networks)}."
        yield Finding("NET-018", text, fix, Severity.ERROR, places, (name, key))
    if not isinstance(listed, list):
        text = f"{name}: what {key} has is no list of addresses"
        fix = "Write one address for each node, in order: [ADDRESS, ADDRESS]."
        yield Finding("NET-019", text, fix, Severity.ERROR, places, (name, key))
    count = subject.composition.counts.get(role, 0)
    if isinstance(listed, list) and 0 < len(listed) < count:
        text = f"{name} fixes {len(listed)} addresses on {key}, and {role} has {count} nodes"
        fix = "Give one for each node, or none."
        yield Finding("NET-019", text, fix, Severity.ERROR, places, (name, key, f"{role}Count"))


def _placed(net: Network | None, text: str, name: str, places: tuple[Location, ...]) -> Iterator[Finding]:
    place = address(text)
    ranges = [whole for subnet in net.subnets.values() for whole in cidrs(subnet)] if net else []
    if net and ranges and (place is None or not any(place in whole for whole in ranges)):
        message = f"{name} fixes {text}, which is in no subnet of {net.name}"
        yield Finding(
            "NET-017", message, f"Take it from {ranges[0]}.", Severity.ERROR, places, (name, text, net.name)
        )
    elif net:
        taken = unusable(net, place)
        if taken:
            message = f"{name} fixes {text}, which is {taken} of {net.name}"
            names = (name, text, net.name, "gateway")
            yield Finding("NET-017", message, "Take another one.", Severity.ERROR, places, names)
