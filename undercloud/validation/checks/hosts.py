"""Names of nodes in parameters: hosts that are renamed or left out have to be there, and differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.topology.names import Naming
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import entries, finding
from undercloud.validation.subject import Subject


def planned(subject: Subject) -> dict[str, str]:
    """What the formats of the roles call their nodes → what they are called after HostnameMap and instances."""
    mapped = subject.composition.given.get("HostnameMap")
    renamed = mapped if isinstance(mapped, Mapping) else {}
    found: dict[str, str] = {}
    for role, naming in _namings(subject).items():
        for index in range(max(0, subject.composition.counts.get(role, 0))):
            name = naming.name(index)
            found[name] = str(renamed.get(name, name))
    return found


def _namings(subject: Subject) -> dict[str, Naming]:
    """Role → how it names its nodes."""
    given = subject.composition.given
    return {
        role.name: Naming(
            subject.plan.name, str(given.get(f"{role.name}HostnameFormat") or role.hostname_format)
        )
        for role in subject.plan.roles
    }


def _instances(subject: Subject) -> set[str]:
    """The names that the deployment file gives to single nodes."""
    baremetal = subject.plan.baremetal
    roles = baremetal.value if baremetal is not None and isinstance(baremetal.value, list) else []
    return {
        str(instance["hostname"])
        for role in roles
        if isinstance(role, Mapping)
        for instance in role.get("instances") or ()
        if isinstance(instance, Mapping) and instance.get("hostname")
    }


@check(
    {
        "SVC-009": "No two nodes are renamed to the same",
        "SVC-010": "Nodes that are left out of a deployment are there",
    },
    reads=("HostnameMap", "DeploymentServerBlacklist", "ROLEHostnameFormat", "ROLECount"),
    source="descriptions of HostnameMap and DeploymentServerBlacklist",
)
def names(subject: Subject) -> Iterator[Finding]:
    """HostnameMap and DeploymentServerBlacklist."""
    composition = subject.composition
    mapped = composition.given.get("HostnameMap")
    seen: dict[str, str] = {}
    for old, new in mapped.items() if isinstance(mapped, Mapping) else ():
        first = seen.setdefault(str(new).lower(), str(old))
        if first != str(old):
            text = f"HostnameMap gives {first} and {old} the same name {new}"
            yield finding(composition, "SVC-009", text, "Give each its own.", ["HostnameMap", str(new)])
    known = {*planned(subject), *planned(subject).values(), *_instances(subject)}
    name = "DeploymentServerBlacklist"
    for host in entries(composition.value(name)):
        if known and host.partition(".")[0] not in known and host not in known:
            text = f"{name} leaves {host} out, and no node has that name: the node that is meant would be changed"
            fix = did_you_mean(host, known) or f"The nodes are {', '.join(sorted(known)[:8])}."
            yield finding(composition, "SVC-010", text, fix, [name, host])
    for host in mapped if isinstance(mapped, Mapping) else ():
        if subject.plan.baremetal is None and str(host) not in known:
            text = f"HostnameMap renames {host}, and no node has that name"
            fix = did_you_mean(str(host), planned(subject)) or "Remove it."
            found = finding(composition, "SVC-009", text, fix, ["HostnameMap", str(host)])
            later = any(naming.index(str(host)) is not None for naming in _namings(subject).values())
            yield dataclasses.replace(found, severity=Severity.WARNING) if later else found
