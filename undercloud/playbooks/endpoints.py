"""``cloud.endpoints`` and ``cloud.databases``: what services ask of the load balancer and the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Report, UndercloudError
from undercloud.plan.names import did_you_mean
from undercloud.playbooks.filters import ipwrap
from undercloud.playbooks.role_data import ServiceData
from undercloud.playbooks.scope import Scope
from undercloud.playbooks.texts import Texts
from undercloud.topology.model import Topology


@dataclasses.dataclass(frozen=True)
class _Claim:
    service: ServiceData
    data: Mapping[str, Any]


def databases(services: Sequence[ServiceData], texts: Texts, report: Report) -> Scope:
    """``cloud.databases``: name → ``{user, password}``, the password a reference.

    Findings: ROLE-016 two services want one database with other credentials.
    """
    result: Scope = {}
    for name, claims in _claims(services, "databases").items():
        first = claims[0]
        for other in claims[1:]:
            report.add(_conflict("ROLE-016", "database", name, first, other))
        place = first.service.place("databases", name)
        try:
            result[name] = {"name": name, **texts.value(first.data, place, None)}
        except UndercloudError as error:
            report.extend(error.findings)
    return result


def endpoints(
    services: Sequence[ServiceData],
    *,
    members: Mapping[str, Sequence[Scope]],
    topology: Topology,
    public_network: str,
    texts: Texts,
    report: Report,
) -> Scope:
    """``cloud.endpoints``: each as its service gave it, with all keys there (None where not given).

    ``frontends`` is network → virtual address, ``hosts`` the nodes behind it, ``url`` has ``public``,
    ``internal`` and ``admin``: the name of the cloud for https, the virtual address else, as TripleO's
    endpoint map has it. Findings: ROLE-013 two endpoints on one port of one network, ROLE-014 two services
    with one endpoint, ROLE-017 an unknown network or one without a virtual address, ROLE-025 a node that is
    not on the endpoint's network.
    """
    result: Scope = {}
    taken: dict[tuple[str, int], str] = {}
    for name, claims in _claims(services, "endpoints").items():
        first = claims[0]
        for other in claims[1:]:
            report.add(_conflict("ROLE-014", "endpoint", name, first, other))
        try:
            data = texts.value(first.data, first.service.place("endpoints", name), None)
        except UndercloudError as error:
            report.extend(error.findings)
            continue
        networks = _networks(
            first, name, data, topology=topology, public_network=public_network, report=report
        )
        if networks is None:
            continue
        own, fronts = networks
        for network in fronts:
            holder = taken.setdefault((network, data["port"]), name)
            if holder != name:
                report.add(
                    first.service.finding(
                        "ROLE-013",
                        f"the endpoints {holder!r} and {name!r} both listen on port {data['port']} of the "
                        f"virtual address on {network}",
                        *("endpoints", name, "port"),
                        fix="Give one of them another port or another network.",
                    )
                )
        hosts = members[first.service.name]
        _check_members(first, name, own, hosts, report)
        result[name] = _view(
            name, data, own, fronts, public_network=public_network, hosts=hosts, topology=topology
        )
    return result


def _claims(services: Sequence[ServiceData], key: str) -> dict[str, list[_Claim]]:
    """Name → who claims it, with equal claims of one service (in several roles) kept once."""
    claims: dict[str, list[_Claim]] = {}
    for service in services:
        for name, data in service.data.get(key, {}).items():
            others = claims.setdefault(name, [])
            if not any(other.service.name == service.name and other.data == data for other in others):
                others.append(_Claim(service, data))
    return claims


def _conflict(code: str, what: str, name: str, first: _Claim, other: _Claim) -> Finding:
    if first.service.name == other.service.name:
        message = (
            f"the {what} {name!r} of {other.service.name} differs between the roles "
            f"{first.service.role} and {other.service.role}"
        )
    else:
        message = f"{first.service.name} and {other.service.name} both have the {what} {name!r}"
    return other.service.finding(
        code, message, f"{what}s", name, fix="Rename one of them, or make them equal."
    )


def _networks(
    claim: _Claim,
    name: str,
    data: Mapping[str, Any],
    *,
    topology: Topology,
    public_network: str,
    report: Report,
) -> tuple[str, list[str]] | None:
    """The endpoint's own network and those of its front ends, by lower-case name; None after a finding."""
    titles = {network.title: network.name for network in topology.networks.values()}
    own = titles.get(data["network"], data["network"])
    default = [own, public_network] if data.get("public") else [own]
    fronts = list(dict.fromkeys(titles.get(network, network) for network in data.get("frontends") or default))
    good = True
    for network in dict.fromkeys([own, *fronts]):
        known = network in topology.networks
        if known and (network in topology.vips or network not in fronts):
            continue
        good = False
        what = "has no virtual address" if known else "is not there"
        fix = (
            "Set vip: true on it in the networks file, or list it in the VIPs file."
            if known
            else did_you_mean(network, topology.networks) or "Set the service's network in ServiceNetMap."
        )
        message = f"the endpoint {name!r} is on the network {network!r}, which {what}"
        report.add(claim.service.finding("ROLE-017", message, "endpoints", name, fix=fix))
    return (own, fronts) if good else None


def _check_members(claim: _Claim, name: str, network: str, hosts: Sequence[Scope], report: Report) -> None:
    for role in dict.fromkeys(host["role"] for host in hosts if network not in host["ips"]):
        report.add(
            claim.service.finding(
                "ROLE-025",
                f"nodes of {role} run {claim.service.name} and are not on the network {network} of its "
                f"endpoint {name!r}",
                *("endpoints", name, "network"),
                fix=f"Add the network to {role} in the roles file, or change ServiceNetMap.",
            )
        )


def _view(
    name: str,
    data: Mapping[str, Any],
    own: str,
    fronts: Sequence[str],
    *,
    public_network: str,
    hosts: Sequence[Scope],
    topology: Topology,
) -> Scope:
    mode = data.get("mode") or ("tcp" if data.get("protocol") == "tcp" else "http")
    protocol = data.get("protocol") or mode
    path = data.get("path") or ""
    internal = own if own in fronts else fronts[0]
    public = public_network if public_network in fronts else internal

    def url(network: str) -> str:
        vip = topology.vips[network]
        authority = vip.fqdn if protocol == "https" else ipwrap(vip.address)
        return f"{protocol}://{authority}:{data['port']}{path}"

    return {
        "name": name,
        "service": data.get("service"),
        "type": data.get("type"),
        "network": own,
        "port": data["port"],
        "protocol": protocol,
        "path": path,
        "public": bool(data.get("public")),
        "frontends": {network: topology.vips[network].address for network in fronts},
        "backend_port": data.get("backend_port", data["port"]),
        "mode": mode,
        "check": data.get("check"),
        "options": list(data.get("options") or ()),
        "balance": data.get("balance"),
        "timeout": data.get("timeout"),
        "hosts": list(hosts),
        "url": {"public": url(public), "internal": url(internal), "admin": url(internal)},
    }
