"""``cloud.endpoints`` and ``cloud.databases``: what services ask of the load balancer and the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Report, UndercloudError
from undercloud.plan.names import did_you_mean
from undercloud.playbooks.filters import ipwrap
from undercloud.playbooks.public_tls import PublicTls
from undercloud.playbooks.role_data import ServiceData
from undercloud.playbooks.scope import Scope
from undercloud.playbooks.texts import Texts
from undercloud.topology.model import CTLPLANE, Topology


@dataclasses.dataclass(frozen=True)
class PublicFront:
    """Where clients come in: the network, and what they are served with (None: plain HTTP)."""

    network: str = CTLPLANE
    tls: PublicTls | None = None


PLAIN = PublicFront()
"""Clients come in by the control plane, without TLS."""


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
    public: PublicFront,
    texts: Texts,
    report: Report,
) -> Scope:
    """``cloud.endpoints``: each as its service gave it, with all keys there (None where not given).

    ``frontends`` is network → virtual address, ``binds`` what the load balancer listens on, ``hosts`` the
    nodes behind it, ``url`` has ``public``, ``internal`` and ``admin``: the name of the cloud for https, the
    virtual address else, as TripleO's endpoint map has it. Findings: ROLE-013 two endpoints on one port of
    one network, ROLE-014 two services with one endpoint, ROLE-017 an unknown network or one without a virtual
    address, ROLE-025 a node that is not on the endpoint's network, ROLE-026 no port for TLS of its own.
    """
    result: Scope = {}
    taken: dict[tuple[str, int], str] = {}
    titles = {network.title: network.name for network in topology.networks.values()}
    public = dataclasses.replace(public, network=titles.get(public.network, public.network))
    for name, claims in _claims(services, "endpoints").items():
        first = claims[0]
        for other in claims[1:]:
            report.add(_conflict("ROLE-014", "endpoint", name, first, other))
        try:
            data = texts.value(first.data, first.service.place("endpoints", name), None)
        except UndercloudError as error:
            report.extend(error.findings)
            continue
        networks = _networks(first, name, data, topology=topology, public=public.network, report=report)
        if networks is None:
            continue
        endpoint = _Endpoint(name, data, *networks, public, topology)
        if endpoint.secured and endpoint.crowded:
            report.add(_crowded(first.service, endpoint))
            continue
        for network, port, _ in endpoint.listens():
            holder = taken.setdefault((network, port), name)
            if holder != name:
                report.add(
                    first.service.finding(
                        "ROLE-013",
                        f"the endpoints {holder!r} and {name!r} both listen on port {port} of the "
                        f"virtual address on {network}",
                        *("endpoints", name, "port"),
                        fix="Give one of them another port or another network.",
                    )
                )
        hosts = members[first.service.name]
        _check_members(first, name, endpoint.own, hosts, report)
        result[name] = endpoint.view(hosts)
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
    public: str,
    report: Report,
) -> tuple[str, list[str]] | None:
    """The endpoint's own network and those of its front ends, by lower-case name; None after a finding."""
    titles = {network.title: network.name for network in topology.networks.values()}
    own = titles.get(data["network"], data["network"])
    default = [own, public] if data.get("public") else [own]
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


def _crowded(service: ServiceData, endpoint: _Endpoint) -> Finding:
    return service.finding(
        "ROLE-026",
        f"the endpoint {endpoint.name!r} is to listen on port {endpoint.public_port} of the virtual address "
        f"on {endpoint.own} with TLS, for clients, and without, for the cloud's own services",
        *("endpoints", endpoint.name, "public_port"),
        fix="Give it a public_port that differs from its port, or the public network a virtual address of "
        "its own (PublicNetwork in ServiceNetMap).",
    )


@dataclasses.dataclass(frozen=True)
class _Endpoint:
    """An endpoint's ``data`` on its ``own`` network, with front ends on the networks ``fronts``."""

    name: str
    data: Mapping[str, Any]
    own: str
    fronts: Sequence[str]
    public: PublicFront
    topology: Topology

    @property
    def mode(self) -> str:
        return str(self.data.get("mode") or ("tcp" if self.data.get("protocol") == "tcp" else "http"))

    @property
    def protocol(self) -> str:
        return str(self.data.get("protocol") or self.mode)

    @property
    def public_port(self) -> int:
        return int(self.data.get("public_port") or self.data["port"])

    @property
    def internal(self) -> str:
        """The network that the cloud's own services use it on."""
        return self.own if self.own in self.fronts else self.fronts[0]

    @property
    def secured(self) -> bool:
        """Whether the load balancer speaks TLS with clients in front of it."""
        wanted = self.data.get("public") and self.protocol == "http" and self.public.tls is not None
        return bool(wanted) and self.public.network in self.fronts

    @property
    def crowded(self) -> bool:
        """Whether clients and services would come to one port of one network."""
        return self.public.network == self.own and self.public_port == self.data["port"]

    def listens(self) -> list[tuple[str, int, bool]]:
        """Network, port, and whether TLS is spoken there."""
        port = self.data["port"]
        if not self.secured:
            return [(network, port, False) for network in self.fronts]
        clients = self.public.network
        # Where both come in by one network, its plain port is for the cloud's own services.
        plain = [network for network in self.fronts if network == self.own or network != clients]
        return [*((network, port, False) for network in plain), (clients, self.public_port, True)]

    def view(self, hosts: Sequence[Scope]) -> Scope:
        """It as late binding sees it."""
        data, vips = self.data, self.topology.vips
        clients = self.public.network if self.public.network in self.fronts else self.internal
        internal = self._url(self.internal, plain=self.internal == self.own)
        binds = {
            (vips[network].address, port): {"address": vips[network].address, "port": port, "tls": tls}
            for network, port, tls in self.listens()
        }
        return {
            "name": self.name,
            "service": data.get("service"),
            "type": data.get("type"),
            "network": self.own,
            "port": data["port"],
            "public_port": self.public_port,
            "protocol": self.protocol,
            "path": data.get("path") or "",
            "public": bool(data.get("public")),
            "frontends": {network: vips[network].address for network in self.fronts},
            "binds": list(binds.values()),
            "backend_port": data.get("backend_port", data["port"]),
            "mode": self.mode,
            "check": data.get("check"),
            "check_port": data.get("check_port"),
            "options": list(data.get("options") or ()),
            "balance": data.get("balance"),
            "timeout": data.get("timeout"),
            "hosts": list(hosts),
            "url": {"public": self._url(clients), "internal": internal, "admin": internal},
        }

    def _url(self, network: str, *, plain: bool = False) -> str:
        vip, protocol, port = self.topology.vips[network], self.protocol, self.data["port"]
        host = vip.fqdn if protocol == "https" else vip.address
        tls = self.public.tls if self.secured and network == self.public.network and not plain else None
        if tls is not None:
            protocol, port, host = "https", self.public_port, tls.host
        return f"{protocol}://{ipwrap(host)}:{port}{self.data.get('path') or ''}"
