"""Parts of templates as they are written, with the stack that evaluates them."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location
from undercloud.hot.expressions import Expr, evaluate
from undercloud.hot.faults import Fault, Path, Reported, Site, steps
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import Template, new_compiler

UNKNOWN: Any = object()
"""A value that cannot be had, because of a mistake or because it is not there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Snippet:
    """What stands at one place of a template, in one stack; ``condition``: it is (part of) a condition."""

    scope: StackScope
    site: Site
    raw: Any
    condition: bool = False

    @property
    def key(self) -> tuple[int, Path]:
        """What tells it from every other snippet."""
        return id(self.scope), self.site.path

    @property
    def function(self) -> str:
        """The function that it is, or an empty text."""
        if isinstance(self.raw, dict) and len(self.raw) == 1:
            name = next(iter(self.raw))
            version = self.scope.template.version
            known = version.condition_functions if self.condition else version.functions
            if isinstance(name, str) and name in known:
                return name
        return ""

    def below(self, *keys: Any) -> Snippet:
        """The snippet further down; its ``raw`` is None where nothing stands there."""
        raw, found = self.raw, self.site
        for key in keys:
            own = _spelled(raw, key)
            found = found.below(own)
            try:
                raw = raw[own]
            except (KeyError, IndexError, TypeError):
                raw = None
        return dataclasses.replace(self, site=found, raw=raw)

    def arguments(self) -> Snippet:
        """What its function is given."""
        return self.below(self.function)

    def as_condition(self) -> Snippet:
        """The same, read as a condition."""
        return dataclasses.replace(self, condition=True)

    def entries(self) -> Iterator[tuple[Any, Snippet]]:
        """The entries of a map or list, with their keys."""
        keys = self.raw if isinstance(self.raw, dict) else range(len(self.raw))
        for key in keys:
            yield key, self.below(key)

    def location(self) -> Location | None:
        """Where it stands."""
        return self.site.location()

    def value(self) -> Any:
        """What it gives; OMIT where it is left out, UNKNOWN where it cannot be had."""
        if not isinstance(self.raw, dict | list):
            return self.raw
        try:
            expr = _compiled(self.scope.template, self.site.path, self.condition)
            value = evaluate_raw(expr, self.scope)
        except (Fault, Reported, KeyError, TypeError):
            return UNKNOWN
        return value

    @property
    def is_dynamic(self) -> bool:
        """Whether there is a function anywhere in it."""
        return any(True for _ in self.functions())

    def functions(self) -> Iterator[Snippet]:
        """The outermost functions in it."""
        if self.function:
            yield self
        elif isinstance(self.raw, dict | list):
            for _, item in self.entries():
                yield from item.functions()


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


def evaluate_raw(expr: Expr, scope: StackScope) -> Any:
    """The value of an expression, what is omitted as OMIT."""
    return expr(scope) if callable(expr) else evaluate(expr, scope)


@functools.lru_cache(maxsize=20_000)
def _compiled(template: Template, path: Path, condition: bool) -> Expr:
    """The snippet at a path, compiled by itself; raises KeyError where nothing stands there."""
    document = template.document
    if document is None:
        raise KeyError(path)
    raw = document.value
    for key in steps(path):
        raw = raw[key]
    compiler = new_compiler(template.version, document, template.base)
    return compiler.condition(raw, path) if condition else compiler.compile(raw, path)


def _spelled(raw: Any, key: Any) -> Any:
    """The key as the template writes it: values have only texts for keys, YAML has numbers too."""
    if isinstance(raw, Mapping) and key not in raw:
        return next((own for own in raw if str(own) == str(key)), key)
    if isinstance(raw, list) and isinstance(key, str) and key.isdecimal():
        return int(key)
    return key


def follow(value: Any, path: tuple[Any, ...]) -> Any:
    """What a path leads to in a value, UNKNOWN if nowhere."""
    for key in path:
        if isinstance(value, Mapping):
            if key not in value:
                return UNKNOWN
            value = value[key]
        elif isinstance(value, list | tuple) and str(key).lstrip("-").isdecimal():
            try:
                value = value[int(key)]
            except IndexError:
                return UNKNOWN
        else:
            return UNKNOWN
    return value


def matching(value: Any, path: tuple[Any, ...], wanted: Any, depth: int = 5) -> list[tuple[Any, ...]]:
    """Where in a value a path leads to the wanted value.

    A query (yaql) does not say which of its data a part of its result came from; that the same value stands
    under the same keys does.
    """
    found: list[tuple[Any, ...]] = []
    budget = [50_000]

    def look(part: Any, at: tuple[Any, ...]) -> None:
        budget[0] -= 1
        if budget[0] < 0 or len(at) > depth or not isinstance(part, Mapping | list | tuple):
            return
        if follow(part, path) == wanted and follow(part, path) is not UNKNOWN:
            found.append((*at, *path))
            return
        entries = part.items() if isinstance(part, Mapping) else enumerate(part)
        for key, item in entries:
            look(item, (*at, key))

    if path:
        look(value, ())
    return found


def is_large(value: Any, most: int = 4000) -> bool:
    """Whether a map or list is too large to be traced part by part; ``most`` is in characters of JSON."""
    if not isinstance(value, Mapping | list):
        return False
    try:
        return len(json.dumps(value, default=str)) > most
    except (TypeError, ValueError, RecursionError):
        return True
