"""Parameters: their schemas, the conversion of what is given, their constraints."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from undercloud.hot import constraints as limits
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.values import Normaliser, boolean_from_text, is_list, kind_of, number_from, shown
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.plan.secrets import Secret, conceal

TYPES = ("string", "number", "comma_delimited_list", "json", "boolean")
PSEUDO = ("OS::stack_id", "OS::stack_name", "OS::project_id")
_KEYS = ("type", "description", "default", "schema", "constraints", "hidden", "label", "immutable")


class NotConvertible(ValueError):  # noqa: N818 - caught by who knows the place
    """A value that a parameter's type does not take; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as its template declares it. ``default`` None means that there is none."""

    name: str
    type: str
    site: Site
    default: Any = None
    hidden: bool = False
    immutable: bool = False
    label: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    constraints: tuple[limits.Constraint, ...] = ()

    def convert(self, raw: Any, normaliser: Normaliser) -> Any:
        """The value that a template, an environment or a user gives; raises NotConvertible."""
        value = _CONVERT[self.type](raw, normaliser)
        return normaliser.concealed(value) if self.hidden else value

    def convert_property(self, raw: Any, normaliser: Normaliser) -> Any:
        """The value that a resource's property gives to a nested template; raises NotConvertible.

        The rules are narrower than those for what a user gives; null becomes the type's empty value.
        """
        value = _CONVERT_PROPERTY[self.type](raw, normaliser)
        return normaliser.concealed(value) if self.hidden else value

    def violations(self, value: Any, *, custom: bool = True) -> list[str]:
        """What the constraints say against a converted value."""
        found = []
        for constraint in self.constraints:
            if constraint.name == "custom_constraint" and not custom:
                continue
            try:
                wrong = constraint.violation(value, _COMPARE[self.type])
            except (TypeError, ValueError) as error:
                wrong = f"it cannot be checked against {constraint.name}: {error}"
            if wrong:
                found.append(wrong)
        return found


def declare(
    name: str, definition: Any, document: Document | None, *, has_tags: bool = True, has_modulo: bool = True
) -> tuple[Parameter | None, list[Fault]]:
    """A parameter from its definition in a template, and what is wrong with it."""
    path: Path = ((None, "parameters"), name)
    site = Site(document, path)
    if not isinstance(definition, dict):
        fault = Fault("HOT-007", f"the parameter {name} is {kind_of(definition)}, not a map", site)
        return None, [fault]
    faults: list[Fault] = []
    known = (*_KEYS, "tags") if has_tags else _KEYS
    faults += [
        Fault(
            "HOT-005",
            f"{key} is not a key of a parameter",
            site.below(key),
            fix=did_you_mean(str(key), known) or f"The keys are {', '.join(known)}.",
        )
        for key in definition
        if key not in known
    ]
    kind = definition.get("type")
    if kind not in TYPES:
        wrong = (
            f"the parameter {name} has no type" if kind is None else f"{shown(kind)} is not a parameter type"
        )
        hint = did_you_mean(str(kind), TYPES) if isinstance(kind, str) else ""
        faults.append(Fault("HOT-006", wrong, site, fix=hint or f"The types are {', '.join(TYPES)}."))
        return None, faults
    tags = definition.get("tags", [])
    if has_tags and not isinstance(tags, list):
        faults.append(
            Fault("HOT-007", f"the tags of {name} are {kind_of(tags)}, not a list", site.below("tags"))
        )
        tags = []
    parameter = Parameter(
        name,
        kind,
        site,
        definition.get("default"),
        hidden=_truth(definition.get("hidden")),
        immutable=_truth(definition.get("immutable")),
        label=str(definition.get("label") or ""),
        description=str(definition.get("description") or ""),
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        constraints=tuple(_constraints(definition.get("constraints"), kind, site, faults, has_modulo)),
    )
    return parameter, faults


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1", "on")
    return bool(value)


def _constraints(
    definitions: Any, kind: str, site: Site, faults: list[Fault], has_modulo: bool
) -> list[limits.Constraint]:
    if definitions is None:
        return []
    if not isinstance(definitions, list):
        wrong = f"the constraints are {kind_of(definitions)}, not a list"
        faults.append(Fault("HOT-014", wrong, site.below("constraints"), fix="Write a list of constraints."))
        return []
    found = []
    for index, definition in enumerate(definitions):
        try:
            found.append(limits.parse(definition, kind, has_modulo=has_modulo))
        except limits.BadConstraint as error:
            fix = f"The constraints are {', '.join(limits.NAMES)}."
            faults.append(Fault("HOT-014", str(error), site.below("constraints", index), fix=fix))
    return found


def _string(raw: Any, normaliser: Normaliser) -> str:
    return raw if isinstance(raw, str) else str(_plain(raw, normaliser))


def _plain(raw: Any, normaliser: Normaliser) -> Any:
    try:
        return normaliser.plain(raw)
    except (TypeError, ValueError) as error:
        raise NotConvertible(str(error)) from None


def _number(raw: Any, _normaliser: Normaliser) -> int | float:
    try:
        return number_from(raw)
    except (ValueError, TypeError):
        raise NotConvertible(f"{shown(raw)} is not a number") from None


def _boolean(raw: Any, _normaliser: Normaliser) -> bool:
    if isinstance(raw, bool):
        return raw
    try:
        return boolean_from_text(str(raw))
    except ValueError:
        raise NotConvertible(f"{shown(raw)} is neither true nor false") from None


def _list(raw: Any, normaliser: Normaliser) -> list[str]:
    if isinstance(raw, list):
        plain = all(isinstance(item, str) for item in raw)
        return raw if plain else [_string(item, normaliser) for item in raw]
    if not isinstance(raw, str):
        raise NotConvertible(f"{kind_of(raw)} is not a list, nor text with commas")
    return split_list(raw)


def split_list(text: str) -> list[str]:
    """The items of a comma delimited list; no text means no items."""
    parts: list[str] = text.split(",") if text else []
    return [Secret(part) for part in parts] if isinstance(text, Secret) else parts


def _json(raw: Any, normaliser: Normaliser) -> Any:
    if not isinstance(raw, str):
        return _plain(raw, normaliser)
    if not raw:
        return raw
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotConvertible(f"it is text that is not JSON: {error}") from None
    return conceal(value) if isinstance(raw, Secret) else value


def _string_property(raw: Any, _normaliser: Normaliser) -> str:
    if isinstance(raw, str):
        return raw
    if raw is None:
        return ""
    if isinstance(raw, bool | int):
        return str(raw)
    raise NotConvertible(f"{kind_of(raw)} is not a string: {shown(raw)}")


def _number_property(raw: Any, normaliser: Normaliser) -> int | float:
    return 0 if raw is None else _number(raw, normaliser)


def _boolean_property(raw: Any, _normaliser: Normaliser) -> bool:
    if raw is None:
        return False
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    raise NotConvertible(f"{shown(raw)} is neither true nor false")


def _list_property(raw: Any, _normaliser: Normaliser) -> list[str]:
    """Heat joins a list with commas and splits it again, so that an item with a comma becomes several."""
    if not raw and (raw is None or is_list(raw)):
        return []
    if isinstance(raw, str):
        raw = split_list(raw)
    if not is_list(raw):
        raise NotConvertible(f"{kind_of(raw)} is not a list: {shown(raw)}")
    if raw and isinstance(raw[0], Mapping):
        if not all(isinstance(item, Mapping) for item in raw):
            raise NotConvertible("a list of maps holds nothing but maps")
        raw = [
            f".member.{index}.{key}={value}" for index, item in enumerate(raw) for key, value in item.items()
        ]
    items = ["" if item is None else item for item in raw]
    bad = [item for item in items if not isinstance(item, str)]
    if bad:
        raise NotConvertible(f"an item is {kind_of(bad[0])}, not a string: {shown(bad[0])}")
    if items == [""]:
        return []
    if any("," in item for item in items):
        return [part for item in items for part in (split_list(item) if item else [""])]
    return items


def _json_property(raw: Any, normaliser: Normaliser) -> Any:
    if raw is None:
        return {}
    if not isinstance(raw, str | Mapping) and not is_list(raw):
        raise NotConvertible(f"{kind_of(raw)} is not a map: {shown(raw)}")
    return _json(raw, normaliser)


_CONVERT = {
    "string": _string,
    "number": _number,
    "boolean": _boolean,
    "comma_delimited_list": _list,
    "json": _json,
}
_CONVERT_PROPERTY = {
    "string": _string_property,
    "number": _number_property,
    "boolean": _boolean_property,
    "comma_delimited_list": _list_property,
    "json": _json_property,
}
_COMPARE = {
    "string": lambda value: value if isinstance(value, str) else str(value),
    "number": number_from,
    "boolean": lambda value: value if isinstance(value, bool) else boolean_from_text(str(value)),
    "comma_delimited_list": lambda value: value,
    "json": lambda value: value,
}
