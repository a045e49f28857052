"""Reading typed keys from a map of an operator's file; its faults go to a report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean

Keys = Mapping[str, tuple[type, ...]]
"""The keys that a map may have, each with the types that its value may have."""

NOWHERE = Location("")

_SHOWN = {str: "a text", int: "a number", list: "a list", dict: "a map", bool: "true or false"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A place in a document (``path`` leads there), what it is called in messages, and the report.

    ``codes`` begins the codes of its findings: with ``PLAN-01`` an unknown key is PLAN-013 and a value of the
    wrong type PLAN-014.
    """

    document: Document
    path: tuple[str | int, ...]
    what: str
    codes: str
    report: Report

    def at(self, *steps: str | int) -> Entry:
        """The place that ``steps`` lead to from here."""
        return dataclasses.replace(self, path=(*self.path, *steps))

    def called(self, what: str) -> Entry:
        """The same place under another name."""
        return dataclasses.replace(self, what=what)

    @property
    def location(self) -> Location:
        """Where it stands."""
        return self.document.locate(*self.path)

    def error(self, digit: str, message: str, fix: str, *others: Location) -> None:
        """Report an error here; ``others`` are further places that have to do with it."""
        self.note(Severity.ERROR, digit, message, fix, *others)

    def note(self, severity: Severity, digit: str, message: str, fix: str, *others: Location) -> None:
        """Report something of any severity here; the keys that lead here are its parameters."""
        keys = tuple(dict.fromkeys(step for step in self.path if isinstance(step, str)))
        self.report.add(Finding(self.codes + digit, message, fix, severity, (self.location, *others), keys))

    def wrong(self, value: object, wanted: str, fix: str = "") -> None:
        """Report a value of the wrong type or shape (digit 4)."""
        self.error(
            "4", f"{self.what} is {brief(value)}, not {wanted}", fix or f"Give {wanted}, or leave it out."
        )

    def checked(
        self, data: Mapping[Any, Any], known: Keys, unknown: Severity = Severity.ERROR
    ) -> dict[str, Any]:
        """The known keys whose values have the right type; a null counts as left out.

        Others are reported: a wrong type as an error, an unknown key with the severity ``unknown``.
        """
        good: dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                hint = did_you_mean(str(key), known) or f"Remove it{_listed(known)}."
                self.at(key).note(unknown, "3", f"{self.what} has an unknown key {brief(key)}", hint)
            elif value is not None and not _fits(value, known[key]):
                wanted = " or ".join(_SHOWN[kind] for kind in known[key])
                self.at(key).called(f"{key} of {self.what}").wrong(value, wanted)
            elif value is not None:
                good[key] = value
        return good

    def texts(self, values: list[Any]) -> tuple[str, ...]:
        """The texts of the list that stands here; anything else is an error, a text twice a warning (5)."""
        found: dict[str, None] = {}
        for number, value in enumerate(values):
            item = self.at(number)
            if not isinstance(value, str):
                item.called(f"an entry of {self.what}").wrong(value, "a text")
            elif value in found:
                item.note(Severity.WARNING, "5", f"{self.what} has {value} twice", "Remove one of the two.")
            else:
                found[value] = None
        return tuple(found)


def brief(value: object) -> str:
    """A value as an operator writes it, cut where it gets long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _listed(known: Keys) -> str:
    return f"; known are {', '.join(sorted(known))}" if len(known) <= 8 else ""


def _fits(value: object, types: tuple[type, ...]) -> bool:
    """Python counts true and false as numbers; an operator does not."""
    return isinstance(value, types) and (not isinstance(value, bool) or bool in types)
