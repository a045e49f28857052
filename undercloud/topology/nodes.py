"""Which nodes each role has: from the deployment file, or from the counts and maps among the parameters."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.roles import Role
from undercloud.plan.state import State
from undercloud.topology.deployment import Deployment, Instance, RoleNodes, usable_hostname
from undercloud.topology.model import CTLPLANE
from undercloud.topology.names import Listed, Naming, number

Locate = Callable[[str], Location | None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The parameters of the stack.

    ``locate`` finds where the operator set one, ``declared`` where the templates declare it; else None.
    """

    values: Mapping[str, Any]
    locate: Locate
    declared: Locate

    def place(self, name: str) -> Location | None:
        """Where a parameter's value comes from."""
        return self.locate(name) or self.declared(name)

    def read(self, name: str, kind: type, default: Any, report: Report) -> Any:
        """A parameter of a type; TOP-032 and the default where it has another."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        wanted = {dict: "a map", list: "a list", int: "a whole number", str: "text"}[kind]
        report.add(
            Finding(
                "TOP-032",
                f"the parameter {name} must be {wanted}",
                f"Give {name} {wanted}, or leave it out.",
                parameters=(name,),
                locations=tuple(filter(None, [self.place(name)])),
            )
        )
        return default


@dataclasses.dataclass(frozen=True)
class Node:
    """One node to be: its name and index, and what is said about it."""

    role: Role
    name: str
    index: int
    instance: Instance
    listed: bool
    locate: Callable[[], Location | None]


@dataclasses.dataclass(frozen=True)
class Nodes:
    """All nodes, role by role, by index; the state with their indexes and removals."""

    nodes: tuple[Node, ...]
    state: State


def find(
    stack: str,
    roles: Sequence[Role],
    deployment: Deployment | None,
    settings: Settings,
    *,
    state: State,
    report: Report,
) -> Nodes:
    """Find the nodes of all roles.

    Findings: TOP-020 an unknown role in the deployment file, TOP-021 a count that has not its nodes, TOP-029
    a name that two nodes would have or that is not usable, TOP-032 a parameter that cannot be read, TOP-033 a
    name format without ``%index%``.
    """
    if deployment:
        _check_roles(deployment, roles, report)
    renamed = settings.read("HostnameMap", dict, {}, report)
    found: list[Node] = []
    for role in roles:
        nodes = deployment.roles.get(role.name) if deployment else None
        form = (nodes.hostname_format if nodes else "") or settings.read(
            f"{role.name}HostnameFormat", str, role.hostname_format, report
        )
        naming = Naming(stack, form, {str(old): str(new) for old, new in renamed.items()})
        if "%index%" not in form:
            location = settings.locate(f"{role.name}HostnameFormat") or role.location
            text = (
                f"the host name format {form!r} of {role.name} has no %index%: all nodes would share one name"
            )
            names = (f"{role.name}HostnameFormat", "hostname_format", role.name)
            report.add(
                Finding(
                    "TOP-033", text, "Add %index% to the format.", locations=(location,), parameters=names
                )
            )
            continue
        if deployment and nodes:
            of_role, state = _listed(role, nodes, deployment, naming, settings, state=state, report=report)
        else:
            of_role, state = _counted(role, naming, settings, bool(deployment), state=state, report=report)
        found += sorted(of_role, key=lambda node: node.index)
    _check_names(found, report)
    return Nodes(tuple(found), state)


def _check_roles(deployment: Deployment, roles: Sequence[Role], report: Report) -> None:
    known = {role.name for role in roles}
    for name, nodes in deployment.roles.items():
        if name not in known:
            fix = did_you_mean(name, known) or f"The roles of the plan are: {', '.join(sorted(known))}."
            location = deployment.locate(*nodes.path, "name")
            text = f"the deployment file has the role {name!r}, which the roles file has not"
            report.add(Finding("TOP-020", text, fix, locations=(location,), parameters=("name", name)))


def _listed(
    role: Role,
    nodes: RoleNodes,
    deployment: Deployment,
    naming: Naming,
    settings: Settings,
    *,
    state: State,
    report: Report,
) -> tuple[list[Node], State]:
    """The nodes of a role in the deployment file."""
    _check_count(role, nodes, deployment, settings, report)
    numbered, removed = number(
        naming,
        [Listed(instance.hostname, instance.provisioned) for instance in nodes.instances],
        nodes.count,
        known=state.node_indexes.get(role.name, {}),
        removed=_removed(role, settings, naming, state, report),
    )
    made = [nodes.defaults] * (len(numbered) - len(nodes.instances))
    result = []
    for position, (instance, (name, index)) in enumerate(
        zip([*nodes.instances, *made], numbered, strict=True)
    ):
        if instance.provisioned:
            listed = position < len(nodes.instances)
            path = instance.path if listed else (*nodes.path, "count")
            locate = functools.partial(deployment.locate, *path)
            result.append(Node(role, name, index, instance, listed, locate))
    return result, _remembered(state, role, result, removed)


def _counted(
    role: Role, naming: Naming, settings: Settings, elsewhere: bool, *, state: State, report: Report
) -> tuple[list[Node], State]:
    """The nodes of a role by its count; ``elsewhere`` where other roles are in a deployment file.

    Then a count that nobody set is not meant: the file says which roles have nodes.
    """
    name = f"{role.name}Count"
    count = settings.read(name, int, role.count_default, report)
    if elsewhere and settings.locate(name) is None:
        count = 0
    numbered, removed = number(
        naming,
        [],
        count,
        known=state.node_indexes.get(role.name, {}),
        removed=_removed(role, settings, naming, state, report),
    )

    def locate() -> Location:
        return settings.locate(name) or role.location

    instance = Instance(managed=False)
    nodes = [Node(role, host, index, instance, False, locate) for host, index in numbered]
    return nodes, _remembered(state, role, nodes, removed)


def _check_count(
    role: Role, nodes: RoleNodes, deployment: Deployment, settings: Settings, report: Report
) -> None:
    """A count among the parameters must not say something else than the deployment file."""
    name = f"{role.name}Count"
    location = settings.locate(name)
    count = settings.read(name, int, nodes.count, report)
    if location is None or count == nodes.count:
        return
    here = deployment.locate(*nodes.path, "count")
    report.add(
        Finding(
            "TOP-021",
            f"{name} is {count}, and the deployment file has {nodes.count} nodes of {role.name}",
            f"Remove {name}, for the deployment file says how many; or add the missing nodes there.",
            Severity.ERROR if count > nodes.count else Severity.WARNING,
            (location, here),
            (name,),
        )
    )


def _removed(role: Role, settings: Settings, naming: Naming, state: State, report: Report) -> Collection[int]:
    """Indexes that may not be used: TripleO's removal policies, and by their mode those of before."""
    policies = settings.read(f"{role.name}RemovalPolicies", list, [], report)
    mode = settings.read(f"{role.name}RemovalPoliciesMode", str, "append", report)
    known = state.node_indexes.get(role.name, {})
    removed = set(state.removals.get(role.name, ())) if mode == "append" else set()
    for policy in policies:
        for item in (policy.get("resource_list") or ()) if isinstance(policy, Mapping) else ():
            text = str(item)
            index = int(text) if text.isascii() and text.isdecimal() else naming.index(text)
            index = known.get(text) if index is None else index
            if index is not None:
                removed.add(index)
    return removed


def _remembered(state: State, role: Role, nodes: Iterable[Node], removed: tuple[int, ...]) -> State:
    indexes = {node.name: node.index for node in nodes}
    if indexes != state.node_indexes.get(role.name, {}):
        state = state.with_node_indexes(role.name, indexes)
    if removed != tuple(state.removals.get(role.name, ())):
        state = state.with_removals(role.name, removed)
    return state


def _check_names(nodes: Iterable[Node], report: Report) -> None:
    seen: dict[str, Node] = {}
    for node in nodes:
        first = seen.setdefault(node.name.lower(), node)
        locations = tuple(filter(None, (node.locate(), first.locate() if first is not node else None)))
        told = node.instance.hostname and first.instance.hostname  # by the deployment file's own check
        names = tuple(dict.fromkeys(f"{each.role.name}HostnameFormat" for each in (node, first)))
        if first is not node and not told:
            text = f"{first.role.name} and {node.role.name} would both have a node {node.name!r}"
            report.add(
                Finding(
                    "TOP-029",
                    text,
                    "Give the roles different name formats.",
                    Severity.ERROR,
                    locations,
                    names,
                )
            )
        elif not usable_hostname(node.name) and not node.instance.hostname:
            fix = "Use letters, digits and hyphens, at most 63, in the stack's name and the format."
            text = f"{node.name!r:.80} is no usable host name"
            report.add(
                Finding(
                    "TOP-029",
                    text,
                    fix,
                    Severity.ERROR,
                    locations,
                    (*names, "hostname_format", "HostnameMap"),
                )
            )


def fixed_address(node: Node, network: str, settings: Settings, title: str = "") -> str:
    """A node's address as the operator fixed it: in the deployment file, or in one of TripleO's parameters.

    Looked for in the node's port, ``NodePortMap``, ``DeployedServerPortMap`` (control plane), ``ROLEIPs``;
    empty where none has it. The deployment file may call a network by its ``title`` (InternalApi).
    """
    for port in node.instance.ports:
        if port.network in {network, title} and port.fixed_ip:
            return port.fixed_ip
    ports = _at(settings.values.get("NodePortMap"), node.name, network)
    address = _at(ports, "ip_address")
    if not address and network == CTLPLANE:
        ports = _at(settings.values.get("DeployedServerPortMap"), f"{node.name}-{CTLPLANE}", "fixed_ips", 0)
        address = _at(ports, "ip_address")
    if not address:
        address = _at(settings.values.get(f"{node.role.name}IPs"), network, node.index)
    return address if isinstance(address, str) else ""


def _at(value: Any, *path: str | int) -> Any:
    """What a path leads to in maps and lists, None where it ends."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
