"""Lowering: checked role_data of all roles and the topology become the desired state."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Report, UndercloudError
from undercloud.playbooks import tasks as task_files
from undercloud.playbooks.bind import Binder
from undercloud.playbooks.demands import Requirements, summed
from undercloud.playbooks.desired import DesiredState, HostState, Step
from undercloud.playbooks.endpoint_map import endpoint_map
from undercloud.playbooks.endpoints import PLAIN, PublicFront, databases, endpoints
from undercloud.playbooks.parts import Item, Part
from undercloud.playbooks.references import References
from undercloud.playbooks.role_data import CONTRACT, ServiceData, read
from undercloud.playbooks.scope import Scope, cloud_scope, host_scope
from undercloud.playbooks.tasks import TaskFile
from undercloud.playbooks.texts import Texts
from undercloud.topology.model import Topology


@dataclasses.dataclass(frozen=True)
class Lowered:
    """The desired state, and what the playbook directory needs beside it.

    ``cloud`` and ``hosts`` (by name) are the names of late binding, with references for secrets; ``secrets``
    has the values; ``services`` is service → roles that run it; ``requirements`` is by role.
    """

    desired: DesiredState
    cloud: Scope
    hosts: Mapping[str, Scope]
    services: Mapping[str, tuple[str, ...]]
    tasks: tuple[TaskFile, ...]
    secrets: Mapping[str, str]
    requirements: Mapping[str, Requirements] = dataclasses.field(default_factory=dict)


def lower(
    topology: Topology,
    role_data: Mapping[str, Sequence[ServiceData]],
    report: Report,
    public: PublicFront = PLAIN,
    verbatim: Iterable[str] = (),
    *,
    elsewhere: object = None,
) -> Lowered:
    """Lower a native stack. ``role_data`` is role → services in order; ``verbatim`` are values of hidden
    parameters, in which no template is seen; ``elsewhere`` are endpoints as EndpointMapOverride has them.

    What is wrong goes to the report (all of it); the result is whole only if no error was added.
    """
    checked = read(role_data, report)
    roles = {role: _distinct(services, report) for role, services in checked.items()}
    hosts = {host.name: host_scope(host) for host in topology.hosts}
    running = {
        role: services for role, services in roles.items() if any(h.role == role for h in topology.hosts)
    }
    members = _members(running, list(hosts.values()))
    references = References(verbatim)
    cloud = cloud_scope(topology, list(hosts.values()), members)
    early = Texts(Binder(references, cloud), references)
    everyone = [service for services in running.values() for service in services]
    _firewall(hosts.values(), running, early, report)
    cloud["databases"] = databases(everyone, early, report)
    cloud["public_tls"] = _public_tls(public, references)
    found = endpoints(
        everyone,
        members=members,
        topology=topology,
        public=public,
        texts=early,
        report=report,
    )
    late = {**cloud, "endpoints": found, "endpoint_map": endpoint_map(found, elsewhere)}
    texts = Texts(Binder(references, late), references)
    files = tuple(task_files.gather(everyone, references, report))
    parts = {role: [Part(service, texts, report) for service in found] for role, found in running.items()}
    states = {}
    for host in topology.hosts:
        builder = _HostBuilder(host.role, report)
        for part in parts.get(host.role, ()):
            builder.add(part, hosts[host.name], members[part.service.name][0]["name"] == host.name)
        for file in files:
            if file.role == host.role and file.step is not None:
                builder.kinds(file.step)["tasks"].extend(file.entries)
        states[host.name] = HostState(host.role, host.address, builder.steps())
    return Lowered(
        DesiredState(topology.stack, CONTRACT, states),
        late,
        hosts,
        {name: tuple(dict.fromkeys(host["role"] for host in found)) for name, found in members.items()},
        files,
        references.values,
        {role: summed(services) for role, services in running.items()},
    )


def _public_tls(public: PublicFront, references: References) -> Scope | None:
    """``cloud.public_tls``: the certificate, its key (a reference) and the authority; None without TLS."""
    if public.tls is None:
        return None
    key = references.add(public.tls.key.reveal(), ("public_tls", "key"))
    return {"certificate": public.tls.certificate, "key": key, "authority": public.tls.authority}


def _distinct(services: Sequence[ServiceData], report: Report) -> list[ServiceData]:
    """Services of one role, each once; the same service twice with other data is ROLE-010."""
    found: dict[str, ServiceData] = {}
    for service in services:
        other = found.setdefault(service.name, service)
        if other.data != service.data:
            report.add(
                service.finding(
                    "ROLE-010",
                    f"two templates of the role {service.role} are the service {service.name!r}: "
                    f"{other.template or other.alias or '?'} and {service.template or service.alias or '?'}",
                    "service_name",
                    fix="Map one of their aliases to OS::Heat::None, or give the service another name.",
                )
            )
    return list(found.values())


def _members(roles: Mapping[str, Sequence[ServiceData]], hosts: Sequence[Scope]) -> dict[str, list[Scope]]:
    """Service → its nodes, role by role in the roles' order, by index."""
    by_role: dict[str, list[Scope]] = {}
    for host in hosts:
        by_role.setdefault(host["role"], []).append(host)
    found: dict[str, list[Scope]] = {}
    for role, services in roles.items():
        for service in services:
            found.setdefault(service.name, []).extend(by_role[role])
    return found


def _firewall(hosts: Any, roles: Mapping[str, Sequence[ServiceData]], texts: Texts, report: Report) -> None:
    """``host.firewall_rules``: those of all services of a node by name; ROLE-024 two of one name."""
    rules: dict[str, dict[str, tuple[ServiceData, Any]]] = {role: {} for role in roles}
    for role, services in roles.items():
        for service in services:
            for name, rule in service.data.get("firewall_rules", {}).items():
                other = rules[role].setdefault(name, (service, rule))
                if other[1] != rule:
                    message = f"{other[0].name} and {service.name} both have the firewall rule {name!r}"
                    report.add(
                        service.finding(
                            "ROLE-024", message, "firewall_rules", name, fix="Rename one of them."
                        )
                    )
    for host in hosts:
        found: Scope = {}
        for name, (service, rule) in rules.get(host["role"], {}).items():
            try:
                found[name] = texts.value(rule, service.place("firewall_rules", name), host)
            except UndercloudError as error:
                report.extend(error.findings)
        host["firewall_rules"] = dict(sorted(found.items()))


_WHAT = {"files": "file", "directories": "directory", "units": "unit", "containers": "container"}
_CODES = {"files": "ROLE-011", "containers": "ROLE-012", "directories": "ROLE-018", "units": "ROLE-019"}


class _HostBuilder:
    """One host's steps, with an eye on entries that two services both want."""

    def __init__(self, role: str, report: Report) -> None:
        self._role = role
        self._report = report
        self._steps: dict[int, dict[str, Any]] = {}
        self._owners: dict[tuple[str, str], tuple[ServiceData, Any]] = {}

    def kinds(self, step: int) -> dict[str, Any]:
        """The entries of a step by kind, made when first asked for."""
        return self._steps.setdefault(
            step,
            {"directories": {}, "files": {}, "units": {}, "containers": {}, "tasks": [], "validations": []},
        )

    def add(self, part: Part, host: Scope, first: bool) -> None:
        """Add what a service puts on the host."""
        for item in part.items(first):
            entry = item.entry(host, self._report)
            if entry is not None:
                self._put(part.service, item, entry)

    def _put(self, service: ServiceData, item: Item, entry: Any) -> None:
        """Add an entry, or report that another service has it (two may agree on a directory or a unit)."""
        if item.kind == "validations":
            self.kinds(item.step)["validations"].append(entry)
            return
        key = (item.kind, item.name)
        if key not in self._owners:
            self._owners[key] = (service, entry)
            self.kinds(item.step)[item.kind][item.name] = entry
            return
        owner, other = self._owners[key]
        agreed = item.kind in {"directories", "units"} and other == dataclasses.replace(
            entry, origin=other.origin
        )
        if not agreed:
            what = _WHAT[item.kind]
            whose = (
                f"{owner.name} has twice"
                if owner.name == service.name
                else f"{owner.name} and {service.name} both have"
            )
            self._report.add(
                service.finding(
                    _CODES[item.kind],
                    f"on nodes of {self._role}, {whose} the {what} {item.name!r}",
                    *entry.origin.path,
                    fix=f"Give one {what} another name, or leave one out.",
                )
            )

    def steps(self) -> dict[int, Step]:
        """The steps that hold anything, in order."""
        return {
            number: Step(
                **{**kinds, "tasks": tuple(kinds["tasks"]), "validations": tuple(kinds["validations"])}
            )
            for number, kinds in sorted(self._steps.items())
        }
