"""What values are as text and as JSON. Values are plain data, shared freely: nobody changes one in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.plan.secrets import Secret, conceal, is_secret

OMIT = ...
"""What a two-argument ``if`` gives when it is false: the item it stands in is left out."""


def is_list(value: object) -> bool:
    """Whether a value is a list (any sequence that is no text)."""
    return isinstance(value, list | tuple) or (isinstance(value, Sequence) and not isinstance(value, str))


def json_text(value: Any) -> str:
    """JSON with sorted keys, as Heat writes values into text; secret if there is a secret in it.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    text = json.dumps(value, sort_keys=True)
    return Secret(text) if is_secret(value) else text


def json_key(key: Any) -> str:
    """A map's key as JSON writes it; Heat sends every template as JSON, so that all keys become text."""
    if isinstance(key, str):
        return key
    if key is True or key is False:
        return "true" if key else "false"
    if key is None:
        return "null"
    return json.dumps(key) if isinstance(key, int | float) else str(key)


class Normaliser:
    """Values as they are after a JSON round trip: keys as text, tuples and sets as lists.

    Values are never changed, so one that was looked at once need not be looked at again: the memory holds
    them by identity (and keeps them alive, so that an identity is not used twice). ``odd_keys`` is set once
    a function gave a map whose keys are no text.
    """

    def __init__(self) -> None:
        self.odd_keys = False
        self._done: dict[int, tuple[Any, Any]] = {}
        self._concealed: dict[int, tuple[Any, Any]] = {}

    def plain(self, value: Any) -> Any:
        """The value after the round trip; the same object if nothing changes.

        Raises TypeError for what JSON cannot say.
        """
        kind = type(value)
        if kind is str or value is None or kind is bool or kind is int or kind is Secret or kind is float:
            return value
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        result = self._rebuilt(value)
        self._done[id(value)] = (value, result)
        if result is not value:
            self._done[id(result)] = (result, result)
        return result

    def _rebuilt(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            clean = {json_key(key): self.plain(item) for key, item in value.items()}
            same = type(value) is dict and all(
                type(key) is str and value[key] is clean.get(key) for key in value
            )
            return value if same else clean
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.plain(item) for item in value]
            same = type(value) is list and all(a is b for a, b in zip(value, items, strict=True))
            return value if same else items
        if isinstance(value, str | int | float):
            return value
        raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")

    def concealed(self, value: Any) -> Any:
        """The value with every text in it made secret; an empty text has nothing to hide."""
        if isinstance(value, str) and not value:
            return value
        if isinstance(value, str) or not isinstance(value, dict | list):
            return conceal(value)
        known = self._concealed.get(id(value))
        if known is None:
            known = self._concealed[id(value)] = (value, conceal(value))
        return known[1]


def shown(value: Any, limit: int = 60) -> str:
    """A value for a message: short, and masked if it is secret."""
    text = "a secret value" if is_secret(value) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def kind_of(value: Any) -> str:
    """What a value is, in the words of the language."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if is_list(value) else f"a {type(value).__name__}"


_TRUE = frozenset(("1", "t", "true", "on", "y", "yes"))
_FALSE = frozenset(("0", "f", "false", "off", "n", "no"))


def boolean_from_text(text: str) -> bool:
    """The truth of a boolean parameter's text, as oslo.utils reads it strictly; raises ValueError."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("it is neither true nor false")


def number_from(value: Any) -> int | float:
    """A number, or the number that a text spells; raises ValueError or TypeError."""
    if isinstance(value, int | float):
        return value
    try:
        return int(value)
    except ValueError:
        return float(value)
