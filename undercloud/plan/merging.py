"""How two values of one parameter become one: Heat's merge strategies (heat/common/environment_util.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OVERWRITE, MERGE, DEEP_MERGE = STRATEGIES = ("overwrite", "merge", "deep_merge")


def strategy_for(name: str, stated: Mapping[str, Any], settled: Mapping[str, str]) -> str:
    """The strategy of a parameter in one file.

    ``stated`` is the parameter_merge_strategies of the file, ``settled`` what earlier files chose. The
    file's own word counts first, then what is settled, then the file's ``default``.
    """
    default = stated.get("default", OVERWRITE)
    chosen = stated.get(name, settled.get(name, default))
    return str(chosen if chosen in STRATEGIES else default if default in STRATEGIES else OVERWRITE)


def merged(old: Any, new: Any, kind: str, *, deep: bool) -> Any:
    """The two values merged, as a new value; ``kind`` is the HOT type of the parameter.

    Maps take the new one's keys (nested ones too if ``deep``), lists are joined, texts put together. Raises
    ValueError with the reason where values or type cannot be merged.
    """
    if kind == "json":
        return _maps(_as_map(old), _as_map(new), deep=deep)
    if kind == "comma_delimited_list":
        return _lists(old, new)
    if kind == "string":
        if isinstance(new, str) and isinstance(old, str | None):
            return (old or "") + new
        raise ValueError("only texts can be merged into a text")
    raise ValueError(f"a parameter of the type {kind} cannot be merged")


def kind_of(value: Any) -> str:
    """The HOT type that fits a value best, for a parameter that no template declares."""
    kinds: tuple[tuple[type, str], ...] = (
        (dict, "json"),
        (list, "comma_delimited_list"),
        (bool, "boolean"),
        (int, "number"),
        (float, "number"),
    )
    return next((kind for python, kind in kinds if isinstance(value, python)), "string")


def _as_map(value: Any) -> Any:
    """A json parameter may be given as JSON text; anything else makes a JSON round trip, as in Heat."""
    if value in (None, ""):
        return {}
    try:
        plain = json.loads(value if isinstance(value, str) else json.dumps(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(plain, dict):
        raise ValueError("only maps can be merged into a map")
    return plain


def _maps(old: dict[str, Any], new: dict[str, Any], *, deep: bool) -> dict[str, Any]:
    if not old:
        return new
    result = dict(old)
    for key, value in new.items():
        before = old.get(key)
        if value is None:
            continue
        if not deep or not before:
            result[key] = value
        elif isinstance(value, dict) and isinstance(before, dict):
            result[key] = _maps(before, value, deep=True)
        elif isinstance(value, list):
            result[key] = _lists(before, value)
        elif isinstance(value, str) and isinstance(before, str):
            result[key] = before + value
        else:
            result[key] = value
    return result


def _lists(old: Any, new: Any) -> Any:
    """Lists are appended; comma delimited texts stay texts unless one side is a list."""
    if not old:
        return new
    if isinstance(old, str) and isinstance(new, str):
        return f"{old},{new}"
    parts = [value.split(",") if isinstance(value, str) else value for value in (old, new)]
    if not all(isinstance(part, list) for part in parts):
        raise ValueError("only lists can be merged into a list")
    return [*parts[0], *parts[1]]
