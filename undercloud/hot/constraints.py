"""Constraints on the values of parameters and properties."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.hot.custom_constraints import ASKED, DECIDED
from undercloud.hot.values import is_list, kind_of, number_from, shown
from undercloud.plan.names import did_you_mean

Convert = Callable[[Any], Any]

NAMES = ("modulo", "range", "length", "allowed_values", "allowed_pattern", "custom_constraint")
"""All constraints; of several in one map Heat takes the one that comes first here."""
_FOR_TYPES = {
    "length": ("string", "comma_delimited_list", "json"),
    "range": ("number",),
    "modulo": ("number",),
    "allowed_values": ("string", "number", "boolean", "comma_delimited_list"),
    "allowed_pattern": ("string",),
    "custom_constraint": ("string", "number", "boolean", "comma_delimited_list"),
}


class BadConstraint(ValueError):  # noqa: N818 - caught by who compiles the parameter
    """A constraint that says nothing sensible; the message says what is wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint: ``check`` gives what is wrong with a value, or None."""

    name: str
    check: Callable[[Any, Convert], str | None]
    description: str = ""

    def violation(self, value: Any, convert: Convert) -> str | None:
        """What is wrong with a value (in the template's words, if it has some), or None."""
        wrong = self.check(value, convert)
        return None if wrong is None else (self.description or wrong)


def parse(definition: Any, kind: str, *, has_modulo: bool = True) -> Constraint:
    """The constraint of one item of a ``constraints`` list; raises BadConstraint."""
    if not isinstance(definition, dict):
        raise BadConstraint(f"a constraint is a map, not {kind_of(definition)}")
    names = [name for name in NAMES if name in definition and (has_modulo or name != "modulo")]
    unknown = [str(key) for key in definition if key not in (*names, "description")]
    if unknown:
        hint = did_you_mean(unknown[0], NAMES)
        raise BadConstraint(f"{unknown[0]} is not a constraint. {hint}".strip())
    if not names:
        raise BadConstraint("no constraint is expressed")
    name = names[0]
    if kind not in _FOR_TYPES[name]:
        raise BadConstraint(f"{name} does not apply to the type {kind}")
    return Constraint(name, _MAKERS[name](definition[name]), str(definition.get("description") or ""))


def _limits(definition: Any, what: str, keys: tuple[str, str]) -> tuple[Any, Any]:
    if not isinstance(definition, dict) or set(definition) - set(keys):
        raise BadConstraint(f"{what} takes {keys[0]} and {keys[1]}")
    values = []
    for key in keys:
        value = definition.get(key)
        try:
            values.append(None if value is None else number_from(value))
        except (ValueError, TypeError):
            raise BadConstraint(f"the {key} of {what} is {shown(value)}, not a number") from None
    return values[0], values[1]


def _range(definition: Any) -> Callable[[Any, Convert], str | None]:
    low, high = _limits(definition, "range", ("min", "max"))
    if low is None and high is None:
        raise BadConstraint("range takes min or max or both")

    def check(value: Any, _convert: Convert) -> str | None:
        number = number_from(value)
        return None if _within(number, low, high) else f"{shown(value)} is not {_between(low, high)}"

    return check


def _within(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def _between(low: Any, high: Any) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"between {low} and {high}"


def _length(definition: Any) -> Callable[[Any, Convert], str | None]:
    low, high = _limits(definition, "length", ("min", "max"))
    if low is None and high is None:
        raise BadConstraint("length takes min or max or both")
    if not all(item is None or isinstance(item, int) for item in (low, high)):
        raise BadConstraint("lengths are whole numbers")

    def check(value: Any, _convert: Convert) -> str | None:
        size = len(value)
        return None if _within(size, low, high) else f"its length {size} is not {_between(low, high)}"

    return check


def _modulo(definition: Any) -> Callable[[Any, Convert], str | None]:
    step, offset = _limits(definition, "modulo", ("step", "offset"))
    if step is None or offset is None:
        raise BadConstraint("modulo takes step and offset")
    if int(step) != step or int(offset) != offset:
        raise BadConstraint("step and offset are whole numbers")
    if not step or abs(offset) >= abs(step) or step * offset < 0:
        raise BadConstraint("the offset must be smaller than the step, which is not 0, and of the same sign")

    def check(value: Any, _convert: Convert) -> str | None:
        if number_from(value) % step == offset:
            return None
        return f"{shown(value)} is not a multiple of {step} with an offset of {offset}"

    return check


def _allowed_values(definition: Any) -> Callable[[Any, Convert], str | None]:
    if not is_list(definition):
        raise BadConstraint("allowed_values is a list")
    listed = ", ".join(json.dumps(item, default=str) for item in definition)

    def check(value: Any, convert: Convert) -> str | None:
        if isinstance(value, list):
            bad = [item for item in value if item not in definition]
            return f"{shown(bad[0])} is none of {listed}" if bad else None
        try:
            allowed = [convert(item) for item in definition]
        except (ValueError, TypeError):
            return f"its allowed values {listed} are not of its type"
        return None if convert(value) in allowed else f"{shown(value)} is none of {listed}"

    return check


def _allowed_pattern(definition: Any) -> Callable[[Any, Convert], str | None]:
    if not isinstance(definition, str):
        raise BadConstraint("allowed_pattern is a regular expression")
    try:
        pattern = re.compile(definition)
    except re.error as error:
        raise BadConstraint(f"{definition!r} is not a regular expression: {error}") from None

    def check(value: Any, _convert: Convert) -> str | None:
        if not isinstance(value, str):
            return f"{shown(value)} is not text"
        match = pattern.match(value)
        if match is not None and match.end() == len(value):
            return None
        return f"{shown(value)} does not match {definition}"

    return check


def _custom(definition: Any) -> Callable[[Any, Convert], str | None]:
    if not isinstance(definition, str):
        raise BadConstraint("custom_constraint is a name")
    decide = DECIDED.get(definition)
    if decide is None and definition not in ASKED:
        raise BadConstraint(
            f"{definition} is not a custom constraint. {did_you_mean(definition, DECIDED)}".strip()
        )

    def check(value: Any, _convert: Convert) -> str | None:
        if decide is None or (isinstance(value, str) and decide(value)):
            return None
        return f"{shown(value)} does not validate as {definition}"

    return check


_MAKERS: Mapping[str, Callable[[Any], Callable[[Any, Convert], str | None]]] = {
    "range": _range,
    "length": _length,
    "modulo": _modulo,
    "allowed_values": _allowed_values,
    "allowed_pattern": _allowed_pattern,
    "custom_constraint": _custom,
}
