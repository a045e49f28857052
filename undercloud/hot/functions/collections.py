"""Functions over maps and lists."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.hot.expressions import Compiler, Expr, Handler, evaluate
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.queries.values import distinct
from undercloud.hot.scope import Scope
from undercloud.hot.values import is_list, kind_of, shown
from undercloud.plan.secrets import Secret


def map_merge(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``map_merge: [MAP, …]``: later ones win; null counts as empty."""
    site = compiler.site(path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in _items(evaluate(expr, scope), "map_merge", site):
            if item is None:
                continue
            if not isinstance(item, Mapping):
                raise Fault("HOT-022", f"map_merge merges maps, not {kind_of(item)}", site)
            result.update(item)
        return result

    return run


def map_deep_merge(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``map_deep_merge: [MAP, …]``: maps inside maps are merged too; the last of anything else wins."""
    site = compiler.site(path)
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in _items(evaluate(expr, scope), "map_deep_merge", site):
            if item is None:
                continue
            if not isinstance(item, Mapping):
                raise Fault("HOT-022", f"map_deep_merge merges maps, not {kind_of(item)}", site)
            result = deep_merge(result, item)
        return result

    return run


def deep_merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both maps in a new one; where both have a map, these are merged the same way."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = deep_merge(known, value) if both else value  # type: ignore[arg-type]
    return result


def _items(value: Any, name: str, site: Site) -> Sequence[Any]:
    if not is_list(value):
        raise Fault(
            "HOT-022", f"{name} takes a list, not {kind_of(value)}", site, fix=f"Write {name}: [...]."
        )
    return value  # type: ignore[no-any-return]


def map_replace(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``map_replace: [MAP, {keys: {OLD: NEW}, values: {OLD: NEW}}]``: whole keys and whole values."""
    site = compiler.site(path)
    form = "Write map_replace: [MAP, {keys: {OLD: NEW}, values: {OLD: NEW}}]."
    expr = compiler.compile(args, path)

    def run(scope: Scope) -> dict[str, Any]:
        value = evaluate(expr, scope)
        if not isinstance(value, list) or len(value) != 2:
            raise Fault("HOT-021", "map_replace takes a map and a map of replacements", site, fix=form)
        source, replacements = (_map(item, site, form) for item in value)
        unknown = [str(key) for key in replacements if key not in ("keys", "values")]
        if unknown:
            raise Fault("HOT-021", f"map_replace does not know {', '.join(unknown)}", site, fix=form)
        keys = _map(replacements.get("keys"), site, form)
        values = _map(replacements.get("values"), site, form)
        return _replaced(source, keys, values, site)

    return run


def _map(value: Any, site: Site, form: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Fault("HOT-022", f"map_replace works on maps, not {kind_of(value)}", site, fix=form)
    return value


def _replaced(
    source: Mapping[str, Any], keys: Mapping[str, Any], values: Mapping[Any, Any], site: Site
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for old, value in source.items():
        key = keys.get(old)
        if key is None:
            key = old
        else:
            try:
                collides = (key in source and key != old) or key in result
            except TypeError:
                raise Fault("HOT-022", f"the key {old} cannot become {kind_of(key)}", site) from None
            if collides:
                raise Fault("HOT-022", f"the key {old} becomes {shown(key)}, which is there already", site)
        try:
            result[key] = values.get(value, value)
        except TypeError:
            result[key] = value
    return result


def list_concat(*, unique: bool = False) -> Handler:
    """``list_concat: [LIST, …]``; with ``unique`` each item only once. Null counts as empty."""

    def compile_concat(compiler: Compiler, args: Any, path: Path) -> Expr:
        site = compiler.site(path)
        name = "list_concat_unique" if unique else "list_concat"
        expr = compiler.compile(args, path)

        def run(scope: Scope) -> list[Any]:
            result: list[Any] = []
            for item in _items(evaluate(expr, scope), name, site):
                if item is None:
                    continue
                if not is_list(item):
                    raise Fault("HOT-022", f"{name} joins lists, not {kind_of(item)}: {shown(item)}", site)
                result.extend(item)
            return distinct(result) if unique else result

        return run

    return compile_concat


def filter_(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``filter: [VALUES, LIST]``: the list without the values."""
    site = compiler.site(path)
    if not isinstance(args, list) or len(args) != 2:
        return compiler.fault(
            "HOT-021", "filter takes values and a list", path, "Write filter: [[...], [...]]."
        )
    values_expr, list_expr = (compiler.compile(item, (path, index)) for index, item in enumerate(args))

    def run(scope: Scope) -> Any:
        items = evaluate(list_expr, scope)
        if not items:
            return items
        values = evaluate(values_expr, scope)
        for what in (items, values or []):
            if not isinstance(what, list):
                raise Fault("HOT-022", f"filter works on lists, not {kind_of(what)}", site)
        return [item for item in items if item not in values] if values else items

    return run


def contains(compiler: Compiler, args: Any, path: Path) -> Expr:
    """``contains: [VALUE, LIST]``: whether the list (or text) has the value."""
    site = compiler.site(path)
    if not isinstance(args, list) or len(args) != 2:
        return compiler.fault(
            "HOT-021", "contains takes a value and a list", path, "Write contains: [VALUE, LIST]."
        )
    value_expr, list_expr = (compiler.compile(item, (path, index)) for index, item in enumerate(args))

    def run(scope: Scope) -> bool:
        value, items = evaluate(value_expr, scope), evaluate(list_expr, scope)
        if not isinstance(items, Sequence) or (isinstance(items, str) and not isinstance(value, str)):
            raise Fault("HOT-022", f"contains looks into lists, not {kind_of(items)}", site)
        return value in items

    return run


MOST_REPEATS = 1_000_000
"""The items that ``repeat`` may make."""
_REPEAT_FORM = "Write template: SNIPPET and for_each: {PLACEHOLDER: LIST} below it."


def repeat(*, maps: bool = True, permutations: bool = True) -> Handler:
    """``repeat: {template, for_each, permutations}``.

    ``maps``: for_each takes maps too (their keys; since 2016-10-14); ``permutations``: the key is known
    (since 2017-09-01).
    """

    def compile_repeat(compiler: Compiler, args: Any, path: Path) -> Expr:
        if not isinstance(args, dict) or "template" not in args or "for_each" not in args:
            return compiler.fault("HOT-021", "repeat lacks template or for_each", path, _REPEAT_FORM)
        nested = args.get("permutations", True) if permutations else True
        if not isinstance(nested, bool):
            return compiler.fault("HOT-021", "permutations must be true or false", (path, "permutations"))
        site = compiler.site(path)
        if not isinstance(args["for_each"], dict):
            return compiler.fault("HOT-021", "for_each must be a map", (path, "for_each"), _REPEAT_FORM)
        for_each = compiler.compile(args["for_each"], (path, "for_each"))
        template = compiler.compile(args["template"], (path, "template"))

        def run(scope: Scope) -> list[Any]:
            lists = evaluate(for_each, scope)
            if not isinstance(lists, Mapping) or not lists:
                raise Fault("HOT-022", "for_each gives nothing to repeat over", site, fix=_REPEAT_FORM)
            values = [_repeated(value, maps and nested, site) for value in lists.values()]
            if (
                not nested
                and len({len(v) for v, raw in zip(values, lists.values(), strict=True) if raw is not None})
                > 1
            ):
                raise Fault("HOT-022", "without permutations all lists must be of the same length", site)
            snippet = evaluate(template, scope)
            if nested and math.prod(map(len, values)) > MOST_REPEATS:
                message = f"that would be more than {MOST_REPEATS:,} items"
                raise Fault("HOT-052", message, site, fix="Repeat over fewer or shorter lists.")
            rounds: Iterable[tuple[Any, ...]] = (
                itertools.product(*values) if nested else zip(*values, strict=False)
            )
            keys = list(lists)
            return [_filled(snippet, list(zip(keys, items, strict=True)), site) for items in rounds]

        return run

    return compile_repeat


def _repeated(value: Any, maps: bool, site: Site) -> Sequence[Any]:
    if value is None:
        return []
    if is_list(value):
        return value  # type: ignore[no-any-return]
    if maps and isinstance(value, Mapping):
        return list(value)
    raise Fault("HOT-022", f"for_each goes over lists, not {kind_of(value)}", site, fix=_REPEAT_FORM)


def _filled(snippet: Any, pairs: list[tuple[str, Any]], site: Site) -> Any:
    if isinstance(snippet, str):
        text, secret = snippet, isinstance(snippet, Secret)
        for key, value in pairs:
            if not isinstance(value, str):
                raise Fault(
                    "HOT-022",
                    f"an item for {key} is {kind_of(value)}, not text: {shown(value)}",
                    site,
                    fix="Quote it.",
                )
            secret = secret or (isinstance(value, Secret) and key in text)
            text = text.replace(key, value)
        return Secret(text) if secret else text
    if is_list(snippet):
        return [_filled(item, pairs, site) for item in snippet]
    if isinstance(snippet, Mapping):
        return {_filled(key, pairs, site): _filled(item, pairs, site) for key, item in snippet.items()}
    return snippet
