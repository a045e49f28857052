"""Frozen dataclasses to plain JSON values and back: what the database keeps and RPC carries."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from undercloud.diagnostics import internal

T = TypeVar("T")
_SIMPLE = frozenset({str, int, float, bool, type(None)})


def to_plain(value: Any) -> Any:
    """A value made of dataclasses, enums, tuples and mappings, as JSON's types."""
    kind = type(value)
    if kind in _SIMPLE:
        return value
    if names := _fields(kind):
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


_FIELDS: dict[Any, tuple[str, ...]] = {}


def _fields(kind: Any) -> tuple[str, ...]:
    """The names of a dataclass' fields; empty for any other type."""
    if kind not in _FIELDS:
        data = dataclasses.is_dataclass(kind)
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind)) if data else ()
    return _FIELDS[kind]


def from_plain(kind: type[T], data: Any) -> T:
    """The dataclass (or other type) ``kind`` out of what ``to_plain`` made of it.

    Keys that ``kind`` does not know are ignored and absent ones take their defaults, so that an older and
    a newer process understand each other.
    """
    return typing.cast(T, _build(kind, data))


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(kind: Any) -> dict[str, Any]:
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    return _HINTS[kind]


def _build(kind: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    built = data
    if origin in {types.UnionType, typing.Union}:
        inner = next(a for a in arguments if a is not types.NoneType)
        built = None if data is None else _build(inner, data)
    elif origin is tuple:
        built = tuple(_build(arguments[0], item) for item in data)
    elif origin is not None:
        built = {key: _build(arguments[1], item) for key, item in data.items()}
    elif dataclasses.is_dataclass(kind):
        hints, known = _hints(kind), {f.name for f in dataclasses.fields(kind)}
        built = typing.cast(Any, kind)(**{k: _build(hints[k], v) for k, v in data.items() if k in known})
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        built = kind(data)
    elif kind is not Any and kind not in {str, int, float, bool}:
        raise internal(f"{kind!r} cannot travel as JSON")
    return built
