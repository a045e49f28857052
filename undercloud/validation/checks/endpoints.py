"""Ports: of endpoints, and of services that share nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import finding
from undercloud.validation.composition import Composition
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_PROTOCOLS = (
    "http",
    "https",
    "ws",
    "wss",
    "tcp",
    "ssl",
    "nfs",
    "amqp",
    "amqps",
    "rabbit",
    "redis",
    "mysql+pymysql",
)
_KEYS = ("protocol", "port", "host", "uri_suffix", "uri", "uri_no_suffix", "host_nobrackets")
_KINDS = ("Public", "Internal", "Admin", "PublicAdmin", "UIConfig")

# Ports on which services listen themselves, each with its service.
_LISTENERS: Mapping[str, tuple[str, ...]] = {
    "OVNNorthboundServerPort": ("OVNDBs",),
    "OVNSouthboundServerPort": ("OVNDBs",),
    "OVNNorthboundClusterPort": ("OVNDBs",),
    "OVNSouthboundClusterPort": ("OVNDBs",),
    "MemcachedPort": ("Memcached",),
    "RpcPort": ("OsloMessagingRpc", "RabbitMQ"),
    "MetricsQdrPort": ("MetricsQdr",),
    "IronicIPXEPort": ("IronicPxe", "IronicConductor"),
    "DockerNovaMigrationSshdPort": ("NovaMigrationTarget",),
    "MigrationSshPort": ("NovaMigrationTarget",),
    "BagpipeApiPort": ("NeutronBgpVpnBagpipe",),
    "L2gwAgentManagerTableListeningPort": ("NeutronL2gwAgent",),
}
_SAME_SERVICE = (frozenset({"DockerNovaMigrationSshdPort", "MigrationSshPort"}),)
"""Pairs that name the same listener."""

_FIXED = {
    22: "sshd",
    3306: "the database",
    4567: "the database's replication",
    2224: "Pacemaker",
    5405: "Corosync",
}


@check(
    {
        "EPT-001": "An endpoint has a known protocol, a port and a host",
        "EPT-002": "Endpoints of different services differ in their port",
    },
    reads=("EndpointMap", "EndpointMapOverride"),
    source="network/endpoints/endpoint_data.yaml; overcloud-resource-registry-puppet.j2.yaml",
)
def endpoints(subject: Subject) -> Iterator[Finding]:
    """What the operator says of endpoints."""
    composition = subject.composition
    for name in ("EndpointMap", "EndpointMapOverride"):
        given = composition.given.get(name)
        if not composition.settings(name) or not isinstance(given, Mapping):
            continue
        seen: dict[tuple[str, str], str] = {}
        for key, entry in given.items():
            if not isinstance(entry, Mapping):
                continue
            yield from _entry(composition, name, str(key), entry)
            service, kind = _split(str(key))
            place = (kind, str(entry.get("port")))
            first = seen.setdefault(place, service) if entry.get("port") and kind else service
            if not _same(first, service):
                text = f"{name}: {first} and {service} have the same port {entry['port']} ({kind.lower()})"
                yield finding(composition, "EPT-002", text, "Give each its own.", [name, str(key), "port"])


def _split(key: str) -> tuple[str, str]:
    kind = next((kind for kind in _KINDS if key.endswith(kind)), "")
    return key.removesuffix(kind), kind


def _same(first: str, second: str) -> bool:
    """Whether two names are of one service, as Cinder and CinderV3, or Ceph's gateway in Swift's place."""
    stems = [name.rstrip("0123456789").removesuffix("V").removesuffix("S3") for name in (first, second)]
    return stems[0] == stems[1] or {"Swift", "CephRgw"} >= set(stems)


def _entry(composition: Composition, name: str, key: str, entry: Mapping[Any, Any]) -> Iterator[Finding]:
    protocol, port = entry.get("protocol"), entry.get("port")
    if protocol is not None and protocol not in _PROTOCOLS:
        fix = did_you_mean(str(protocol), _PROTOCOLS) or f"Known are {', '.join(_PROTOCOLS)}."
        text = f"{name}: {key} has the protocol {protocol}"
        yield finding(composition, "EPT-001", text, fix, [name, key, "protocol"])
    if port is not None and FORMS["port"](str(port)):
        text = f"{name}: {key} has the port {port}, which is none"
        yield finding(composition, "EPT-001", text, "Use 1 to 65535.", [name, key, "port"])
    for part in entry:
        if part not in _KEYS:
            fix = did_you_mean(str(part), _KEYS) or "Use protocol, port and host."
            text = f"{name}: {key} has the key {part}, which is not known"
            yield finding(composition, "EPT-001", text, fix, [name, key, str(part)])


@check(
    {"EPT-003": "Services on a node listen on ports of their own"},
    reads=tuple(_LISTENERS),
    source="the services' templates",
)
def listeners(subject: Subject) -> Iterator[Finding]:
    """Ports that parameters set, for services that share a role."""
    composition = subject.composition
    found: dict[int, tuple[str, set[str]]] = {}
    for name, services in _LISTENERS.items():
        roles = {role for service in services for role in composition.running.get(service, ())}
        try:
            port = int(composition.value(name, default=0))
        except (TypeError, ValueError):
            continue
        if not roles or port <= 0:
            continue
        other, there = found.setdefault(port, (name, roles))
        if other != name and there & roles and frozenset({other, name}) not in _SAME_SERVICE:
            text = f"{other} and {name} are both {port}, and their services share the role {sorted(there & roles)[0]}"
            yield finding(composition, "EPT-003", text, "Give each its own.", [other, name])
        if port in _FIXED and composition.settings(name):
            text = f"{name} is {port}, where {_FIXED[port]} listens"
            yield finding(composition, "EPT-003", text, "Use another port.", [name])
