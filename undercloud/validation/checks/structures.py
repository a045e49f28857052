"""Structured values: the shape of the whole, the keys and values of its entries."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.entries import brief
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.checks.values import given
from undercloud.validation.composition import Composition
from undercloud.validation.subject import Subject
from undercloud.validation.values import FORMS

_CALLED = {"list": "a list of maps", "map": "a map of maps", "any_map": "a map", "one": "a map"}


@dataclasses.dataclass(frozen=True)
class Structure:
    """One entry of structures.yaml."""

    names: re.Pattern[str]
    shape: str
    source: str
    excepted: re.Pattern[str] | None = None
    keys: str = ""
    required: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    forms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unique: tuple[str, ...] = ()
    good: Any = None
    bad: Any = None

    def takes(self, name: str) -> bool:
        """Whether a parameter of that name has this structure."""
        return bool(self.names.fullmatch(name)) and not (self.excepted and self.excepted.fullmatch(name))


def _pattern(listed: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in listed))


@functools.cache
def structures() -> tuple[Structure, ...]:
    """Every structure that is known."""
    file = importlib.resources.files("undercloud.validation").joinpath("data/structures.yaml")
    return tuple(
        Structure(
            _pattern(each["names"]),
            each["shape"],
            each["source"],
            excepted=_pattern(each["except"]) if each.get("except") else None,
            keys=each.get("keys", ""),
            required=tuple(each.get("required", ())),
            known=tuple(each.get("known", ())),
            forms=each.get("forms", {}),
            unique=tuple(each.get("unique", ())),
            good=each["good"],
            bad=each["bad"],
        )
        for each in yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    )


@check(
    {
        "FRM-050": "A structured value has its shape",
        "FRM-051": "Entries have what they need",
        "FRM-052": "Entries have known keys",
        "FRM-053": "Keys and values of entries have their form",
        "FRM-054": "Entries differ in what tells them apart",
    },
    reads=("every parameter of the type json that is set",),
    source="descriptions of these parameters",
)
def structured(subject: Subject) -> Iterator[Finding]:
    """Every structured value that a file gives."""
    composition = subject.composition
    for name, role, value, places, severity in given(composition):
        structure = next((each for each in structures() if each.takes(name)), None)
        if structure is None or value in (None, "", [], {}):
            continue
        whose = f" for the role {role}" if role else ""
        for code, wrong, fix, key in faults(structure, _parsed(value), secret=_is_secret(composition, name)):
            mild = Severity.WARNING if code == "FRM-052" and not fix.startswith("Did") else severity
            names = (name, *((key,) if key else ()), *((role,) if role else ()))
            yield Finding(code, f"{name}{whose}: {wrong}", fix, mild, places, names)


def _is_secret(composition: Composition, name: str) -> bool:
    return composition.is_hidden(name) or name == "ContainerImageRegistryCredentials"


def _parsed(value: Any) -> Any:
    """A text that holds JSON, read; as Heat takes it for the type json."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


Fault = tuple[str, str, str, str]
"""Code, what is wrong, how to mend it, the key concerned."""


def faults(structure: Structure, value: Any, *, secret: bool = False) -> Iterator[Fault]:
    """What is wrong with a value."""
    wanted = list if structure.shape == "list" else dict
    if not isinstance(value, wanted):
        article = (
            "a list"
            if isinstance(value, list)
            else "a map"
            if isinstance(value, dict)
            else "a text or number"
        )
        yield (
            "FRM-050",
            f"it is {article}, not {_CALLED[structure.shape]}",
            f"Write {_CALLED[structure.shape]}.",
            "",
        )
        return
    if isinstance(value, dict) and structure.shape == "one":
        yield from _entry(structure, "it", value, secret=secret)
        return
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value, 1)
    seen: dict[tuple[str, str], str] = {}
    for key, entry in items:
        what = f"entry {key}" if isinstance(value, list) else str(key)
        if structure.keys and isinstance(value, dict):
            wrong = FORMS[structure.keys](str(key))
            if wrong:
                yield "FRM-053", f"the key {key}: {wrong}", "Mend the key.", str(key)
        if structure.shape == "any_map":
            continue
        if not isinstance(entry, dict):
            if entry is not None:
                yield "FRM-050", f"{what} is no map", f"Write {_CALLED[structure.shape]}.", ""
            continue
        yield from _entry(structure, what, entry, secret=secret)
        for unique in structure.unique:
            text = str(entry.get(unique) or "")
            first = seen.setdefault((unique, text), what) if text else what
            if first != what:
                yield "FRM-054", f"{first} and {what} have the same {unique}", "Give each its own.", unique


def _entry(structure: Structure, what: str, entry: Mapping[Any, Any], *, secret: bool) -> Iterator[Fault]:
    for key in structure.required:
        if entry.get(key) in (None, ""):
            yield "FRM-051", f"{what} has no {key}", f"Add {key}.", key
    for key, value in entry.items():
        if structure.known and key not in structure.known:
            fix = did_you_mean(str(key), structure.known) or f"Known are {', '.join(structure.known)}."
            yield "FRM-052", f"{what} has the key {key}, which is not known", fix, str(key)
        form = structure.forms.get(str(key))
        for item in value if isinstance(value, list) and form else [value] if form else ():
            if item in (None, "") or isinstance(item, dict):
                continue
            wrong = FORMS[str(form)](str(item).strip())
            if wrong:
                shown = "" if secret else f" {brief(item)}"
                yield "FRM-053", f"{what}: {key}{shown}: {wrong}", f"Mend {key}.", str(key)
