"""From a value back to where it came from: through functions, nested stacks and parameters to the files.

The asked slice is evaluated again, piece by piece, in the stacks as they are: which branch an ``if`` took,
which of the merged maps gave the key. What a query (yaql) does with its data cannot be followed; there the
same value under the same keys in its data is taken for the origin, and if there is none, all of its data.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.groups import Group, ResourceChain, ResourceGroup
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.resources.simple import RandomString, Value
from undercloud.hot.stacks import StackScope
from undercloud.hot.values import OMIT
from undercloud.validation.explain import functions
from undercloud.validation.explain.functions import Keys, Links
from undercloud.validation.explain.model import Kind, Link, with_links
from undercloud.validation.explain.settings import Settings
from undercloud.validation.explain.snippets import UNKNOWN, Snippet, at, follow
from undercloud.validation.explain.veil import Veil


class Tracer:
    """Traces values of one evaluated stack. The same link twice is drawn out once."""

    def __init__(self, settings: Settings, veil: Veil, most: int = 600) -> None:
        """``most`` is how many links are made at most."""
        self._settings = settings
        self._veil = veil
        self._seen: dict[Any, int] = {}
        self._left = most

    # -- expressions ---------------------------------------------------------------------------------------

    def expression(self, snippet: Snippet, path: Keys = ()) -> Links:
        """What the part of a snippet's value that ``path`` leads to comes from."""
        if self._left <= 0:
            return [Link(Kind.NOTE, "there is more, which is left out here")]
        name = snippet.function
        if name:
            return functions.HANDLERS.get(name, functions.any_function)(self, snippet, path)
        if isinstance(snippet.raw, dict):
            return self._map(snippet, path)
        if isinstance(snippet.raw, list):
            return self._list(snippet, path)
        return [] if path else [functions.literal(self, snippet)]

    def _map(self, snippet: Snippet, path: Keys) -> Links:
        if path:
            key = str(path[0])
            return next(
                (self.expression(item, path[1:]) for own, item in snippet.entries() if str(own) == key), []
            )
        return functions.parts(self, snippet)

    def _list(self, snippet: Snippet, path: Keys) -> Links:
        if not path:
            return functions.parts(self, snippet)
        kept = [item for _, item in snippet.entries() if item.value() is not OMIT]
        try:
            return self.expression(kept[int(path[0])], path[1:])
        except (IndexError, ValueError):
            return []

    def value_of(self, value: Any) -> Any:
        """A value, fit to print."""
        return self._veil.shown(None if value in (OMIT, UNKNOWN) else value)

    # -- resources -----------------------------------------------------------------------------------------

    def attribute(self, resource: Resource, name: str, path: Keys, site: Site) -> Links:
        """What an attribute of a resource comes from; ``site`` is where it is read."""
        if name.startswith("resource.") and hasattr(resource, "child"):
            return self._inner(resource, name, path, site)
        if isinstance(resource, TemplateResource):
            return [self.output(resource, name, path, site)]
        if isinstance(resource, Group):
            return self._member(resource, name, path, site)
        return [self._plain(resource, name, path)]

    def _inner(self, resource: Any, name: str, path: Keys, site: Site) -> Links:
        _, member, *rest = name.split(".", 2)
        keys = (*rest, *path)
        try:
            inner = resource.child().resource(member, site)
        except (Fault, Reported):
            return []
        return (
            self.attribute(inner, str(keys[0]), tuple(keys[1:]), site)
            if keys
            else [self.resource_link(inner, "the reference to")]
        )

    def output(self, resource: TemplateResource, name: str, path: Keys, site: Site | None = None) -> Link:
        """An output of a nested stack."""
        try:
            scope = resource.child()
            output = scope.template.outputs[name]
            value = follow(scope.output(name), path)
        except (Fault, Reported, KeyError):
            return self.resource_link(resource, f"the attribute {name} of")
        read = site.location() if site is not None else None
        text = f"output {_dotted(name, path)} of {'/'.join(resource.path)}"
        return self._output(
            scope, output.site, path, Link(Kind.OUTPUT, text, self.value_of(value), read_at=read)
        )

    def root_output(self, scope: StackScope, name: str, path: Keys) -> Link:
        """An output of the root stack."""
        output = scope.template.outputs[name]
        try:
            value = follow(scope.output(name), path)
        except (Fault, Reported):
            value = UNKNOWN
        text = f"output {_dotted(name, path)} of the stack"
        return self._output(scope, output.site, path, Link(Kind.OUTPUT, text, self.value_of(value)))

    def _output(self, scope: StackScope, site: Site, path: Keys, link: Link) -> Link:
        snippet = at(scope, site)
        self.count()
        link = dataclasses.replace(link, location=_deepest(snippet, path).location())
        if self.again(("output", id(scope), site.path, path)):
            return dataclasses.replace(link, again=True)
        return with_links(link, self.expression(snippet, path))

    def _member(self, group: Group, name: str, path: Keys, site: Site) -> Links:
        try:
            members = list(group.child().members())
        except (Fault, Reported):
            return []
        if name in ("refs", "refs_map", "removed_rsrc_list"):
            return [self.resource_link(group, f"the attribute {name} of")]
        if name == "attributes" and path:
            name, path = str(path[0]), path[1:]
            chosen = [each for each in members if path and each.name == str(path[0])]
            keys = path[1:] if chosen else path
        else:
            # The keys of get_attr stand before the index: each member's attribute is looked into first.
            spot = next((n for n, key in enumerate(path) if isinstance(key, int)), None)
            chosen = members[path[spot] : path[spot] + 1] if spot is not None else []
            keys = (*path[:spot], *path[spot + 1 :]) if spot is not None else path
        if chosen:
            return [link for each in chosen for link in self.attribute(each, name, keys, site)]
        self.count()
        found = [link for each in members for link in self.attribute(each, name, keys, site)]
        return [
            Link(
                Kind.RESOURCE,
                f"all members of {'/'.join(group.path)}",
                location=group.definition.site.location(),
                links=tuple(found),
            )
        ]

    def _plain(self, resource: Resource, name: str, path: Keys) -> Link:
        """An attribute of a built-in type: the property of that name, if there is one."""
        link = self.resource_link(resource, f"{_dotted(name, path)} of")
        wanted = "value" if isinstance(resource, Value) else name
        if wanted in resource.definition.properties:
            if self.again(("property", resource.path, wanted, path)):
                return dataclasses.replace(link, again=True)
            return with_links(link, self.given(resource, wanted, path))
        if isinstance(resource, RandomString):
            made = Link(Kind.GENERATED, "made by undercloud, kept in the state file")
            return with_links(link, [made])
        return with_links(link, [Link(Kind.GENERATED, "known when nodes and addresses are placed")])

    def resource_link(self, resource: Resource, what: str) -> Link:
        """A resource itself; ``what`` of it is meant."""
        self.count()
        text = f"{what} {'/'.join(resource.path)} ({resource.definition.type})"
        return Link(Kind.RESOURCE, text, location=resource.definition.site.location())

    def given(self, resource: Resource, name: str, path: Keys) -> Links:
        """What a property that a template gives comes from."""
        group = resource.scope.facade_resource
        if resource.scope.template.document is None and group is not None:
            return self._given_by_group(group, resource, name, path)
        snippet = at(resource.scope, resource.definition.site.below("properties", name))
        return self.expression(snippet, path)

    def _given_by_group(self, group: Resource, member: Resource, name: str, path: Keys) -> Links:
        """A property of a group's member: the group gives the same to all."""
        if isinstance(group, ResourceChain):
            return self.given(group, "resource_properties", (name, *path))
        if isinstance(group, ResourceGroup):
            return self.given(group, "resource_def", ("properties", name, *path))
        if name == "server":
            return self.given(group, "servers", (member.name, *path))
        return self.given(group, name, path)

    # -- parameters ----------------------------------------------------------------------------------------

    def parameter(self, scope: StackScope, name: str, path: Keys, site: Site | None = None) -> Link:
        """A parameter of a stack; ``site`` is where it is read, where it is declared if left out."""
        declared = scope.template.parameters.get(name)
        place = (site or (declared.site if declared else Site(None, None))).location()
        value = follow(scope.parameters.get(name, UNKNOWN), path) if name in scope.parameters else UNKNOWN
        shown = self._veil.of_parameter(name, None if value is UNKNOWN else value)
        where = "the root template" if not scope.path else scope.template.base
        link = Link(Kind.PARAMETER, f"parameter {_dotted(name, path)} of {where}", shown, place)
        self.count()
        if name.startswith("OS::"):
            return dataclasses.replace(link, note="every stack has it")
        facade = scope.facade_resource
        given = facade is not None and name in facade.definition.properties
        key = ("parameter", id(scope), name, path) if given else ("parameter", name, path, not scope.path)
        if self.again(key):
            return dataclasses.replace(link, again=True)
        if given and facade is not None and _is_given(facade, name):
            return with_links(link, [self._property(facade, name, path)])
        links = self._settings.links(name, path, declared, root=not scope.path)
        if not links and path:
            link = dataclasses.replace(link, note="there is no such key: the template sees ''")
        return with_links(link, links)

    def _property(self, facade: Resource, name: str, path: Keys) -> Link:
        self.count()
        text = f"property {name} of {'/'.join(facade.path)}"
        links = tuple(self.given(facade, name, path))
        note = "" if links else f"there is no {'/'.join(map(str, path))} in it"
        return Link(Kind.PROPERTY, text, location=given_at(facade, name).location(), note=note, links=links)

    # -- helpers -------------------------------------------------------------------------------------------

    def count(self) -> None:
        """Count one more link."""
        self._left -= 1

    def again(self, key: Any) -> bool:
        """Whether a link was drawn out before; notes that it is now."""
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] > 1


def given_at(resource: Resource, name: str) -> Site:
    """Where a property is given: members of a group have theirs from it."""
    group = resource.scope.facade_resource
    if resource.scope.template.document is not None or group is None:
        return resource.definition.site.below("properties", name)
    if isinstance(group, ResourceChain):
        return given_at(group, "resource_properties").below(name)
    if isinstance(group, ResourceGroup):
        return given_at(group, "resource_def").below("properties", name)
    return group.definition.site


def _deepest(snippet: Snippet, path: Keys) -> Snippet:
    """The snippet as far as the path can be followed in what is written."""
    for key in path:
        if snippet.function in {"map_merge", "map_deep_merge"}:
            given = snippet.arguments()
            having = (
                [each for _, each in given.entries() if follow(each.value(), (key,)) is not UNKNOWN]
                if isinstance(given.raw, list)
                else []
            )
            if not having:
                return snippet
            snippet = having[-1]
        if snippet.function or not isinstance(snippet.raw, dict | list):
            return snippet
        below = snippet.below(key)
        if below.raw is None:
            return snippet
        snippet = below
    return snippet


def _is_given(facade: Resource, name: str) -> bool:
    """Whether the property gives a value: one that is left out leaves the parameter's own."""
    try:
        return facade.raw(name) is not OMIT
    except Reported:
        return True


def _dotted(name: str, path: Keys) -> str:
    return "/".join(map(str, (name, *path)))
