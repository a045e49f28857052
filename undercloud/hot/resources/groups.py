"""Resources that are stacks of like resources: groups, chains, deployments to many servers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from undercloud.hot import properties as props
from undercloud.hot.expressions import Const, Expr
from undercloud.hot.faults import Fault, Site
from undercloud.hot.functions.references import select
from undercloud.hot.registry import Target
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.holder import StackHolder
from undercloud.hot.resources.nested import inner_attribute
from undercloud.hot.resources.software import DEPLOYMENT
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import ResourceDefinition, Template, new_compiler
from undercloud.hot.values import is_list
from undercloud.hot.versions import VERSIONS
from undercloud.plan.secrets import secret_if

_MEMBER_VERSION = VERSIONS["2015-04-30"]
"""Heat writes the members of groups into templates of this version."""

Fill = Callable[[str], Any]

_BATCH = {
    "max_batch_size": props.Property("integer", default=1).limited(range={"min": 1}),
    "pause_time": props.Property("number", default=0).limited(range={"min": 0}),
}
_IN_SERVICE = {"min_in_service": props.Property("integer", default=0).limited(range={"min": 0})}


class Group(StackHolder):
    """What groups share: a stack of members, and attributes gathered from them."""

    any_attribute: ClassVar[bool] = True

    __slots__ = ()

    def _make_child(self) -> StackScope:
        try:
            return self._stack_of_members()
        except Fault as fault:
            raise self.scope.tell(fault, self.name) from None

    def _stack_of_members(self) -> StackScope:
        scope = self.scope
        members = {definition.name: definition for definition in self.member_definitions()}
        template = Template(None, scope.template.base, _MEMBER_VERSION, resources=members)
        return StackScope(
            scope.run,
            template,
            {},
            path=self.path,
            registry=scope.registry.inside(self.name, Target(type=self.kind)),
            make=scope.make,
            templates=scope.templates,
            facade_resource=self,
        )

    def member_definitions(self) -> Iterator[ResourceDefinition]:
        """The members; raises Fault or Reported."""
        raise NotImplementedError

    def member(
        self, name: str, kind: str, values: Mapping[str, Expr], metadata: Any = None
    ) -> ResourceDefinition:
        """The definition of one member; its faults are told at the group's place."""
        return ResourceDefinition(name, kind, self.definition.site, values, Const(metadata or {}))

    def each(self, attribute: str, path: tuple[Any, ...], site: Site) -> dict[str, Any]:
        """An attribute of every member."""
        child = self.child()
        return {
            name: child.resource(name, site).attribute(attribute, path, site)
            for name in child.template.resources
        }

    def references(self, site: Site) -> dict[str, Any]:
        """The reference of every member."""
        child = self.child()
        return {name: child.resource(name, site).identity(site) for name in child.template.resources}

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """``refs``, ``refs_map``, ``attributes``, ``resource.N…``, or a list with each member's attribute."""
        if not isinstance(name, str):
            raise Fault("HOT-031", f"the name of an attribute of {self.name} is not text", site)
        if name.startswith("resource."):
            return inner_attribute(self.child(), name, path, site)
        if name == "refs":
            return select(list(self.references(site).values()), path)
        if name == "refs_map" and "refs_map" in self.attribute_names:
            return self.references(site)
        if name == "attributes":
            if not path:
                fix = "Write get_attr: [GROUP, attributes, ATTRIBUTE]."
                raise Fault("HOT-031", "attributes needs the name of an attribute", site, fix=fix)
            return self.each(path[0], path[1:], site)
        if name in self.attribute_names:
            return self.attribute_value(name)
        return list(self.each(name, path, site).values())

    def attributes(self, site: Site) -> dict[str, Any]:
        """The attributes that need no argument."""
        return {name: self.attribute(name, (), site) for name in self.attribute_names if name != "attributes"}

    def reference(self, site: Site) -> Any:  # noqa: ARG002 - the same for every place
        """The identifier of the stack of members."""
        return self.scope.run.identifier(self.path)

    def realise(self) -> None:
        """Work out the group and its members."""
        super().realise()
        with self.scope.told(self.name):
            self.child().realise()

    def tree(self) -> dict[str, Resource]:
        """The members."""
        return {member.name: member for member in self._child.members()} if self._child else {}


class ResourceGroup(Group):
    """OS::Heat::ResourceGroup."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "count": props.Property("integer", default=1).limited(range={"min": 0}),
        "index_var": props.text("%index%").limited(length={"min": 3}),
        "resource_def": props.map_of(
            required=True, type=props.text(required=True), properties=props.MAP, metadata=props.MAP
        ),
        "removal_policies": props.list_of(props.map_of(resource_list=props.Property("list", default=[])), []),
        "removal_policies_mode": props.text("append").limited(allowed_values=["append", "update"]),
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("refs", "refs_map", "attributes", "removed_rsrc_list")
    update_schema: ClassVar[Mapping[str, props.Property] | None] = {
        "rolling_update": props.Property("map", keys={**_BATCH, **_IN_SERVICE}),
        "batch_create": props.Property("map", keys=_BATCH),
    }

    __slots__ = ()

    def removed(self) -> tuple[str, ...]:
        """Names that are never used again: those removed before and those removed now; raises Reported."""
        now = {str(item) for policy in self.property("removal_policies") for item in policy["resource_list"]}
        before = self.scope.run.removed.get("/".join(self.path), ())
        if self.property("removal_policies_mode") == "append":
            now.update(before)
        return tuple(sorted(now))

    def member_names(self) -> list[str]:
        """The names of the members: numbers from 0, without the removed ones; raises Fault or Reported."""
        count, limit = self.property("count"), self.scope.run.limits.member_count
        if count > limit:
            site = self.definition.site.below("properties", "count")
            raise Fault("HOT-052", f"{self.name} would have {count} members; the limit is {limit}", site)
        removed = set(self.removed())
        candidates = (name for name in map(str, itertools.count()) if name not in removed)
        return list(itertools.islice(candidates, count))

    def member_definitions(self) -> Iterator[ResourceDefinition]:
        """One definition for each name, the index filled in."""
        names = self.member_names()
        if not names:
            return
        resource_def = self.property("resource_def")
        variable = self.property("index_var")
        given = resource_def["properties"] or {}
        fills = {key: indexed(value, variable) for key, value in given.items() if value is not None}
        kind, metadata = resource_def["type"], resource_def["metadata"]
        parse = member_parser(list(given.values()), self.scope.template.base)
        for name in names:
            values = {key: parse(fill(name) if callable(fill) else fill.value) for key, fill in fills.items()}
            yield self.member(name, kind, values, metadata)

    def attribute_value(self, name: str) -> Any:
        """``removed_rsrc_list``."""
        return list(self.removed()) if name == "removed_rsrc_list" else None


def indexed(value: Any, variable: str) -> Const | Fill:
    """A value as a constant, or as a function of the member's name where the variable stands in it."""
    if isinstance(value, str) and variable in value:
        return lambda name: secret_if(value.replace(variable, name), value)
    if isinstance(value, Mapping):
        parts: dict[Any, Const | Fill] = {key: indexed(item, variable) for key, item in value.items()}
        fills = [(key, part) for key, part in parts.items() if not isinstance(part, Const)]
        if not fills:
            return Const(value)

        def fill_map(name: str) -> dict[Any, Any]:
            result = dict(value)
            result.update((key, fill(name)) for key, fill in fills)
            return result

        return fill_map
    if is_list(value):
        return _indexed_list([indexed(item, variable) for item in value], value)
    return Const(value)


def _indexed_list(items: list[Const | Fill], value: Any) -> Const | Fill:
    fills = [(index, item) for index, item in enumerate(items) if not isinstance(item, Const)]
    if not fills:
        return Const(value)

    def fill_list(name: str) -> list[Any]:
        result = list(value)
        for index, fill in fills:
            result[index] = fill(name)
        return result

    return fill_list


def member_parser(values: list[Any], base: str) -> Callable[[Any], Expr]:
    """How the properties of members become expressions.

    They are values already, but Heat writes them into a template and reads that again: a value that looks
    like a function is one there.
    """
    if not any(_looks_like_function(value) for value in values):
        return Const
    compiler = new_compiler(_MEMBER_VERSION, None, base)
    return lambda value: compiler.compile(value, None)


def _looks_like_function(value: Any) -> bool:
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in _MEMBER_VERSION.functions:
            return True
        return any(_looks_like_function(item) for item in value.values())
    return isinstance(value, list) and any(_looks_like_function(item) for item in value)


class ResourceChain(Group):
    """OS::Heat::ResourceChain: one resource of each type, all with the same properties."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "resources": props.Property("list", required=True),
        "concurrent": props.Property("boolean", default=False),
        "resource_properties": props.MAP,
    }
    attribute_names: ClassVar[tuple[str, ...]] = ("refs", "attributes")

    __slots__ = ()

    def member_definitions(self) -> Iterator[ResourceDefinition]:
        """One definition for each type, named by its place in the list."""
        given = self.property("resource_properties") or {}
        parse = member_parser([given], self.scope.template.base)
        values = {key: parse(value) for key, value in given.items()}
        for index, kind in enumerate(self.property("resources")):
            if not isinstance(kind, str):
                site = self.definition.site.below("properties", "resources")
                raise Fault("HOT-043", f"the resource type number {index} is not text", site)
            yield self.member(str(index), kind, values)


class SoftwareDeploymentGroup(Group):
    """OS::Heat::SoftwareDeploymentGroup: one deployment for each entry of ``servers``."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        "servers": props.Property("map", required=True),
        **{name: schema for name, schema in DEPLOYMENT.items() if name != "server"},
    }
    attribute_names: ClassVar[tuple[str, ...]] = (
        "deploy_stdouts",
        "deploy_stderrs",
        "deploy_status_codes",
    )
    update_schema: ClassVar[Mapping[str, props.Property] | None] = {
        "rolling_update": props.Property("map", keys=_BATCH),
        "batch_create": props.Property("map", keys=_BATCH),
    }
    member_kind: ClassVar[str] = "OS::Heat::SoftwareDeployment"

    __slots__ = ()

    def member_definitions(self) -> Iterator[ResourceDefinition]:
        """One deployment for each server."""
        shared: dict[str, Expr] = {}
        for name in self.schema:
            if name != "servers":
                value = self.property(name)
                if value is not None:
                    shared[name] = Const(value)
        for name, server in self.property("servers").items():
            yield self.member(str(name), self.member_kind, {**shared, "server": Const(server)})

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """An attribute of every deployment, by the server's name."""
        if not isinstance(name, str):
            raise Fault("HOT-031", f"the name of an attribute of {self.name} is not text", site)
        single = {
            "deploy_stdouts": "deploy_stdout",
            "deploy_stderrs": "deploy_stderr",
            "deploy_status_codes": "deploy_status_code",
        }.get(name, name)
        return select(self.each(single, (), site), path)


class StructuredDeploymentGroup(SoftwareDeploymentGroup):
    """OS::Heat::StructuredDeploymentGroup."""

    schema: ClassVar[Mapping[str, props.Property]] = {
        **SoftwareDeploymentGroup.schema,
        "input_key": props.text("get_input"),
        "input_values_validate": props.text("LAX").limited(allowed_values=["LAX", "STRICT"]),
    }
    member_kind: ClassVar[str] = "OS::Heat::StructuredDeployment"

    __slots__ = ()

    def member_definitions(self) -> Iterator[ResourceDefinition]:
        """One deployment for each server."""
        yield from super().member_definitions()
