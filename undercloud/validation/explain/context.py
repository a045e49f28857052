"""One compiled plan as explanations look at it."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from undercloud.diagnostics import Location
from undercloud.hot.faults import Fault, Reported
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.stacks import StackScope
from undercloud.plan.environment import Environment
from undercloud.playbooks.compiler import Compilation, Contract
from undercloud.playbooks.desired import DesiredState, Origin
from undercloud.validation.composition import Composition
from undercloud.validation.diff.snapshot import Snapshot, of_compilation
from undercloud.validation.explain.settings import Settings
from undercloud.validation.explain.tracing import Tracer
from undercloud.validation.explain.veil import Veil


class Context:
    """The compilation that is asked about, and what answers need of it."""

    def __init__(self, compilation: Compilation) -> None:
        """The compilation got as far as a stack."""
        self.compilation = compilation
        self.composition = Composition(compilation.plan, compilation.stack, compilation.topology)
        self.veil = Veil(self.composition)
        root = compilation.stack.root
        assert root is not None, "the templates could be read"
        self.root: StackScope = root

    @property
    def environment(self) -> Environment:
        """The operator's and the templates' settings."""
        return self.compilation.plan.environment

    @property
    def is_native(self) -> bool:
        """Whether the plan is of our own contract."""
        return self.compilation.contract is Contract.NATIVE

    @functools.cached_property
    def desired(self) -> DesiredState | None:
        """The desired state; None for another contract than ours."""
        return self.compilation.lowered.desired if self.compilation.lowered else None

    @functools.cached_property
    def snapshot(self) -> Snapshot:
        """The plan as it is compared, without its parameters."""
        return of_compilation(self.compilation, self.composition, with_parameters=False)

    @property
    def settings(self) -> Settings:
        """Who set which parameter."""
        return Settings(self.environment, dict(self.root.run.defaults), self.veil)

    def tracer(self) -> Tracer:
        """A tracer that has drawn out nothing yet."""
        return Tracer(self.settings, self.veil)

    def hosts_of(self, role: str) -> tuple[str, ...]:
        """The names of a role's nodes."""
        topology = self.compilation.topology
        return tuple(host.name for host in topology.by_role.get(role, ())) if topology else ()

    def scopes(self) -> Iterator[StackScope]:
        """Every stack with a template, outermost first."""
        yield self.root
        for member in self.compilation.stack.walk():
            if isinstance(member, TemplateResource):
                try:
                    yield member.child()
                except (Fault, Reported):
                    continue

    def resource(self, path: tuple[str, ...]) -> Resource | None:
        """The resource at a path from the root stack, None if there is none."""
        members = {member.name: member for member in self.root.members()}
        found: Resource | None = None
        for name in path:
            found = members.get(name)
            if found is None:
                return None
            members = found.tree()
        return found

    def service_of(self, role: str, origin: Origin) -> TemplateResource | None:
        """The resource of a role's service that an entry of the desired state comes from."""
        for service in self.composition.services:
            if service.resource is not None and service.template == origin.template:
                path = service.resource.path
                if service.role == role or path[0] == f"{role}ServiceChain":
                    return service.resource
        return None


def place(resource: Resource) -> Location | None:
    """Where a resource is defined."""
    return resource.definition.site.location()
