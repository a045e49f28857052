"""What a plan is made of, as the evaluated stack shows it: templates, parameters, services and nodes."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Location, UndercloudError
from undercloud.hot.faults import Fault, Reported
from undercloud.hot.parameters import Parameter
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.groups import ResourceChain
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.stack import Stack
from undercloud.hot.stacks import StackScope
from undercloud.plan import passwords
from undercloud.plan.environment import Origin, Setting
from undercloud.plan.loader import Plan
from undercloud.plan.roles import Role
from undercloud.topology.model import Topology

SERVICE = "OS::TripleO::Services::"
NONE = "OS::Heat::None"
_NAME = re.compile(r"^ +[\"']?([A-Za-z][\w:.-]*)[\"']?\s*:(?=\s|$)", re.MULTILINE)
_NETWORK_KEY = re.compile(r"\b[A-Z]\w+Network\b")
_TYPE = re.compile(r"\b[A-Z]\w*(?:::\w+)+")


@dataclasses.dataclass(frozen=True)
class Service:
    """One service on one role; ``template`` is what implements it, empty where it is left out."""

    type: str
    role: str
    template: str
    resource: TemplateResource | None = dataclasses.field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The type without its prefix, as in ``NovaCompute``."""
        return self.type.removeprefix(SERVICE)


class Composition:
    """The roles, services and parameters of one evaluated plan."""

    def __init__(self, plan: Plan, stack: Stack, topology: Topology | None = None) -> None:
        self.plan = plan
        self.stack = stack
        self.environment = plan.environment
        self.topology = topology
        self.given: dict[str, Any] = {**plan.environment.parameter_defaults, **plan.environment.parameters}
        self._declared: dict[str, list[Parameter]] = {}
        self._values: dict[str, Any] = {}
        self._templates: set[str] = set()
        self.services: tuple[Service, ...] = ()
        self._walk()

    @property
    def declared(self) -> Mapping[str, Sequence[Parameter]]:
        """Each parameter that a template of this plan declares, with its declarations."""
        return self._declared

    @property
    def values(self) -> Mapping[str, Any]:
        """The value of each parameter of this plan: of the environment, else the default of its template."""
        return self._values

    @property
    def templates(self) -> frozenset[str]:
        """The paths of all templates that the stack is made of."""
        return frozenset(self._templates)

    def _walk(self) -> None:
        services: list[Service] = []
        for member in self.stack.walk():
            if not self._templates:
                self._take(member.scope)
            if isinstance(member, TemplateResource):
                try:
                    self._take(member.child())
                except (Fault, Reported):
                    self._take_template(member)
            elif isinstance(member, ResourceChain):
                services += _chain(member)
        self.services = tuple(services)
        self._take_maps()

    def _take_maps(self) -> None:
        """What the stack makes of maps that are only half given: as the services get them."""
        for service in self.services:
            if service.resource is None:
                continue
            try:
                given = service.resource.child().parameters
            except (Fault, Reported):
                continue
            for name in ("ServiceNetMap", "EndpointMap"):
                if given.get(name):
                    self._values[name] = given[name]
            return

    def _take(self, scope: StackScope) -> None:
        """Note the parameters of one stack; the outermost value of a name counts."""
        if scope.template.base in self._templates:
            return
        self._templates.add(scope.template.base)
        for name, parameter in scope.template.parameters.items():
            self._declared.setdefault(name, []).append(parameter)
            if name in scope.parameters:
                self._values.setdefault(name, scope.parameters[name])

    def _take_template(self, member: TemplateResource) -> None:
        if member.nested_template.base not in self._templates:
            self._templates.add(member.nested_template.base)
            for name, parameter in member.nested_template.parameters.items():
                self._declared.setdefault(name, []).append(parameter)

    # -- services ------------------------------------------------------------------------------------------

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """Role → how many nodes it has."""
        baremetal = _baremetal_counts(self.plan)
        found = {}
        for role in self.plan.roles:
            name = f"{role.name}Count"
            count = self.given.get(name, role.count_default)
            if baremetal is not None and (role.name in baremetal or name not in self.given):
                count = baremetal.get(role.name, 0)
            try:
                found[role.name] = int(count)
            except (TypeError, ValueError):
                found[role.name] = role.count_default
        return found

    @functools.cached_property
    def listed(self) -> Mapping[str, tuple[str, ...]]:
        """Role → the types of its services, mapped to something or not."""
        found = {}
        for role in self.plan.roles:
            given = self.given.get(f"{role.name}Services")
            names = given if isinstance(given, list) else role.services
            found[role.name] = tuple(str(name) for name in names)
        return found

    @functools.cached_property
    def running(self) -> Mapping[str, frozenset[str]]:
        """Service by its short name → the roles with nodes that run it."""
        found: dict[str, set[str]] = {}
        for role, services in self.listed.items():
            if self.counts.get(role, 0) < 1:
                continue
            for kind in services:
                if self.implementation(kind):
                    found.setdefault(kind.removeprefix(SERVICE), set()).add(role)
        return {name: frozenset(roles) for name, roles in found.items()}

    def implementation(self, kind: str) -> str:
        """What a service's type is mapped to: a template's path, or empty where it is nothing."""
        seen = {kind}
        target = self.environment.resource_registry.get(kind)
        while isinstance(target, str) and "::" in target and target not in seen:
            seen.add(target)
            if target == NONE:
                return ""
            target = self.environment.resource_registry.get(target)
        return target if isinstance(target, str) else ""

    def implementation_of(self, service: str) -> str:
        """The template of a service by its short name, empty where it is left out."""
        return self.implementation(service if "::" in service else SERVICE + service)

    def nodes_of(self, service: str) -> int:
        """How many nodes run a service, by its short name."""
        return sum(self.counts[role] for role in self.running.get(service, ()))

    def has(self, *services: str) -> bool:
        """Whether any of the services, by short names, runs on a node."""
        return any(service in self.running for service in services)

    def role(self, name: str) -> Role | None:
        """The role of that name."""
        return next((role for role in self.plan.roles if role.name == name), None)

    # -- parameters ----------------------------------------------------------------------------------------

    def role_parameters(self, role: str) -> Mapping[str, Any]:
        """What is set for one role alone."""
        found: dict[str, Any] = {}
        described = self.role(role)
        for part in (
            described.parameters_default if described else None,
            self.given.get(f"{role}Parameters"),
        ):
            if isinstance(part, Mapping):
                found |= {str(name): value for name, value in part.items()}
        return found

    def value(self, name: str, role: str = "", default: Any = None) -> Any:
        """A parameter's value, for a role that may have its own; ``default`` where it has none."""
        own = self.role_parameters(role) if role else {}
        if name in own and own[name] not in ("", None):
            return own[name]
        value = self._values.get(name)
        return default if value is None else value

    def template_default(self, name: str) -> Any:
        """What an environment gives a parameter that no template of this plan declares, else its default there."""
        if name in self.given:
            return self.given[name]
        pattern = re.compile(rf"^ +{re.escape(name)}:\s*$", re.MULTILINE)
        for path in self._texts():
            text = self.plan.tree[path].text
            if "heat_template_version" in text and name in text and pattern.search(text):
                value = self.plan.tree.document(path).value
                parameters = value.get("parameters") if isinstance(value, Mapping) else None
                declared = parameters.get(name) if isinstance(parameters, Mapping) else None
                if isinstance(declared, Mapping):
                    return declared.get("default")
        return None

    def locate(self, name: str, role: str = "") -> tuple[Location, ...]:
        """Where a parameter is set that counts; else where it is declared; empty if nowhere."""
        if role and name in self.role_parameters(role):
            settings = self.environment.history(f"{role}Parameters")
            if settings:
                last = settings[-1]
                return (last.layer.document.locate(last.section, last.name, name),)
        place = self.environment.locate(name)
        if place:
            return (place,)
        for parameter in self._declared.get(name, ()):
            location = parameter.site.location()
            if location:
                return (location,)
        return ()

    def settings(self, name: str) -> tuple[Setting, ...]:
        """Every setting of a parameter by a file, generated ones left out."""
        return tuple(
            one for one in self.environment.history(name) if one.layer.origin is not Origin.GENERATED
        )

    def is_hidden(self, name: str) -> bool:
        """Whether a parameter's value may not be shown."""
        declared = self._declared.get(name, ())
        return any(parameter.hidden for parameter in declared) or passwords.is_password(name)

    @functools.cached_property
    def set_by_operator(self) -> list[str]:
        """The parameters that a file of the operator's own sets."""
        return sorted(
            {
                name
                for layer in self.environment.layers
                if is_operators(layer.path)
                for section in ("parameter_defaults", "parameters")
                for name in layer.section(section)
                if isinstance(name, str)
            }
        )

    @functools.cached_property
    def set_by_file(self) -> list[str]:
        """The parameters that any file sets, the operator's own or one of the templates'."""
        return sorted(
            {
                name
                for layer in self.environment.layers
                if layer.path and layer.origin is not Origin.GENERATED
                for section in ("parameter_defaults", "parameters")
                for name in layer.section(section)
                if isinstance(name, str)
            }
        )

    @property
    def has_operator_file(self) -> bool:
        """Whether anything stands in a file of the operator's own, outside of the template tree."""
        return any(is_operators(layer.path) for layer in self.environment.layers if layer.path)

    # -- the whole tree ------------------------------------------------------------------------------------

    @functools.cached_property
    def known_parameters(self) -> frozenset[str]:
        """The names of all parameters that any template of the tree declares, used in this plan or not."""
        names = set(self._declared)
        for path in self._texts():
            text = self.plan.tree[path].text
            if "heat_template_version" in text:
                names |= _parameter_names(text)
        return frozenset(names)

    @functools.cached_property
    def known_types(self) -> frozenset[str]:
        """Every resource type that stands anywhere in the tree: in registries, roles and templates."""
        found: set[str] = set()
        for path in self._texts():
            found.update(_TYPE.findall(self.plan.tree[path].text))
        for services in self.listed.values():
            found.update(services)
        return frozenset(found)

    @functools.cached_property
    def service_networks(self) -> frozenset[str]:
        """The keys that ServiceNetMap may have: those of its defaults, and every one that a template names."""
        found: set[str] = set()
        for parameter in self._declared.get("ServiceNetMapDefaults", ()):
            found.update(parameter.default if isinstance(parameter.default, dict) else ())
        for path in self._texts():
            found.update(_NETWORK_KEY.findall(self.plan.tree[path].text))
        return frozenset(found)

    def _texts(self) -> Iterable[str]:
        """Files of the tree that are text; the operator's environments are not among them."""
        own = {layer.path for layer in self.environment.layers if is_operators(layer.path)}
        for path in self.plan.tree:
            if not path.endswith((".yaml", ".template")) or path in own:
                continue
            try:
                self.plan.tree[path]
            except UndercloudError:
                continue
            yield path


def is_operators(path: str) -> bool:
    """Whether a path of the tree is of a file that does not come with the templates."""
    return path.startswith("/")


def _chain(chain: ResourceChain) -> Iterable[Service]:
    """The services of one role's chain; the role is the parameter RoleName of the stack around it."""
    role = str(chain.scope.parameters.get("RoleName") or "")
    for member in chain.tree().values():
        yield _service(member, role)


def _service(member: Resource, role: str) -> Service:
    if isinstance(member, TemplateResource):
        return Service(member.definition.type, role, member.nested_template.base, member)
    return Service(member.definition.type, role, "")


def _baremetal_counts(plan: Plan) -> dict[str, int] | None:
    """Role → nodes that the deployment file says; None where there is no such file."""
    value = plan.baremetal.value if plan.baremetal else None
    if not isinstance(value, list):
        return None
    found = {}
    for entry in value:
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
            count = entry.get("count", 1)
            found[entry["name"]] = count if isinstance(count, int) else 1
    return found


def _parameter_names(text: str) -> set[str]:
    """The names in the section ``parameters`` of a template's text.

    Read by lines, for parsing a thousand templates would take longer than everything else.
    """
    match = re.search(r"^parameters:[^\n]*\n((?:[ \t#][^\n]*\n|\n)*)", text, re.MULTILINE)
    if not match:
        return set()
    body = match.group(1)
    first = _NAME.search(body)
    if not first:
        return set()
    indent = len(first.group(0)) - len(first.group(0).lstrip(" "))
    return {
        found.group(1)
        for found in _NAME.finditer(body)
        if len(found.group(0)) - len(found.group(0).lstrip(" ")) == indent
    }
