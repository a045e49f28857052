"""What values are as text and as JSON. Values are plain data, shared freely: nobody changes one in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.plan.secrets import Secret, conceal, is_secret

LARGEST = 500_000_000
"""How much one value may hold: a text counts by its characters, a list or map by its items and theirs.

A part that stands in a value in many places counts each time, since it is written out each time: a few lines
of template, each of which repeats the one before, would else fill any memory.
"""
LONGEST = 50_000_000
"""The characters that one function may write."""
OMIT = ...
"""What a two-argument ``if`` gives when it is false: the item it stands in is left out."""


def is_list(value: object) -> bool:
    """Whether a value is a list (any sequence that is no text)."""
    return isinstance(value, list | tuple) or (isinstance(value, Sequence) and not isinstance(value, str))


class TooLarge(ValueError):  # noqa: N818 - caught by who knows the place
    """A value that holds more than any plan needs; the message says how much is too much."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"it would hold more than {limit:,} characters and items")


def json_text(value: Any) -> str:
    """JSON with sorted keys, as Heat writes values into text; secret if there is a secret in it.

    Raises TypeError or ValueError for what JSON cannot say, and TooLarge.
    """
    if _size(value, {}) > LONGEST:
        raise TooLarge(LONGEST)
    text = json.dumps(value, sort_keys=True)
    return Secret(text) if is_secret(value) else text


def _size(value: Any, known: dict[int, int]) -> int:
    """How much a value holds; ``known`` are the parts that were looked at."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, dict | list | tuple):
        return 1
    size = known.get(id(value))
    if size is None:
        parts = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = len(value) + sum(_size(part, known) for part in parts)
    return size


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
        self._sizes: dict[int, int] = {}
        self._done: dict[int, tuple[Any, Any]] = {}
        self._concealed: dict[int, tuple[Any, Any]] = {}

    def plain(self, value: Any) -> Any:
        """The value after the round trip; the same object if nothing changes.

        Raises TypeError for what JSON cannot say, and TooLarge.
        """
        kind = type(value)
        if kind is str or value is None or kind is bool or kind is int or kind is Secret or kind is float:
            return value
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        result = self._rebuilt(value)
        if _size(result, self._sizes) > LARGEST:
            raise TooLarge(LARGEST)
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
        if isinstance(value, set | frozenset):
            # A set of yaql's has no order; here it gets one that does not change from run to run.
            return sorted(
                (self.plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
            )
        if isinstance(value, list | tuple):
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
            if _size(value, {}) > LARGEST:
                raise TooLarge(LARGEST)
            known = self._concealed[id(value)] = (value, conceal(value))
        return known[1]


def shown(value: Any, limit: int = 60) -> str:
    """A value for a message: short, and masked if it is secret."""
    if _size(value, {}) > LONGEST:
        return f"{kind_of(value)} of great size"
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
