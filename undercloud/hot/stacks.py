"""A stack while it is evaluated: its parameters, conditions, resources and outputs, each worked out once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import UndercloudError
from undercloud.hot.expressions import evaluate
from undercloud.hot.faults import NOWHERE, Fault, Reported, Site
from undercloud.hot.functions.conditions import holds
from undercloud.hot.registry import Registry
from undercloud.hot.resources.base import Resource
from undercloud.hot.run import Run
from undercloud.hot.template import ResourceDefinition, Template, cycle_fault, cycles, needs, unknown_resource
from undercloud.hot.values import Normaliser, shown
from undercloud.plan.names import did_you_mean

MakeResource = Callable[["StackScope", ResourceDefinition], Resource]

_FAULTY: Any = object()
_RUNNING: Any = object()


class Parameters(dict[str, Any]):
    """Parameter values; the pseudo parameters are made when they are asked for."""

    def __init__(self, values: Mapping[str, Any], run: Run, path: tuple[str, ...]) -> None:
        super().__init__(values)
        self._run = run
        self._path = path

    def __missing__(self, name: str) -> Any:
        if name == "OS::stack_name":
            value = self._run.stack_name(self._path)
        elif name == "OS::stack_id":
            value = self._run.identifier(self._path)
        elif name == "OS::project_id":
            value = self._run.project
        else:
            raise KeyError(name)
        self[name] = value
        return value


class StackScope:
    """One stack being evaluated; what expressions see of it (``scope.Scope``).

    ``faulty`` are parameters whose value could not be had for a reason that is told already.
    """

    __slots__ = (
        "_conditions",
        "_outputs",
        "_resources",
        "facade_resource",
        "faulty",
        "make",
        "normaliser",
        "parameters",
        "path",
        "registry",
        "run",
        "template",
        "templates",
    )

    def __init__(
        self,
        run: Run,
        template: Template,
        values: Mapping[str, Any],
        *,
        path: tuple[str, ...],
        registry: Registry,
        make: MakeResource,
        faulty: frozenset[str] = frozenset(),
        templates: tuple[str, ...] = (),
        facade_resource: Resource | None = None,
    ) -> None:
        """``templates`` are the paths of the templates of this stack and those around it."""
        self.run = run
        self.template = template
        self.parameters: dict[str, Any] = Parameters(values, run, path)
        self.normaliser: Normaliser = run.normaliser
        self.path = path
        self.registry = registry
        self.make = make
        self.faulty = faulty
        self.templates = templates
        self.facade_resource = facade_resource
        self._conditions: dict[str, Any] = {}
        self._resources: dict[str, Resource | None] = {}
        self._outputs: dict[str, Any] = {}

    @contextlib.contextmanager
    def told(self, *via: str) -> Iterator[None]:
        """Report a fault of the block and go on."""
        try:
            yield
        except Fault as fault:
            self.run.findings.add(fault, (*self.path, *via))
        except Reported:
            pass

    def tell(self, fault: Fault, *via: str) -> Reported:
        """Report a fault; the exception to raise after it."""
        self.run.findings.add(fault, (*self.path, *via))
        return Reported()

    def circle(self, name: str, site: Site) -> Reported:
        """Report that a resource needs itself, unless the template's check tells how; what to raise."""
        if name in self.template.circular or name in self.template.suspects:
            return Reported()
        return self.tell(cycle_fault([name], site), name)

    def missing_parameter(self, name: str, site: Site) -> Exception:
        """The exception for a parameter without a value."""
        if name in self.faulty or name in self.template.parameters:
            return Reported()
        hint = did_you_mean(str(name), self.template.parameters) or "Declare it under parameters."
        return Fault("HOT-032", f"the template has no parameter {shown(name)}", site, fix=hint)

    def condition(self, name: Any, site: Site) -> bool:
        """Whether a named condition holds."""
        if name is None or name is True:
            return True
        if name is False:
            return False
        if not isinstance(name, str) or name not in self.template.conditions:
            hint = did_you_mean(str(name), self.template.conditions)
            fix = hint or "A condition is a boolean or the name of an entry of conditions."
            raise Fault("HOT-034", f"{shown(name)} is not a condition of this template", site, fix=fix)
        known = self._conditions.get(name)
        if known is None:
            known = self._named_condition(name, site)
        if known is _RUNNING:
            self._conditions[name] = _FAULTY
            raise Fault("HOT-035", f"the condition {name} is defined by itself", site, fix="Cut the circle.")
        if known is _FAULTY:
            raise Reported
        return known  # type: ignore[no-any-return]

    def _named_condition(self, name: str, site: Site) -> Any:
        self._conditions[name] = _RUNNING
        value = _FAULTY
        with self.told():
            result = evaluate(self.template.conditions[name], self)
            if not isinstance(result, bool):
                place = Site(self.template.document, ((None, "conditions"), name))
                message = f"the condition {name} gives {shown(result)}, neither true nor false"
                raise Fault("HOT-034", message, place if self.template.document else site)
            value = result
        self._conditions[name] = value
        return value

    def resource(self, name: Any, site: Site) -> Resource:
        """The enabled resource of a name; raises Fault if there is none."""
        try:
            found = self._resources[name]
        except (KeyError, TypeError):
            found = self._make(name, site)
        if found is None:
            raise Fault(
                "HOT-036",
                f"the resource {name} is left out by its condition",
                site,
                fix="Put the reference into an if of the same condition.",
            )
        return found

    def _make(self, name: Any, site: Site) -> Resource | None:
        definition = self.template.resources.get(name) if isinstance(name, str) else None
        if definition is None:
            if isinstance(name, str) and self._declared(name):
                raise Reported
            raise unknown_resource(name, site, self.template.resources)
        enabled = True
        if definition.condition is not None:
            enabled = holds(evaluate(definition.condition, self), self, definition.site.below("condition"))
        made: Resource | None = None
        if enabled:
            if not self.run.count_resource():
                raise Fault("HOT-052", f"there are more than {self.run.limits.resources} resources", site)
            made = self.make(self, definition)
        self._resources[name] = made
        return made

    def _declared(self, name: str) -> bool:
        content = self.template.document.value if self.template.document else None
        section = content.get("resources") if isinstance(content, dict) else None
        return isinstance(section, dict) and name in section

    def has_resource(self, name: Any) -> bool:
        """Whether the template has an enabled resource of that name."""
        if name not in self.template.resources:
            return False
        with contextlib.suppress(Fault, Reported):
            self.resource(name, NOWHERE)
            return True
        return False

    def members(self) -> Iterator[Resource]:
        """All enabled resources; a fault in a condition is reported."""
        for name in self.template.resources:
            try:
                found = self._resources[name] if name in self._resources else self._make(name, NOWHERE)
            except Fault as fault:
                self.tell(fault, name)
            except Reported:
                pass
            else:
                if found is not None:
                    yield found

    def file(self, reference: str, base: str, site: Site) -> str:
        """The text of a file of the tree."""
        path = self.run.find(reference, base)
        if path is None:
            fix = "The path is relative to the template; add the file or mend the path."
            raise Fault("HOT-033", f"there is no file {shown(reference)}", site, fix=fix)
        try:
            return self.run.tree[path].text
        except UndercloudError as error:
            self.run.findings.adopt(error.findings, self.path)
            raise Reported from None

    def facade(self, part: str, site: Site) -> Any:
        """A part of the resource that this stack implements."""
        if self.facade_resource is None:
            raise Fault("HOT-022", "the root template stands for no resource", site)
        return self.facade_resource.facade_part(part)

    def output(self, name: str) -> Any:
        """The value of an output; None if its condition does not hold. Raises KeyError, or Reported."""
        value = self._outputs.get(name)
        if value is None:
            if name in self._outputs:
                return None
            value = self._output(name)
        if value is _FAULTY:
            raise Reported
        if value is _RUNNING:
            site = self.template.outputs[name].site
            raise Fault(
                "HOT-050", f"the output {name} needs itself, by way of the resources that use it", site
            )
        return value

    def _output(self, name: str) -> Any:
        output = self.template.outputs[name]
        self._outputs[name] = _RUNNING
        value = _FAULTY
        try:
            if output.condition is not None and not holds(
                evaluate(output.condition, self), self, output.site.below("condition")
            ):
                value = None
            else:
                value = evaluate(output.value, self)
                if self.normaliser.odd_keys:
                    value = self.normaliser.plain(value)
        except Fault as fault:
            self.tell(fault)
        except Reported:
            pass
        self._outputs[name] = value
        return value

    def realise(self) -> None:
        """Work out every resource, so that all mistakes are found. A condition counts only if it is used."""
        for member in self.members():
            member.realise()
        if self.template.suspects:
            self._check_suspects()

    def _check_suspects(self) -> None:
        """Whether resources need each other by the branches that are taken, though no value goes round."""
        resources = self.template.resources
        taken: dict[str, list[str]] = {}
        for name in self.template.suspects:
            watch = _Watch(self)
            for expr in (*resources[name].properties.values(), resources[name].metadata):
                with contextlib.suppress(Fault, Reported):
                    evaluate(expr, watch)
            taken[name] = watch.seen
        for cycle in cycles(needs(resources, taken)):
            self.tell(cycle_fault(cycle, resources[cycle[0]].site))


class _Watch:
    """A stack's scope that notes which resources are asked for."""

    def __init__(self, scope: StackScope) -> None:
        self.seen: list[str] = []
        self._scope = scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scope, name)

    def resource(self, name: Any, site: Site) -> Resource:
        """The resource, noted."""
        self.seen.append(name)
        return self._scope.resource(name, site)
