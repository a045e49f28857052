"""OS::Heat::Stack: a stack from a template that is given as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from undercloud.diagnostics import UndercloudError
from undercloud.hot import properties as props
from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.functions.references import select
from undercloud.hot.parameters import NotConvertible
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.holder import StackHolder
from undercloud.hot.resources.nested import arn, inner_attribute
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import compile_template
from undercloud.plan.documents import parse


class StackResource(StackHolder):
    """The template's text is evaluated as a stack of its own; its outputs are in ``outputs``."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "template": props.text(required=True),
        "parameters": props.Property("map", default={}),
        "context": props.MAP,
        "timeout": props.INTEGER,
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("stack_name", "outputs")

    __slots__ = ()

    def _make_child(self) -> StackScope:
        scope, run = self.scope, self.scope.run
        if len(self.path) > run.limits.nested_depth:
            message = f"stacks are nested more than {run.limits.nested_depth} deep"
            raise scope.tell(Fault("HOT-051", message, self.definition.site), self.name)
        label = "/".join(self.path) + "/template"
        try:
            document = parse(self.property("template"), label)
        except UndercloudError as error:
            run.findings.adopt(error.findings, self.path)
            raise Reported from None
        template = compile_template(document, scope.template.base)
        run.tell(template, self.path)
        binding = run.binding(template)
        values, faulty, given = dict(binding.values), set(binding.faulty), self.property("parameters")
        for name, raw in given.items():
            parameter = template.parameters.get(name)
            if parameter is None:
                scope.tell(self.unknown_property(name, template.parameters), self.name)
                continue
            try:
                values[name] = run.converted(parameter, raw)
            except (Fault, NotConvertible) as error:
                faulty.add(name)
                if isinstance(error, Fault):
                    scope.tell(error, self.name)
        self.tell_unbound(binding, set(given))
        faulty |= binding.required - set(given)
        return StackScope(
            run,
            template,
            values,
            path=self.path,
            registry=scope.registry,
            make=scope.make,
            faulty=frozenset(faulty),
            templates=scope.templates,
        )

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """``outputs``, ``stack_name``, or an output by its own name."""
        if isinstance(name, str) and name.startswith("resource."):
            return inner_attribute(self.child(), name, path, site)
        if name == "outputs" and path and path[0] in self.child().template.outputs:
            return select(self.child().output(path[0]), path[1:])
        return super().attribute(name, path, site)

    def attribute_value(self, name: str) -> Any:
        """``stack_name``, or all ``outputs``."""
        if name == "stack_name":
            return self.scope.run.stack_name(self.path)
        child = self.child()
        return {output: child.output(output) for output in child.template.outputs}

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """The identifier of the stack."""
        return arn(self.scope.run, self.path)

    def realise(self) -> None:
        """Work out the stack."""
        super().realise()
        with self.scope.told(self.name):
            self.child().realise()

    def tree(self) -> dict[str, Resource]:
        """The stack's resources."""
        return {member.name: member for member in self._child.members()} if self._child else {}
