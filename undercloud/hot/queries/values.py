"""Values of a quick query, and the checks that decide whether it may go on."""

from __future__ import annotations

from typing import Any

from undercloud.plan.secrets import Secret, is_secret

SIZE_LIMIT = 9000
"""Heat's limit_iterators, as TripleO sets it."""


class Unsure(Exception):  # noqa: N818 - the library then has the word
    """The quick evaluator is not sure of the result."""


class Lazy(list[Any]):
    """What yaql has as an iterator: it can be gone through, but has no index and is no list."""

    __slots__ = ()


class View(Lazy):
    """What yaql has as a view on a map: its keys, values or items."""

    __slots__ = ()


def items_of(value: Any) -> list[Any]:
    """The items of something to go through; raises Unsure."""
    if isinstance(value, list):
        return value
    raise Unsure


def a_list(value: Any) -> list[Any]:
    """A proper list; raises Unsure."""
    if isinstance(value, list) and not isinstance(value, Lazy):
        return value
    raise Unsure


def a_map(value: Any) -> dict[Any, Any]:
    """A map; raises Unsure."""
    if isinstance(value, dict):
        return value
    raise Unsure


def a_text(value: Any) -> str:
    """A text; raises Unsure."""
    if isinstance(value, str):
        return value
    raise Unsure


def a_number(value: Any) -> Any:
    """A number that is no boolean; raises Unsure."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Unsure


def an_integer(value: Any) -> int:
    """A whole number that is no boolean; raises Unsure."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unsure


def settled(value: Any) -> Any:
    """A value that means the same each time it is used; an iterator does not: raises Unsure."""
    if isinstance(value, Lazy):
        raise Unsure
    return value


def a_key(value: Any) -> Any:
    """A value that is a key of a map both here and in yaql; raises Unsure."""
    if value is None or isinstance(value, str | int | float):
        return value
    raise Unsure


def limited(items: Any) -> Any:
    """What a query makes out of nothing, of a size that Heat allows; raises Unsure."""
    if len(items) > SIZE_LIMIT:
        raise Unsure
    return items


def plain_text(value: Any) -> str:
    """What yaql's ``str`` gives for a scalar; raises Unsure."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Unsure


def tainted(text: str, *sources: Any) -> str:
    """A text that was built from others, secret if one of them is."""
    for source in sources:
        if isinstance(source, Secret) or (isinstance(source, list | dict) and is_secret(source)):
            return Secret(text)
    return text


def distinct(items: list[Any]) -> list[Any]:
    """Equal items only once, in the order of their first appearance."""
    result: list[Any] = []
    seen: dict[Any, list[Any]] = {}
    for item in items:
        settled(item)
        known = seen.setdefault(_mark(item), [])
        if item not in known:
            known.append(item)
            result.append(item)
    return result


def _mark(value: Any) -> Any:
    """Something hashable that equal values share; raises Unsure where yaql compares iterators."""
    if isinstance(value, dict):
        return frozenset((key, item) for key, item in value.items() if isinstance(item, str))
    if isinstance(value, list):
        for item in value:
            settled(item)
        return ("list", len(value))
    return value


def merged(first: dict[Any, Any], second: dict[Any, Any]) -> dict[Any, Any]:
    """yaql's ``mergeWith``: maps are merged to any depth, lists united, else the second wins."""
    result = dict(first)
    for key, value in second.items():
        if key not in first:
            result[key] = value
            continue
        known = first[key]
        settled(known)
        settled(value)
        if isinstance(value, dict):
            result[key] = merged(a_map(known), value)
        elif isinstance(value, list):
            result[key] = distinct(a_list(known) + value)
        else:
            result[key] = value
    return result


def flat(items: list[Any], into: list[Any]) -> list[Any]:
    """The items, and those of lists among them, added to a list."""
    for item in items:
        if isinstance(item, list):
            flat(item, into)
        else:
            into.append(item)
    return into
