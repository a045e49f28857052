"""Answers about parameters, also those of one role and single keys of a map."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from undercloud.diagnostics import Location
from undercloud.hot.faults import Site
from undercloud.hot.parameters import Parameter
from undercloud.hot.stacks import StackScope
from undercloud.validation.explain import effects, native, upstream
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import Answer, Effect, Kind, Link
from undercloud.validation.explain.snippets import UNKNOWN, Snippet, follow
from undercloud.validation.explain.tracing import Tracer

Keys = tuple[Any, ...]
_MOST_READERS = 8
_MOST_CHAINS = 25


def answer(context: Context, name: str, path: Keys, *, with_effects: bool = True) -> Answer:
    """The explanation of a parameter, or of what a path leads to in its value."""
    declared = list(context.composition.declared.get(name, ()))
    first = declared[0] if declared else None
    value = effects.current(context, name, path)
    settable = _is_settable(context, name)
    tried = effects.Tried()
    if with_effects and declared and settable:
        tried = effects.effects(context, name, path, first, value)
    facts = _facts(context, name, path, declared)
    if with_effects and declared and settable and not tried.text:
        facts["what it leads to"] = "not known: no other value that was tried fits the plan"
    if not settable:
        facts["note"] = "only the stack around gives it: a file cannot set it"
    return Answer(
        "parameter",
        "/".join(map(str, (name, *path))),
        None if value is UNKNOWN else context.veil.of_parameter(name, value),
        first.site.location() if first else None,
        facts,
        tuple(_origins(context, name, path)),
        tuple(_chained(context, name, tried.effects)),
        tried.text,
    )


def _is_settable(context: Context, name: str) -> bool:
    """Whether a file may set it: for the root template, or for a stack that is not given it."""
    if name in context.root.template.parameters or name not in context.composition.declared:
        return True
    return _scopes(context, name)[0] is not None


def _facts(context: Context, name: str, path: Keys, declared: list[Parameter]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if declared:
        first = declared[0]
        facts["type"] = first.type + (", hidden" if context.veil.is_hidden(name) else "")
        if first.description:
            facts["description"] = " ".join(first.description.split())
    elif (
        context.composition.template_default(name) is not None or name in context.composition.known_parameters
    ):
        facts["note"] = "no template of this plan declares it: it is read by nothing here"
    elif context.compilation.plan.environment.history(name):
        facts["note"] = "no template declares it"
    strategy = context.environment.merge_strategies.get(name)
    if strategy and strategy != "overwrite":
        facts["files are joined by"] = (
            f"{strategy}; each counts before and after what is generated, as TripleO's client sends them"
        )
    readers, more = _readers(context, name)
    if readers:
        facts["read at"] = [*readers, *([f"and in {more} more templates"] if more else [])]
    if not path:
        roles = list(_of_roles(context, name))
        if roles:
            facts["also set for single roles, for services that look there"] = roles
    return facts


def _of_roles(context: Context, name: str) -> Iterator[dict[str, Any]]:
    """Roles whose ROLEParameters have the name: services that look there take that value."""
    for role in context.compilation.plan.roles:
        own = context.composition.role_parameters(role.name)
        if name in own:
            at = context.composition.locate(name, role.name)
            shown = context.veil.of_parameter(name, own[name])
            yield {"role": role.name, "value": shown, "set at": at[0] if at else role.location}


def _readers(context: Context, name: str) -> tuple[list[Location], int]:
    """Where templates read the parameter; what is read in many is counted."""
    found: list[Location] = []
    more = 0
    seen: set[str] = set()
    for scope in context.scopes():
        template = scope.template
        if template.base in seen or name not in template.parameters or template.document is None:
            continue
        seen.add(template.base)
        if len(found) >= _MOST_READERS:
            more += _reads_at_all(template.document.value, name)
            continue
        whole = Snippet(scope, Site(template.document, None), template.document.value)
        found += [place for each in _reads(whole, name) if (place := each.location())]
    return list(dict.fromkeys(found)), more


def _reads(snippet: Snippet, name: str) -> Iterator[Snippet]:
    """Every get_param of the name."""
    for section in ("conditions", "resources", "outputs"):
        part = snippet.below(section)
        for inner in _deep(part):
            given = inner.arguments().raw
            if inner.function == "get_param" and (
                given == name or (isinstance(given, list) and given[:1] == [name])
            ):
                yield inner


def _deep(snippet: Snippet) -> Iterator[Snippet]:
    if snippet.function:
        yield snippet
    if isinstance(snippet.raw, dict | list):
        for _, item in snippet.entries():
            yield from _deep(item)


def _reads_at_all(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        given = value.get("get_param")
        if given == name or (isinstance(given, list) and given[:1] == [name]):
            return True
        return any(_reads_at_all(item, name) for item in value.values())
    return isinstance(value, list) and any(_reads_at_all(item, name) for item in value)


def _origins(context: Context, name: str, path: Keys) -> Iterator[Link]:
    """The settings and defaults; for what only the stack around gives, the chain up to there."""
    tracer = context.tracer()
    if name in context.root.template.parameters:
        counted = list(_of_nodes(context, name))
        yield from counted
        for link in tracer.parameter(context.root, name, path).links:
            over = counted and link.kind is not Kind.OVERRIDDEN
            text = f"overridden: {link.text}" if over else link.text
            yield dataclasses.replace(link, kind=Kind.OVERRIDDEN, text=text) if over else link
        return
    free, given = _scopes(context, name)
    if free is not None:
        yield from context.settings.links(name, path, free.template.parameters[name], root=False)
        yield from _other_defaults(context, name, path, free)
    elif given is not None:
        yield tracer.parameter(given, name, path)
    else:
        yield from context.settings.links(name, path, None, root=True)


def _of_nodes(context: Context, name: str) -> Iterator[Link]:
    """What the deployment file says of a role's count: it goes over the parameter."""
    baremetal = context.compilation.plan.baremetal
    value = baremetal.value if baremetal else None
    if not isinstance(value, list) or baremetal is None:
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict) and name == f"{entry.get('name')}Count":
            yield Link(
                Kind.SETTING,
                f"the deployment file says how many nodes {entry.get('name')} has",
                entry.get("count", 1),
                baremetal.locate(index),
            )


def _scopes(context: Context, name: str) -> tuple[StackScope | None, StackScope | None]:
    """A stack that is not given the parameter by the one around it, and one that is."""
    given: StackScope | None = None
    for scope in context.scopes():
        if name not in scope.template.parameters:
            continue
        facade = scope.facade_resource
        if facade is not None and name in facade.definition.properties:
            given = given or scope
        else:
            return scope, given
    return None, given


def _other_defaults(context: Context, name: str, path: Keys, first: StackScope) -> Iterator[Link]:
    """Templates that have another default: where nothing is set, each goes by its own."""
    known = [follow(first.template.parameters[name].default, path)]
    overridden = context.environment.parameter_defaults.get(name) is not None
    for parameter in context.composition.declared.get(name, ()):
        default = follow(parameter.default, path)
        if default is not None and default is not UNKNOWN and default not in known:
            known.append(default)
            text = "another template's default"
            kind = Kind.OVERRIDDEN if overridden else Kind.DEFAULT
            shown = context.veil.of_parameter(name, default)
            yield Link(kind, f"overridden: {text}" if overridden else text, shown, parameter.site.location())


def _chained(context: Context, name: str, found: tuple[Effect, ...]) -> Iterator[Effect]:
    """The effects, the first of them with the places that the value passes on its way."""
    for number, effect in enumerate(found):
        link = _link_of(context, context.tracer(), effect) if number < _MOST_CHAINS else None
        via = _way(link, name) if link is not None else ()
        targets = upstream.sets(effect.name) if effect.kind == "hiera" else []
        reason = f"sets {', '.join(targets)}" if targets else effect.reason
        yield dataclasses.replace(effect, via=via, reason=reason)


def _link_of(context: Context, tracer: Tracer, effect: Effect) -> Link | None:
    """The chain that leads to an effect, where its leaf is known."""
    if effect.kind == "hiera":
        return upstream.hiera_link(context, tracer, effect.where[0], effect.name)
    if effect.kind == "option" and effect.where:
        return native.option_link(context, tracer, effect.where[0], effect.file, effect.name)
    return None


def _way(link: Link, name: str) -> tuple[Location, ...]:
    """The places from the effect down to where the parameter is read."""

    def search(each: Link) -> list[Link] | None:
        word = each.text.removeprefix("parameter ").split(" ")[0].split("/")[0]
        if each.kind is Kind.PARAMETER and word == name:
            return [each]
        for inner in each.links:
            rest = search(inner)
            if rest is not None:
                return [each, *rest]
        return None

    places = [each.location for each in search(link) or () if each.location]
    return tuple(dict.fromkeys(places))
