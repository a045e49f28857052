"""What late binding fills in: the names that a text reads of the cloud, and which services gave them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.hot.faults import Fault, Reported
from undercloud.hot.resources.nested import TemplateResource
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import Kind, Link
from undercloud.validation.explain.snippets import UNKNOWN, follow
from undercloud.validation.explain.tracing import Tracer

_NAME = re.compile(r"\b(?:cloud|host)(?:\.\w+)+")
_TEMPLATE = ("{{", "{%")
_MOST = 12


def bound(
    context: Context, tracer: Tracer, resource: TemplateResource, path: tuple[Any, ...], more: tuple[Any, ...]
) -> Iterator[Link]:
    """A link for each name that is filled in where the path leads in a service's role_data."""
    try:
        data = resource.child().output("role_data")
    except (Fault, Reported, KeyError):
        return
    value = follow(data, (*path, *more))
    if value is UNKNOWN:
        value = follow(data, (*path, *more[:1]))
    names = dict.fromkeys(name for text in _texts(value) for name in _NAME.findall(text))
    for name in list(names)[:_MOST]:
        yield _link(context, tracer, name)


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value that have something to be filled in."""
    if isinstance(value, str):
        if any(mark in value for mark in _TEMPLATE):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _link(context: Context, tracer: Tracer, name: str) -> Link:
    first, kind, *rest = name.split(".")
    text = f"{name}, filled in when the cloud is known"
    scope = context.compilation.lowered.cloud if context.compilation.lowered else {}
    if first == "host":
        return Link(Kind.NOTE, text, _of_hosts(context, [kind, *rest]))
    if kind == "services" and rest:
        return Link(Kind.NOTE, text, list(_nodes(context, rest[0])))
    known = follow(scope, (kind,))
    if kind in ("endpoints", "databases") and rest and isinstance(known, Mapping) and rest[0] in known:
        return Link(Kind.NOTE, text, links=tuple(_given(context, tracer, kind, rest)))
    value = follow(scope, (kind, *rest))
    if value is UNKNOWN and isinstance(known, Mapping):
        # A method of a map, as in cloud.endpoints.items(): all that is in it.
        value = list(known)
    return Link(Kind.NOTE, text, None if value is UNKNOWN else context.veil.shown(value))


def _of_hosts(context: Context, keys: list[str]) -> Any:
    """A name of the node on each node."""
    scopes = context.compilation.lowered.hosts if context.compilation.lowered else {}
    found = {name: follow(scope, tuple(keys)) for name, scope in scopes.items()}
    return context.veil.shown({name: value for name, value in found.items() if value is not UNKNOWN})


def _nodes(context: Context, service: str) -> Iterator[str]:
    for role in context.compilation.lowered.services.get(service, ()) if context.compilation.lowered else ():
        yield from context.hosts_of(role)


def _given(context: Context, tracer: Tracer, kind: str, keys: list[str]) -> Iterator[Link]:
    """The service whose role_data has the endpoint or the database, with what it says of it."""
    wanted = tuple(keys if kind == "databases" else keys[:1])
    for service in context.composition.services:
        if service.resource is None:
            continue
        try:
            data = service.resource.child().output("role_data")
        except (Fault, Reported, KeyError):
            continue
        if follow(data, (kind, *wanted)) is not UNKNOWN:
            yield tracer.output(service.resource, "role_data", (kind, *wanted))
            return
