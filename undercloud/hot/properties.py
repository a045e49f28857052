"""Properties of built-in resource types: their schemas, and values brought into shape by Heat's rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.hot import constraints as limits
from undercloud.hot.values import is_list, kind_of, number_from, shown


@dataclasses.dataclass(frozen=True, slots=True)
class Property:
    """What a property takes.

    ``type``: string, integer, number, boolean, map, list or any. ``keys``: the properties of a map;
    ``items``: what a list holds. ``constraints`` are written as in a parameter.
    """

    type: str
    required: bool = False
    default: Any = None
    keys: Mapping[str, Property] | None = None
    items: Property | None = None
    constraints: tuple[limits.Constraint, ...] = ()

    def limited(self, **definitions: Any) -> Property:
        """The property with constraints, e.g. ``limited(range={"min": 0})``."""
        kind = _PARAMETER_TYPES[self.type]
        found = tuple(limits.parse({name: value}, kind) for name, value in definitions.items())
        return dataclasses.replace(self, constraints=found)


_PARAMETER_TYPES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "map": "json",
    "list": "comma_delimited_list",
    "any": "json",
}

STRING, INTEGER, NUMBER = Property("string"), Property("integer"), Property("number")
BOOLEAN, MAP, LIST, ANY = Property("boolean"), Property("map"), Property("list"), Property("any")


def text(default: str | None = None, *, required: bool = False) -> Property:
    """A string."""
    return Property("string", required, default)


def list_of(item: Property, default: Any = None, *, required: bool = False) -> Property:
    """A list of like items."""
    return Property("list", required, default, items=item)


def map_of(required: bool = False, default: Any = None, **keys: Property) -> Property:
    """A map with known keys."""
    return Property("map", required, default, keys=keys)


class BadProperty(ValueError):  # noqa: N818 - caught by who knows the place
    """A value that does not fit; ``path`` leads to it inside the property's value."""

    def __init__(self, message: str, path: tuple[Any, ...] = (), code: str = "HOT-043") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.code = code


def coerce(schema: Property, value: Any) -> Any:
    """The value in the shape that the schema wants, constraints checked; raises BadProperty."""
    result = _COERCE[schema.type](schema, value)
    for constraint in schema.constraints:
        try:
            wrong = constraint.violation(result, _identity)
        except (TypeError, ValueError) as error:
            wrong = str(error)
        if wrong:
            raise BadProperty(wrong, code="HOT-013")
    return result


def _identity(value: Any) -> Any:
    return value


def fallback(schema: Property) -> Any:
    """The value of a property that is not given: its default, or None."""
    return None if schema.default is None else coerce(schema, None)


def _string(schema: Property, value: Any) -> Any:
    if value is None:
        return schema.default or ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(value)
    raise BadProperty(f"{kind_of(value)} is not a string: {shown(value)}")


def _integer(schema: Property, value: Any) -> Any:
    if value is None:
        return schema.default or 0
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise BadProperty(f"{shown(value)} is not a whole number") from None


def _number(schema: Property, value: Any) -> Any:
    if value is None:
        return schema.default or 0
    try:
        return number_from(value)
    except (ValueError, TypeError):
        raise BadProperty(f"{shown(value)} is not a number") from None


def _boolean(schema: Property, value: Any) -> Any:
    if value is None:
        return schema.default or False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadProperty(f"{shown(value)} is neither true nor false")


def _map(schema: Property, value: Any) -> Any:
    if value is None:
        value = schema.default if schema.default is not None else {}
    if not isinstance(value, Mapping):
        raise BadProperty(f"{kind_of(value)} is not a map: {shown(value)}")
    if schema.keys is None:
        return value
    unknown = [str(key) for key in value if key not in schema.keys]
    if unknown:
        raise BadProperty(
            f"{unknown[0]} is not a key here; known are {', '.join(schema.keys)}", (unknown[0],), "HOT-041"
        )
    return dict(_children(schema.keys, value))


def _children(keys: Mapping[str, Property], value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, child in keys.items():
        if key in value:
            yield key, _inside(child, value[key], key)
        elif child.required:
            raise BadProperty(f"{key} is missing", code="HOT-042")
        else:
            yield key, fallback(child)


def _list(schema: Property, value: Any) -> Any:
    if value is None:
        value = schema.default or []
    if not is_list(value):
        raise BadProperty(f"{kind_of(value)} is not a list: {shown(value)}")
    if schema.items is None:
        return value
    return [_inside(schema.items, item, index) for index, item in enumerate(value)]


def _inside(schema: Property, value: Any, key: Any) -> Any:
    try:
        return coerce(schema, value)
    except BadProperty as error:
        raise BadProperty(error.message, (key, *error.path), error.code) from None


def _any(_schema: Property, value: Any) -> Any:
    return value


_COERCE = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "map": _map,
    "list": _list,
    "any": _any,
}
