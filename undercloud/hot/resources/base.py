"""What every resource has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from undercloud.hot.expressions import Const, Expr, code_of, evaluate
from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.functions.references import select
from undercloud.hot.properties import BadProperty, Property, coerce, fallback
from undercloud.hot.template import DELETE, DELETION_POLICIES, NO_POLICY, ResourceDefinition
from undercloud.hot.values import OMIT, shown
from undercloud.plan.names import did_you_mean

if TYPE_CHECKING:
    from undercloud.hot.stacks import StackScope

_FAULTY: Any = object()
_RUNNING: Any = object()


class Resource:
    """One resource of a stack. Attributes and properties are worked out when they are asked for, once.

    Subclasses state their ``schema`` (property name → Property) and ``attribute_names``, and give values in
    :meth:`attribute_value`. ``any_attribute``: attributes are not checked against the names.
    ``update_schema``: the keys of ``update_policy``, None where any will do. ``can_snapshot``: whether the
    deletion policy Snapshot is one for the type.
    """

    schema: ClassVar[Mapping[str, Property]] = {}
    attribute_names: ClassVar[tuple[str, ...]] = ()
    any_attribute: ClassVar[bool] = False
    update_schema: ClassVar[Mapping[str, Property] | None] = {}
    can_snapshot: ClassVar[bool] = False

    __slots__ = ("_values", "definition", "kind", "scope")

    def __init__(self, scope: StackScope, definition: ResourceDefinition, kind: str) -> None:
        self.scope = scope
        self.definition = definition
        self.kind = kind
        self._values: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The resource's name in its stack."""
        return self.definition.name

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the root stack down to this resource."""
        return (*self.scope.path, self.definition.name)

    def raw(self, name: str) -> Any:
        """The evaluated value of a given property, or OMIT; raises Reported."""
        expr = self.definition.properties.get(name)
        if expr is None:
            return OMIT
        try:
            return code_of(expr)(self.scope)
        except Fault as fault:
            raise self.scope.tell(fault, self.name) from None

    def property(self, name: str) -> Any:
        """The value of a property, in shape, or its default; raises Reported."""
        value = self._values.get(name)
        if value is None and name not in self._values:
            self._values[name] = _RUNNING
            value = self._values[name] = self._shaped(name)
        if value is _RUNNING:
            raise self.scope.circle(self.name, self.definition.site)
        if value is _FAULTY:
            raise Reported
        return value

    def _shaped(self, name: str) -> Any:
        schema = self.schema[name]
        try:
            raw = self.raw(name)
            if raw is not OMIT:
                return self.coerced(name, schema, raw)
            if schema.required:
                self.scope.tell(self._unassigned(name), self.name)
                return _FAULTY
            return fallback(schema)
        except BadProperty as error:
            message = f"the property {name} of {self.name} does not fit: {error.message}"
            site = self.definition.site.below("properties", name)
            self.scope.tell(Fault(error.code, message, site.below(*error.path)), self.name)
        except Reported:
            pass
        return _FAULTY

    def coerced(self, name: str, schema: Property, raw: Any) -> Any:  # noqa: ARG002 - for subclasses
        """A property's value in the shape of its schema; raises BadProperty."""
        return coerce(schema, raw)

    def _unassigned(self, name: str) -> Fault:
        message = f"{self.name} ({self.kind}) needs the property {name}"
        return Fault("HOT-042", message, self.definition.site, fix=f"Add {name} below its properties.")

    def unknown_property(self, name: str, known: Mapping[str, Any]) -> Fault:
        """The fault of a property that the type does not have."""
        site = self.definition.site.below("properties", name)
        message = f"{self.name} ({self.kind}) has no property {name}"
        return Fault("HOT-041", message, site, fix=did_you_mean(name, known))

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """An attribute, or what a path selects in it; raises Fault or Reported."""
        if not isinstance(name, str):
            raise Fault("HOT-031", f"the name of an attribute of {self.name} is not text", site)
        if not self.any_attribute and name not in self.attribute_names and name != "show":
            raise self.unknown_attribute(name, site)
        value = None if name == "show" else self.attribute_value(name)
        return select(value, path) if path else value

    def unknown_attribute(self, name: str, site: Site) -> Fault:
        """The fault of an attribute that the resource does not have."""
        hint = did_you_mean(name, self.attribute_names)
        return Fault("HOT-031", f"{self.name} ({self.kind}) has no attribute {name}", site, fix=hint)

    def attributes(self, site: Site) -> dict[str, Any]:
        """All attributes."""
        return {name: self.attribute(name, (), site) for name in self.attribute_names}

    def attribute_value(self, name: str) -> Any:  # noqa: ARG002 - for subclasses
        """The value of an attribute that the type has; None if it is not known before deployment."""
        return None

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - for subclasses
        """What ``get_resource`` gives: the name of the physical resource."""
        return self.scope.run.stack_name(self.path)

    def identity(self, site: Site) -> Any:
        """What ``get_resource`` gives: the ``external_id`` of what is there already, else the reference."""
        external = self.definition.external_id
        return self.reference(site) if external is None else evaluate(external, self.scope)

    def facade_part(self, part: str) -> Any:
        """``metadata``, ``deletion_policy`` or ``update_policy``; raises Reported."""
        expr: Expr = getattr(self.definition, part)
        try:
            return evaluate(expr, self.scope)
        except Fault as fault:
            raise self.scope.tell(fault, self.name) from None

    def realise(self) -> None:
        """Work everything out, so that its mistakes are found."""
        for name in self.definition.properties:
            if name not in self.schema:
                self.scope.tell(self.unknown_property(name, self.schema), self.name)
        for name in self.schema:
            try:
                self.property(name)
            except Reported:
                continue
        self.realise_parts()

    def realise_parts(self) -> None:
        """Work out metadata, policies and identifier, and check the policies."""
        definition = self.definition
        with self.scope.told(self.name):
            if definition.external_id is not None:
                evaluate(definition.external_id, self.scope)
        if type(definition.metadata) is not Const:
            with self.scope.told(self.name):
                self.facade_part("metadata")
        if definition.deletion_policy is not DELETE:
            with self.scope.told(self.name):
                self._check_deletion_policy(self.facade_part("deletion_policy"))
        if definition.update_policy is not NO_POLICY:
            with self.scope.told(self.name):
                self._check_update_policy(self.facade_part("update_policy"))

    def _check_deletion_policy(self, policy: Any) -> None:
        site = self.definition.site.below("deletion_policy")
        name = policy.capitalize() if isinstance(policy, str) else policy
        if name not in DELETION_POLICIES:
            fix = f"Use {', '.join(DELETION_POLICIES)}."
            raise Fault("HOT-007", f"{shown(policy)} is not a deletion policy", site, fix=fix)
        if name == "Snapshot" and not self.can_snapshot:
            wrong = f"{self.name} ({self.kind}) cannot be kept as a snapshot"
            raise Fault("HOT-007", wrong, site, fix="Use Delete or Retain.")

    def _check_update_policy(self, policy: Any) -> None:
        if self.update_schema is None:
            return
        try:
            coerce(Property("map", keys=self.update_schema), policy)
        except BadProperty as error:
            site = self.definition.site.below("update_policy", *error.path)
            message = f"the update_policy of {self.name} does not fit: {error.message}"
            raise Fault(error.code, message, site) from None

    def tree(self) -> dict[str, Resource]:
        """The resources of the stack below this one, if it is made of others."""
        return {}
