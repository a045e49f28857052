"""What differs between two values, as deep as they are alike."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.validation.diff.hushed import is_hushed, shown

_READ_AT_ONCE = 8

ABSENT: Any = object()
"""What stands for a value that is not there (null is a value)."""


@dataclasses.dataclass(frozen=True, slots=True)
class ValueChange:
    """One place where two values differ; ``before`` or ``after`` is ABSENT where it stands in one only.

    ``masked``: the secrets in it are masked already.
    """

    path: tuple[str, ...]
    before: Any
    after: Any
    masked: bool = False

    @property
    def action(self) -> str:
        """``add``, ``remove`` or ``change``."""
        if self.before is ABSENT:
            return "add"
        return "remove" if self.after is ABSENT else "change"

    @property
    def secret(self) -> bool:
        """Whether a secret is in what differs."""
        return self.masked or is_hushed(self.before) or is_hushed(self.after)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, secrets masked."""
        plain: dict[str, Any] = {"path": list(self.path), "action": self.action}
        for key, value in (("before", self.before), ("after", self.after)):
            if value is not ABSENT:
                plain[key] = shown(value)
        return plain | ({"secret": True} if self.secret else {})


def value_change(plain: Mapping[str, Any]) -> ValueChange:
    """A change out of its JSON form."""
    sides = (plain.get("before", ABSENT), plain.get("after", ABSENT))
    return ValueChange(tuple(plain.get("path", ())), *sides, masked=bool(plain.get("secret")))


def changes(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[ValueChange]:
    """Every place where two values differ, maps by key, lists of maps item by item, all else as a whole."""
    if before is after or _same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, str(key)))
    elif _is_long(before) and _is_long(after):
        yield from _items(before, after, path)
    else:
        yield ValueChange(path, before, after)


def _same(before: Any, after: Any) -> bool:
    """Whether two values are equal; unlike Python's equality it tells true from 1."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _is_long(value: Any) -> bool:
    """A list whose items are worth to be compared one by one."""
    if not isinstance(value, list):
        return False
    return len(value) > _READ_AT_ONCE or any(isinstance(item, Mapping | list) for item in value)


def _items(before: list[Any], after: list[Any], path: tuple[str, ...]) -> Iterator[ValueChange]:
    texts = [[json.dumps(item, sort_keys=True, default=str) for item in each] for each in (before, after)]
    matcher = difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        both = min(last - first, end - start)
        for offset in range(both):
            yield from changes(before[first + offset], after[start + offset], (*path, str(start + offset)))
        for number in range(first + both, last):
            yield ValueChange((*path, str(number)), before[number], ABSENT)
        for number in range(start + both, end):
            yield ValueChange((*path, str(number)), ABSENT, after[number])
