"""The functions and methods of yaql that are known here; each raises Unsure for what it is not sure of."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

from undercloud.hot.queries.values import (
    Lazy,
    Unsure,
    View,
    a_key,
    a_map,
    a_number,
    a_text,
    an_integer,
    distinct,
    flat,
    items_of,
    limited,
    merged,
    plain_text,
    settled,
    tainted,
)
from undercloud.plan.secrets import Secret

_NOTHING: Any = object()


class Formatter(string.Formatter):
    """``{0}`` and ``{name}`` only: attributes and items of a value would lead into Python itself."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """The argument of a field; raises ValueError for what is no plain name or number."""
        if not field_name.replace("_", "a").isalnum():
            raise ValueError(f"format knows {{0}} and {{name}}, not {{{field_name}}}")
        return super().get_field(field_name, args, kwargs)


def _format(text: Any, *args: Any) -> str:
    for arg in args:
        if isinstance(arg, list | dict):
            raise Unsure
    return tainted(Formatter().vformat(a_text(text), args, {}), text, *args)


def _list(*args: Any) -> list[Any]:
    """Iterators are gone through, at any depth; lists stay what they are."""
    result: list[Any] = []
    pending = list(args)
    while pending:
        item = pending.pop(0)
        if isinstance(item, View):
            raise Unsure
        if isinstance(item, Lazy):
            pending[:0] = item
        else:
            result.append(item)
    return result


def _len(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise Unsure


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value)
    return an_integer(value)


def _concat(*args: Any) -> str:
    return tainted("".join([a_text(arg) for arg in args]), *args)


def _str(value: Any) -> str:
    return plain_text(value)


def _first(items: Any, default: Any = _NOTHING) -> Any:
    for item in items_of(items):
        return settled(item)
    if default is _NOTHING:
        raise Unsure
    return default


def _last(items: Any, default: Any = _NOTHING) -> Any:
    found = items_of(items)
    if found:
        return settled(found[-1])
    if default is _NOTHING:
        raise Unsure
    return default


def _join(receiver: Any, argument: Any) -> str:
    items, separator = (receiver, argument) if isinstance(argument, str) else (argument, receiver)
    texts = [plain_text(item) for item in items_of(items)]
    return tainted(a_text(separator).join(texts), separator, *texts)


def _pieces(text: str, pieces: list[str]) -> list[Any]:
    return [Secret(piece) for piece in pieces] if isinstance(text, Secret) else pieces


def _split(text: Any, separator: Any = None, maxSplits: Any = -1) -> list[Any]:  # noqa: N803 - yaql's name
    if isinstance(text, re.Pattern):
        if separator is None or maxSplits != -1:
            raise Unsure
        return _pieces(separator, text.split(a_text(separator)))
    return _pieces(text, a_text(text).split(_separator(separator), an_integer(maxSplits)))


def _right_split(text: Any, separator: Any = None, maxSplits: Any = -1) -> list[Any]:  # noqa: N803 - yaql's
    return _pieces(text, a_text(text).rsplit(_separator(separator), an_integer(maxSplits)))


def _separator(value: Any) -> str | None:
    return None if value is None else a_text(value)


def _regex(pattern: Any) -> re.Pattern[str]:
    return re.compile(a_text(pattern))


def _matches(receiver: Any, argument: Any) -> bool:
    if isinstance(receiver, re.Pattern):
        return receiver.search(a_text(argument)) is not None
    return re.search(a_text(argument), a_text(receiver)) is not None


def _search(pattern: Any, text: Any) -> str | None:
    if not isinstance(pattern, re.Pattern):
        raise Unsure
    match = pattern.search(a_text(text))
    return tainted(match.group(), text) if match else None


def _range(start: Any, stop: Any = _NOTHING) -> Lazy:
    numbers = range(an_integer(start)) if stop is _NOTHING else range(an_integer(start), an_integer(stop))
    return Lazy(limited(numbers))


def _replace(text: Any, old: Any, new: Any) -> str:
    if isinstance(text, re.Pattern):
        return tainted(text.sub(a_text(new), a_text(old)), old, new)
    return tainted(a_text(text).replace(a_text(old), a_text(new)), text, old, new)


def _contains(items: Any, value: Any) -> bool:
    return settled(value) in items_of(items)


def _delete_all(source: Any, keys: Any) -> dict[Any, Any]:
    doomed = {a_key(key) for key in items_of(keys)}
    return {key: value for key, value in a_map(source).items() if key not in doomed}


def _repeat(value: Any, times: Any) -> Lazy:
    if an_integer(times) < 0:
        raise Unsure
    return Lazy([settled(value)] * times)


def _zip(*collections: Any) -> Lazy:
    rows = zip(*[items_of(items) for items in collections], strict=False)
    return Lazy([[settled(item) for item in row] for row in rows])


def _max(items: Any) -> Any:
    numbers = [a_number(item) for item in items_of(items)]
    if not numbers or len({type(number) for number in numbers}) > 1:
        raise Unsure
    return max(numbers)


def _is_list(value: Any) -> bool:
    if isinstance(value, View):
        raise Unsure
    return isinstance(value, list) and not isinstance(value, Lazy)


def _get(source: Any, key: Any, default: Any = None) -> Any:
    return settled(a_map(source).get(a_key(key), default))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": _concat,
    "distinct": lambda items: Lazy(distinct(items_of(items))),
    "format": _format,
    "int": _int,
    "isDict": lambda value: isinstance(value, dict),
    "isList": _is_list,
    "isString": lambda value: isinstance(value, str),
    "len": _len,
    "list": _list,
    "range": _range,
    "regex": _regex,
    "str": _str,
}
"""Functions by name."""

METHODS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "containsKey": lambda source, key: a_key(key) in a_map(source),
    "deleteAll": _delete_all,
    "distinct": FUNCTIONS["distinct"],
    "endsWith": lambda text, *ends: a_text(text).endswith(tuple(a_text(end) for end in ends)),
    "first": _first,
    "flatten": lambda items: Lazy(flat(items_of(items), [])),
    "format": _format,
    "get": _get,
    "isEmpty": lambda text: not a_text(text).strip(),
    "items": lambda source: View([[key, value] for key, value in a_map(source).items()]),
    "join": _join,
    "keys": lambda source: View(a_map(source)),
    "last": _last,
    "len": _len,
    "matches": _matches,
    "max": _max,
    "mergeWith": lambda first, second: merged(a_map(first), a_map(second)),
    "repeat": _repeat,
    "replace": _replace,
    "search": _search,
    "rightSplit": _right_split,
    "split": _split,
    "startsWith": lambda text, *starts: a_text(text).startswith(tuple(a_text(start) for start in starts)),
    "toList": lambda items: list(items_of(items)),
    "toLower": lambda text: tainted(a_text(text).lower(), text),
    "toUpper": lambda text: tainted(a_text(text).upper(), text),
    "trim": lambda text: tainted(a_text(text).strip(), text),
    "values": lambda source: View(a_map(source).values()),
    "zip": _zip,
}
"""Methods by name; the receiver is the first argument."""
