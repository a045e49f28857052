"""From a value back to where it came from: through functions, nested stacks and parameters to the files.

The asked slice is evaluated again, piece by piece, in the stacks as they are: which branch an ``if`` took,
which of the merged maps gave the key. What a query (yaql) does with its data cannot be followed; there the
same value under the same keys in its data is taken for the origin, and if there is none, all of its data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.groups import Group, ResourceChain, ResourceGroup
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.resources.simple import RandomString, Value
from undercloud.hot.stacks import StackScope
from undercloud.validation.explain.model import Kind, Link
from undercloud.validation.explain.settings import Settings
from undercloud.validation.explain.snippets import OMIT, UNKNOWN, Snippet, follow, matching
from undercloud.validation.explain.veil import Veil

Links = list[Link]
Keys = tuple[Any, ...]
_MOST_PARTS = 60
_QUERIES = frozenset(("yaql", "map_merge", "list_concat", "list_concat_unique", "filter"))


class Tracer:
    """Traces values of one evaluated stack. The same link twice is drawn out once."""

    def __init__(self, settings: Settings, veil: Veil, most: int = 2000) -> None:
        """``most`` is how many links are made at most."""
        self._settings = settings
        self._veil = veil
        self._seen: dict[Any, int] = {}
        self._left = most
        self._handlers: Mapping[str, Callable[[Snippet, Keys], Links]] = {
            "get_param": self._get_param,
            "get_attr": self._get_attr,
            "get_resource": self._get_resource,
            "get_file": self._get_file,
            "if": self._if,
            "map_merge": self._map_merge,
            "map_deep_merge": self._map_deep_merge,
            "map_replace": self._map_replace,
            "list_concat": self._list_concat,
            "list_concat_unique": self._list_concat,
            "str_replace": self._str_replace,
            "str_replace_strict": self._str_replace,
            "str_replace_vstrict": self._str_replace,
            "yaql": self._query,
        }

    # -- expressions ---------------------------------------------------------------------------------------

    def expression(self, snippet: Snippet, path: Keys = ()) -> Links:
        """What the part of a snippet's value that ``path`` leads to comes from."""
        if self._left <= 0:
            return [Link(Kind.NOTE, "there is more, which is left out here")]
        name = snippet.function
        if name:
            return self._handlers.get(name, self._function)(snippet, path)
        if isinstance(snippet.raw, dict):
            return self._map(snippet, path)
        if isinstance(snippet.raw, list):
            return self._list(snippet, path)
        return [] if path else [self._literal(snippet)]

    def _map(self, snippet: Snippet, path: Keys) -> Links:
        if path:
            key = str(path[0])
            return next(
                (self.expression(item, path[1:]) for own, item in snippet.entries() if str(own) == key), []
            )
        return self._parts(snippet)

    def _list(self, snippet: Snippet, path: Keys) -> Links:
        if not path:
            return self._parts(snippet)
        kept = [item for _, item in snippet.entries() if item.value() is not OMIT]
        try:
            return self.expression(kept[int(path[0])], path[1:])
        except (IndexError, ValueError):
            return []

    def _parts(self, snippet: Snippet, whole: Snippet | None = None) -> Links:
        """Each part that is not written out; the whole as it stands if all of it is.

        ``whole`` is the function whose arguments the snippet is.
        """
        parts = [(_name(inner, snippet), inner) for inner in snippet.functions() if inner.value() is not OMIT]
        if not parts:
            return [self._literal(whole or snippet)]
        links = []
        for name, inner in parts[:_MOST_PARTS]:
            found = self.expression(inner)
            if found:
                value = self._value(inner.value())
                links.append(Link(Kind.PART, name, value, inner.location(), links=tuple(found)))
        if len(parts) > _MOST_PARTS:
            links.append(Link(Kind.NOTE, f"{len(parts) - _MOST_PARTS} more parts are left out here"))
        return links

    def _literal(self, snippet: Snippet) -> Link:
        self._left -= 1
        value = self._value(snippet.value())
        return Link(Kind.LITERAL, "written in the template", value, snippet.location())

    def _value(self, value: Any) -> Any:
        return self._veil.shown(None if value in (OMIT, UNKNOWN) else value)

    # -- functions -----------------------------------------------------------------------------------------

    def _function(self, snippet: Snippet, path: Keys) -> Links:
        """Any function: all that stands in its arguments."""
        found: Links = []
        for inner in snippet.arguments().functions():
            found += self.expression(inner)
        return [self._called(snippet, path, found)]

    def _called(self, snippet: Snippet, path: Keys, found: Links, note: str = "") -> Link:
        self._left -= 1
        value = self._value(follow(snippet.value(), path))
        return Link(Kind.FUNCTION, snippet.function, value, snippet.location(), note, tuple(found))

    def _get_param(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if isinstance(given.raw, str):
            return [self.parameter(snippet.scope, given.raw, path, snippet.site)]
        named = given.value()
        if not isinstance(named, list) or not named:
            return self._function(snippet, path)
        link = self.parameter(snippet.scope, str(named[0]), (*named[1:], *path), snippet.site)
        return [_with(link, self._keys(given))]

    def _keys(self, given: Snippet) -> Links:
        """What decides which key is read, where that is not written out."""
        return [
            Link(
                Kind.PART,
                "the key that is read",
                self._value(inner.value()),
                inner.location(),
                links=tuple(found),
            )
            for inner in given.functions()
            if (found := self.expression(inner))
        ]

    def _get_attr(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        named = given.value()
        if not isinstance(named, list) or not named:
            return self._function(snippet, path)
        try:
            resource = snippet.scope.resource(named[0], snippet.site)
        except (Fault, Reported):
            return []
        attribute, keys = (str(named[1]), (*named[2:], *path)) if len(named) > 1 else ("", path)
        if not attribute and keys:
            attribute, keys = str(keys[0]), keys[1:]
        return [*self.attribute(resource, attribute, keys, snippet.site), *self._keys(given)]

    def _get_resource(self, snippet: Snippet, _path: Keys) -> Links:
        name = snippet.arguments().value()
        try:
            resource = snippet.scope.resource(name, snippet.site)
        except (Fault, Reported):
            return []
        return [self._resource(resource, "the reference to")]

    def _get_file(self, snippet: Snippet, _path: Keys) -> Links:
        scope, reference = snippet.scope, snippet.arguments().value()
        found = scope.run.find(str(reference), scope.template.base)
        shown = scope.run.tree.shown(found) if found else str(reference)
        self._left -= 1
        return [Link(Kind.FILE, f"the text of {shown}", location=snippet.location())]

    def _if(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if not isinstance(given.raw, list) or len(given.raw) < 2:
            return []
        condition = given.below(0).as_condition()
        holds = _holds(condition)
        links = [self.condition(condition, holds)]
        if holds is UNKNOWN or len(given.raw) <= (1 if holds else 2):
            return links
        return [*self.expression(given.below(1 if holds else 2), path), *links]

    def condition(self, snippet: Snippet, holds: Any) -> Link:
        """Why a condition holds or does not."""
        scope = snippet.scope
        word = {True: "holds", False: "does not hold"}.get(holds, "cannot be decided")
        if isinstance(snippet.raw, str) and snippet.raw in scope.template.conditions:
            site = Site(scope.template.document, ((None, "conditions"), snippet.raw))
            text = f"the condition {snippet.raw} {word}"
            inner = self._at(scope, site).as_condition()
            key = ("condition", id(scope), snippet.raw)
            again = self._again(key)
            found = [] if again else self._reads(inner)
            self._left -= 1
            return Link(Kind.CONDITION, text, location=inner.location(), links=tuple(found), again=again)
        self._left -= 1
        found = self._reads(snippet)
        return Link(Kind.CONDITION, f"the condition {word}", location=snippet.location(), links=tuple(found))

    def _reads(self, snippet: Snippet) -> Links:
        """The parameters and conditions that a condition looks at."""
        if isinstance(snippet.raw, str) and snippet.raw in snippet.scope.template.conditions:
            return [self.condition(snippet, _holds(snippet))]
        name = snippet.function
        if name in ("get_param", "get_attr", "yaql"):
            return self.expression(snippet)
        if not isinstance(snippet.raw, dict | list):
            return []
        found: Links = []
        inner = snippet.arguments() if name else snippet
        logical = name in ("and", "or", "not", "")
        if not isinstance(inner.raw, dict | list):
            return self._reads(inner) if logical else []
        for _, item in inner.entries():
            if logical or isinstance(item.raw, dict | list):
                found += self._reads(item)
        return found

    def _map_merge(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if not isinstance(given.raw, list):
            return self._query(snippet, path)
        if not path:
            return self._parts(given, snippet)
        having = [item for _, item in given.entries() if follow(item.value(), path[:1]) is not UNKNOWN]
        return self._last(having, path)

    def _last(self, having: list[Snippet], path: Keys) -> Links:
        """The last of the merged maps that has the key; what it goes over is told."""
        if not having:
            return []
        found = self.expression(having[-1], path)
        if len(having) > 1 and found:
            over = having[-2]
            value = self._value(follow(over.value(), path))
            found.append(
                Link(Kind.OVERRIDDEN, "overridden: an earlier map of the merge", value, over.location())
            )
        return found

    def _map_deep_merge(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if not isinstance(given.raw, list):
            return self._query(snippet, path)
        if not path:
            return self._parts(given, snippet)
        having = [item for _, item in given.entries() if follow(item.value(), path) is not UNKNOWN]
        maps = [item for item in having if isinstance(follow(item.value(), path), Mapping)]
        if len(maps) < len(having) or not maps:
            return self._last(having, path)
        return [link for item in maps for link in self.expression(item, path)]

    def _map_replace(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if not path or not isinstance(given.raw, list) or len(given.raw) != 2:
            return self._function(snippet, path)
        source, rules = given.below(0), given.below(1)
        keys = follow(rules.value(), ("keys",))
        renamed = {new: old for old, new in keys.items()} if isinstance(keys, Mapping) else {}
        old = renamed.get(path[0], path[0])
        before = follow(source.value(), (old,))
        values = follow(rules.value(), ("values",))
        replaced = isinstance(values, Mapping) and _hashable(before) and before in values
        if not replaced:
            return self.expression(source, (old, *path[1:]))
        wanted = rules.below("values")
        named = Link(
            Kind.FUNCTION,
            f"map_replace puts a value in the place of the word {before}",
            location=source.location(),
        )
        return [_with(named, self.expression(wanted, (before, *path[1:])))]

    def _list_concat(self, snippet: Snippet, path: Keys) -> Links:
        given = snippet.arguments()
        if not isinstance(given.raw, list):
            return self._query(snippet, path)
        if not path:
            return self._parts(given, snippet)
        wanted = follow(snippet.value(), path[:1])
        for _, item in given.entries():
            values = item.value()
            if isinstance(values, list) and wanted in values:
                return self.expression(item, (values.index(wanted), *path[1:]))
        return []

    def _str_replace(self, snippet: Snippet, path: Keys) -> Links:
        if path:
            return []
        given = snippet.arguments()
        template, params = given.below("template"), given.below("params")
        text = template.value()
        found = self.expression(template) if template.is_dynamic else []
        if isinstance(params.raw, dict) and not params.function:
            for name, param in params.entries():
                if isinstance(text, str) and str(name) in text and param.is_dynamic:
                    value = self._value(param.value())
                    inner = tuple(link for each in param.functions() for link in self.expression(each))
                    found.append(Link(Kind.PART, f"{name} in the text", value, param.location(), links=inner))
        return [self._called(snippet, path, found)]

    def _query(self, snippet: Snippet, path: Keys) -> Links:
        """A query, or a merge of what a query gives: the same value under the same keys in its data."""
        given = snippet.arguments()
        data = given.below("data") if snippet.function == "yaql" else given
        value = data.value()
        wanted = follow(snippet.value(), path)
        places = matching(value, path, wanted) if wanted is not UNKNOWN else []
        if not places:
            return self._function(snippet, path)
        found = self.expression(data, places[-1])
        return [self._called(snippet, path, found, "the same value stands in its data")]

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
            else [self._resource(inner, "the reference to")]
        )

    def output(self, resource: TemplateResource, name: str, path: Keys, site: Site | None = None) -> Link:
        """An output of a nested stack."""
        try:
            scope = resource.child()
            output = scope.template.outputs[name]
            value = follow(scope.output(name), path)
        except (Fault, Reported, KeyError):
            return self._resource(resource, f"the attribute {name} of")
        note = f"read at {place}" if site is not None and (place := site.location()) else ""
        text = f"output {_dotted(name, path)} of {'/'.join(resource.path)}"
        return self._output(scope, output.site, path, Link(Kind.OUTPUT, text, self._value(value), note=note))

    def root_output(self, scope: StackScope, name: str, path: Keys) -> Link:
        """An output of the root stack."""
        output = scope.template.outputs[name]
        try:
            value = follow(scope.output(name), path)
        except (Fault, Reported):
            value = UNKNOWN
        text = f"output {_dotted(name, path)} of the stack"
        return self._output(scope, output.site, path, Link(Kind.OUTPUT, text, self._value(value)))

    def _output(self, scope: StackScope, site: Site, path: Keys, link: Link) -> Link:
        snippet = self._at(scope, site)
        self._left -= 1
        link = dataclasses.replace(link, location=_deepest(snippet, path).location())
        if self._again(("output", id(scope), site.path, path)):
            return dataclasses.replace(link, again=True)
        return _with(link, self.expression(snippet, path))

    def _member(self, group: Group, name: str, path: Keys, site: Site) -> Links:
        try:
            members = list(group.child().members())
        except (Fault, Reported):
            return []
        if name in ("refs", "refs_map", "removed_rsrc_list"):
            return [self._resource(group, f"the attribute {name} of")]
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
        self._left -= 1
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
        link = self._resource(resource, f"{_dotted(name, path)} of")
        wanted = "value" if isinstance(resource, Value) else name
        if wanted in resource.definition.properties:
            if self._again(("property", resource.path, wanted, path)):
                return dataclasses.replace(link, again=True)
            return _with(link, self.given(resource, wanted, path))
        if isinstance(resource, RandomString):
            made = Link(Kind.GENERATED, "made by undercloud, kept in the state file")
            return _with(link, [made])
        return _with(link, [Link(Kind.GENERATED, "known when nodes and addresses are placed")])

    def _resource(self, resource: Resource, what: str) -> Link:
        self._left -= 1
        text = f"{what} {'/'.join(resource.path)} ({resource.definition.type})"
        return Link(Kind.RESOURCE, text, location=resource.definition.site.location())

    def given(self, resource: Resource, name: str, path: Keys) -> Links:
        """What a property that a template gives comes from."""
        group = resource.scope.facade_resource
        if resource.scope.template.document is None and group is not None:
            return self._given_by_group(group, resource, name, path)
        snippet = self._at(resource.scope, resource.definition.site.below("properties", name))
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
        self._left -= 1
        if name.startswith("OS::"):
            return dataclasses.replace(link, note="every stack has it")
        facade = scope.facade_resource
        given = facade is not None and name in facade.definition.properties
        key = ("parameter", id(scope), name, path) if given else ("parameter", name, path, not scope.path)
        if self._again(key):
            return dataclasses.replace(link, again=True)
        if given and facade is not None and _is_given(facade, name):
            return _with(link, [self._property(facade, name, path)])
        return _with(link, list(self._settings.links(name, path, declared, root=not scope.path)))

    def _property(self, facade: Resource, name: str, path: Keys) -> Link:
        self._left -= 1
        group = facade.scope.facade_resource
        of_group = facade.scope.template.document is None and group is not None
        site = facade.definition.site if of_group else facade.definition.site.below("properties", name)
        text = f"property {name} of {'/'.join(facade.path)}"
        return Link(
            Kind.PROPERTY, text, location=site.location(), links=tuple(self.given(facade, name, path))
        )

    # -- helpers -------------------------------------------------------------------------------------------

    def _again(self, key: Any) -> bool:
        """Whether a link was drawn out before; notes that it is now."""
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] > 1

    def _at(self, scope: StackScope, site: Site) -> Snippet:
        return at(scope, site)


def at(scope: StackScope, site: Site) -> Snippet:
    """The snippet that stands at a place of a stack's template."""
    document = site.document
    whole = Snippet(scope, Site(document, None), document.value if document else None)
    keys: list[Any] = []
    path = site.path
    while path is not None:
        path, key = path
        keys.append(key)
    return whole.below(*reversed(keys))


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


def _holds(snippet: Snippet) -> Any:
    """Whether a condition holds; UNKNOWN where that cannot be decided."""
    value = snippet.value()
    if isinstance(value, bool):
        return value
    try:
        return snippet.scope.condition(value, snippet.site)
    except (Fault, Reported):
        return UNKNOWN


def _hashable(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _dotted(name: str, path: Keys) -> str:
    return "/".join(map(str, (name, *path)))


def _name(inner: Snippet, outer: Snippet) -> str:
    """The keys from one snippet to one inside it."""

    def keys(snippet: Snippet) -> Iterator[Any]:
        path = snippet.site.path
        while path is not None:
            path, key = path
            yield key

    depth = len(list(keys(outer)))
    return ".".join(map(str, list(reversed(list(keys(inner))))[depth:])) or "the whole"


def _with(link: Link, links: Links) -> Link:
    return dataclasses.replace(link, links=(*link.links, *links))
