"""The functions of the language, traced: which of their arguments the asked part of the result comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from undercloud.diagnostics import Location
from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.values import OMIT
from undercloud.validation.explain.model import Kind, Link, with_links
from undercloud.validation.explain.snippets import UNKNOWN, Snippet, at, follow, is_large, matching

if TYPE_CHECKING:
    from undercloud.validation.explain.tracing import Tracer

Links = list[Link]
Keys = tuple[Any, ...]
_MOST_PARTS = 60


def parts(tracer: Tracer, snippet: Snippet, whole: Snippet | None = None) -> Links:
    """Each part that is not written out; the whole as it stands if all of it is.

    ``whole`` is the function whose arguments the snippet is.
    """
    dynamic = [(_name(inner, snippet), inner) for inner in snippet.functions() if inner.value() is not OMIT]
    if not dynamic:
        return [literal(tracer, whole or snippet)]
    links = []
    for name, inner in dynamic[:_MOST_PARTS]:
        found = tracer.expression(inner)
        if found:
            value = tracer.value_of(inner.value())
            links.append(Link(Kind.PART, name, value, inner.location(), links=tuple(found)))
    if len(dynamic) > _MOST_PARTS:
        links.append(Link(Kind.NOTE, f"{len(dynamic) - _MOST_PARTS} more parts are left out here"))
    return links


def literal(tracer: Tracer, snippet: Snippet) -> Link:
    """What is written out."""
    tracer.count()
    value = tracer.value_of(snippet.value())
    return Link(Kind.LITERAL, "written in the template", value, snippet.location())


def any_function(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """Any function: all that stands in its arguments."""
    found: Links = []
    for inner in snippet.arguments().functions():
        found += tracer.expression(inner)
    return [_called(tracer, snippet, path, found)]


def _called(tracer: Tracer, snippet: Snippet, path: Keys, found: Links, note: str = "") -> Link:
    """The link of a function itself."""
    tracer.count()
    value = tracer.value_of(follow(snippet.value(), path))
    return Link(Kind.FUNCTION, snippet.function, value, snippet.location(), note, tuple(found))


def get_param(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``get_param``: the parameter, and what decides which key of it is read."""
    given = snippet.arguments()
    if isinstance(given.raw, str):
        return [tracer.parameter(snippet.scope, given.raw, path, snippet.site)]
    named = given.value()
    if not isinstance(named, list) or not named:
        return any_function(tracer, snippet, path)
    link = tracer.parameter(snippet.scope, str(named[0]), (*named[1:], *path), snippet.site)
    return [with_links(link, _which_key(tracer, given))]


def _which_key(tracer: Tracer, given: Snippet) -> Links:
    """What decides which key is read, where that is not written out."""
    return [
        Link(
            Kind.PART,
            "the key that is read",
            tracer.value_of(inner.value()),
            inner.location(),
            links=tuple(found),
        )
        for inner in given.functions()
        if (found := tracer.expression(inner))
    ]


def get_attr(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``get_attr``: the attribute."""
    given = snippet.arguments()
    named = given.value()
    if not isinstance(named, list) or not named:
        return any_function(tracer, snippet, path)
    try:
        resource = snippet.scope.resource(named[0], snippet.site)
    except (Fault, Reported):
        return []
    attribute, keys = (str(named[1]), (*named[2:], *path)) if len(named) > 1 else ("", path)
    if not attribute and keys:
        attribute, keys = str(keys[0]), keys[1:]
    return [*tracer.attribute(resource, attribute, keys, snippet.site), *_which_key(tracer, given)]


def get_resource(tracer: Tracer, snippet: Snippet, _path: Keys) -> Links:
    """``get_resource``: the resource."""
    name = snippet.arguments().value()
    try:
        resource = snippet.scope.resource(name, snippet.site)
    except (Fault, Reported):
        return []
    return [tracer.resource_link(resource, "the reference to")]


def get_file(tracer: Tracer, snippet: Snippet, _path: Keys) -> Links:
    """``get_file``: the file."""
    scope, reference = snippet.scope, str(snippet.arguments().value())
    found = scope.run.find(reference, scope.template.base)
    tracer.count()
    text = f"the text of {found or reference}"
    read = Location(scope.run.tree.shown(found)) if found else None
    return [Link(Kind.FILE, text, location=read, read_at=snippet.location())]


def if_(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``if``: the branch that was taken, and why."""
    given = snippet.arguments()
    if not isinstance(given.raw, list) or len(given.raw) < 2:
        return []
    deciding = given.below(0).as_condition()
    holds = _holds(deciding)
    links = [condition(tracer, deciding, holds)]
    if holds is UNKNOWN or len(given.raw) <= (1 if holds else 2):
        return links
    return [*tracer.expression(given.below(1 if holds else 2), path), *links]


def condition(tracer: Tracer, snippet: Snippet, holds: Any) -> Link:
    """Why a condition holds or does not."""
    scope = snippet.scope
    word = {True: "holds", False: "does not hold"}.get(holds, "cannot be decided")
    if isinstance(snippet.raw, str) and snippet.raw in scope.template.conditions:
        site = Site(scope.template.document, ((None, "conditions"), snippet.raw))
        text = f"the condition {snippet.raw} {word}"
        inner = at(scope, site).as_condition()
        key = ("condition", id(scope), snippet.raw)
        again = tracer.again(key)
        found = [] if again else _reads(tracer, inner)
        tracer.count()
        return Link(Kind.CONDITION, text, location=inner.location(), links=tuple(found), again=again)
    tracer.count()
    found = _reads(tracer, snippet)
    return Link(Kind.CONDITION, f"the condition {word}", location=snippet.location(), links=tuple(found))


def _reads(tracer: Tracer, snippet: Snippet) -> Links:
    """The parameters and conditions that a condition looks at."""
    if isinstance(snippet.raw, str) and snippet.raw in snippet.scope.template.conditions:
        return [condition(tracer, snippet, _holds(snippet))]
    name = snippet.function
    if name in ("get_param", "get_attr", "yaql"):
        return tracer.expression(snippet)
    if not isinstance(snippet.raw, dict | list):
        return []
    found: Links = []
    inner = snippet.arguments() if name else snippet
    logical = name in ("and", "or", "not", "")
    if not isinstance(inner.raw, dict | list):
        return _reads(tracer, inner) if logical else []
    for _, item in inner.entries():
        if logical or isinstance(item.raw, dict | list):
            found += _reads(tracer, item)
    return found


def map_merge(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``map_merge``: the last map that has the key."""
    given = snippet.arguments()
    if not isinstance(given.raw, list):
        return query(tracer, snippet, path)
    if not path:
        return parts(tracer, given, snippet)
    having = [item for _, item in given.entries() if follow(item.value(), path[:1]) is not UNKNOWN]
    return _last(tracer, having, path)


def _last(tracer: Tracer, having: list[Snippet], path: Keys) -> Links:
    """The last of the merged maps that has the key; what it goes over is told."""
    if not having:
        return []
    found = tracer.expression(having[-1], path)
    if len(having) > 1 and found:
        over = having[-2]
        value = tracer.value_of(follow(over.value(), path))
        found.append(Link(Kind.OVERRIDDEN, "overridden: an earlier map of the merge", value, over.location()))
    return found


def map_deep_merge(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``map_deep_merge``: the last of the maps that has the value, or all that have a part of it."""
    given = snippet.arguments()
    if not isinstance(given.raw, list):
        return query(tracer, snippet, path)
    if not path:
        return parts(tracer, given, snippet)
    having = [item for _, item in given.entries() if follow(item.value(), path) is not UNKNOWN]
    maps = [item for item in having if isinstance(follow(item.value(), path), Mapping)]
    if len(maps) < len(having) or not maps:
        return _last(tracer, having, path)
    return [link for item in maps for link in tracer.expression(item, path)]


def map_replace(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``map_replace``: the value that stands there, or what is put in its place."""
    given = snippet.arguments()
    if not path or not isinstance(given.raw, list) or len(given.raw) != 2:
        return any_function(tracer, snippet, path)
    source, rules = given.below(0), given.below(1)
    keys = follow(rules.value(), ("keys",))
    renamed = keys.items() if isinstance(keys, Mapping) else ()
    there = [old for old, new in renamed if new == path[0] and follow(source.value(), (old,)) is not UNKNOWN]
    old = there[-1] if there else path[0]
    before = follow(source.value(), (old,))
    values = follow(rules.value(), ("values",))
    replaced = isinstance(values, Mapping) and _hashable(before) and before in values
    if not replaced:
        return tracer.expression(source, (old, *path[1:]))
    wanted = rules.below("values")
    named = Link(
        Kind.FUNCTION,
        f"map_replace puts a value in the place of the word {before}",
        location=source.location(),
    )
    return [with_links(named, tracer.expression(wanted, (before, *path[1:])))]


def list_concat(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``list_concat``: the list that the item is of."""
    given = snippet.arguments()
    if not isinstance(given.raw, list):
        return query(tracer, snippet, path)
    if not path:
        return parts(tracer, given, snippet)
    wanted = follow(snippet.value(), path[:1])
    for _, item in given.entries():
        values = item.value()
        if isinstance(values, list) and wanted in values:
            return tracer.expression(item, (values.index(wanted), *path[1:]))
    return []


def str_replace(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """``str_replace``: the placeholders that stand in the text."""
    if path:
        return []
    given = snippet.arguments()
    template, params = given.below("template"), given.below("params")
    text = template.value()
    found = tracer.expression(template) if template.is_dynamic else []
    if isinstance(params.raw, dict) and not params.function:
        for name, param in params.entries():
            if isinstance(text, str) and str(name) in text and param.is_dynamic:
                value = tracer.value_of(param.value())
                inner = tuple(link for each in param.functions() for link in tracer.expression(each))
                found.append(Link(Kind.PART, f"{name} in the text", value, param.location(), links=inner))
    return [_called(tracer, snippet, path, found)]


def query(tracer: Tracer, snippet: Snippet, path: Keys) -> Links:
    """A query, or a merge of what a query gives: the same value under the same keys in its data."""
    given = snippet.arguments()
    data = given.below("data") if snippet.function == "yaql" else given
    value = data.value()
    wanted = follow(snippet.value(), path)
    places = matching(value, path, wanted) if wanted is not UNKNOWN else []
    if not places and path and isinstance(path[0], int) and wanted is not UNKNOWN:
        # A query may leave items out, so that the place in its list says nothing.
        places = matching(value, path[1:], wanted)
    if not places and is_large(value):
        return [_of_all(tracer, snippet, path, data)]
    if not places:
        return any_function(tracer, snippet, path)
    found = tracer.expression(data, places[-1])
    return [_called(tracer, snippet, path, found, "the same value stands in its data")]


def _of_all(tracer: Tracer, snippet: Snippet, path: Keys, data: Snippet) -> Link:
    """A query that makes something new of much data: what it reads, not where all of that comes from."""
    reads = [
        Link(Kind.PART, _name(inner, data), tracer.value_of(inner.value()), inner.location())
        for inner in data.functions()
    ]
    return _called(tracer, snippet, path, reads, "made of all of its data")


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


def _name(inner: Snippet, outer: Snippet) -> str:
    """The keys from one snippet to one inside it."""

    def keys(snippet: Snippet) -> Iterator[Any]:
        path = snippet.site.path
        while path is not None:
            path, key = path
            yield key

    depth = len(list(keys(outer)))
    return ".".join(map(str, list(reversed(list(keys(inner))))[depth:])) or "the whole"


HANDLERS: Mapping[str, Callable[[Tracer, Snippet, Keys], Links]] = {
    "get_param": get_param,
    "get_attr": get_attr,
    "get_resource": get_resource,
    "get_file": get_file,
    "if": if_,
    "map_merge": map_merge,
    "map_deep_merge": map_deep_merge,
    "map_replace": map_replace,
    "list_concat": list_concat,
    "list_concat_unique": list_concat,
    "str_replace": str_replace,
    "str_replace_strict": str_replace,
    "str_replace_vstrict": str_replace,
    "yaql": query,
}
"""Function → how it is traced; any other one is by all of its arguments."""
