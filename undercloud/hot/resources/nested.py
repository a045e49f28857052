"""A resource that a template implements: a stack of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from undercloud.hot.expressions import Const
from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.functions.references import select
from undercloud.hot.parameters import NotConvertible
from undercloud.hot.registry import Target
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.holder import StackHolder
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import ResourceDefinition, Template
from undercloud.hot.values import OMIT
from undercloud.plan.names import did_you_mean

if TYPE_CHECKING:
    from undercloud.hot.run import Run


class TemplateResource(StackHolder):
    """Properties become the parameters of the nested stack, its outputs the attributes."""

    __slots__ = ("nested_template", "target")

    def __init__(
        self, scope: StackScope, definition: ResourceDefinition, target: Target, template: Template
    ) -> None:
        super().__init__(scope, definition, definition.type)
        self.target = target
        self.nested_template = template

    def _make_child(self) -> StackScope:
        scope, run = self.scope, self.scope.run
        binding = run.binding(self.nested_template)
        values = binding.values.copy()
        faulty: set[str] = set(binding.faulty)
        given: set[str] = set()
        parameters = self.nested_template.parameters
        normaliser = run.normaliser
        for name, expr in self.definition.properties.items():
            parameter = parameters.get(name)
            if parameter is None:
                scope.tell(self.unknown_property(name, parameters), self.name)
                continue
            try:
                raw = expr.value if type(expr) is Const else expr(scope)  # type: ignore[operator]
                if raw is OMIT:
                    continue
                given.add(name)
                values[name] = value = parameter.convert_property(raw, normaliser)
                if parameter.constraints:
                    run.check(parameter, value)
                continue
            except NotConvertible as error:
                message = f"the property {name} of {self.name} is no {parameter.type}: {error}"
                scope.tell(self._property_fault("HOT-043", message, name), self.name)
            except Fault as fault:
                if fault.code == "HOT-013":
                    fault = self._property_fault("HOT-013", fault.message, name)
                scope.tell(fault, self.name)
            except Reported:
                pass
            given.add(name)
            values.pop(name, None)
            faulty.add(name)
        self.tell_unbound(binding, given)
        faulty |= binding.required - given
        return StackScope(
            run,
            self.nested_template,
            values,
            path=self.path,
            registry=scope.registry.inside(self.name, self.target),
            make=scope.make,
            faulty=frozenset(faulty),
            templates=(*scope.templates, self.nested_template.base),
            facade_resource=self,
        )

    def _property_fault(self, code: str, message: str, name: str) -> Fault:
        site = self.definition.site.below("properties", name)
        return Fault(code, message, site, parameters=(name,))

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """An output of the nested stack, or ``resource.NAME.ATTRIBUTE`` inside it."""
        if not isinstance(name, str):
            raise Fault("HOT-031", f"the name of an attribute of {self.name} is not text", site)
        if name.startswith("resource."):
            return inner_attribute(self.child(), name, path, site)
        if name not in self.nested_template.outputs:
            if name == "show":
                return None
            raise self._unknown_output(name, site)
        value = self.child().output(name)
        return select(value, path) if path else value

    def _unknown_output(self, name: str, site: Site) -> Exception:
        document = self.nested_template.document
        content = document.value if document else None
        declared = content.get("outputs") if isinstance(content, dict) else None
        if isinstance(declared, dict) and name in declared:
            return Reported()
        hint = did_you_mean(name, self.nested_template.outputs)
        message = f"{self.name} ({self.nested_template.base}) has no output {name}"
        return Fault("HOT-031", message, site, fix=hint)

    def attributes(self, site: Site) -> dict[str, Any]:
        """All outputs."""
        return {name: self.attribute(name, (), site) for name in self.nested_template.outputs}

    def reference(self, site: Site) -> Any:
        """The ARN of the nested stack, or its output ``OS::stack_id``."""
        if "OS::stack_id" in self.nested_template.outputs:
            return self.attribute("OS::stack_id", (), site)
        return arn(self.scope.run, self.path)

    def realise(self) -> None:
        """Work out the nested stack."""
        with self.scope.told(self.name):
            self.child().realise()
        self.realise_parts()

    def tree(self) -> dict[str, Resource]:
        """The resources of the nested stack."""
        return {member.name: member for member in self._child.members()} if self._child else {}


def arn(run: Run, path: tuple[str, ...]) -> str:
    """How Heat names a nested stack to the stack around it."""
    return f"arn:openstack:heat::{run.project}:stacks/{run.stack_name(path)}/{run.identifier(path)}"


def inner_attribute(scope: StackScope, name: str, path: tuple[Any, ...], site: Site) -> Any:
    """``resource.NAME`` (a reference) or ``resource.NAME.ATTRIBUTE`` of a resource inside a stack."""
    _, member, *rest = name.split(".", 2)
    resource = scope.resource(member, site)
    keys = (*rest, *path)
    return resource.attribute(keys[0], keys[1:], site) if keys else resource.identity(site)
