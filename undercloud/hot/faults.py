"""How the language reports: faults with their place, gathered for a whole run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.hot.fixes import FIXES

if TYPE_CHECKING:
    from undercloud.plan.documents import Document

Path = tuple[Any, Any] | None
"""A place in a document as a linked list, innermost key first: ``((None, 'outputs'), 'role_data')``."""

ROOT: Path = None


def steps(path: Path) -> list[Any]:
    """The keys of a path, outermost first."""
    keys: list[Any] = []
    while path is not None:
        path, key = path
        keys.append(key)
    keys.reverse()
    return keys


def path_of(*keys: Any) -> Path:
    """A path from its keys, outermost first."""
    path: Path = None
    for key in keys:
        path = (path, key)
    return path


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """Where an expression stands; its line and column are looked up only when something is reported."""

    document: Document | None
    path: Path

    def location(self) -> Location | None:
        """File, line and column, or None for what no file says."""
        return self.document.locate(*steps(self.path)) if self.document else None

    def below(self, *keys: Any) -> Site:
        """The place further down."""
        path = self.path
        for key in keys:
            path = (path, key)
        return Site(self.document, path)


NOWHERE = Site(None, None)


class Fault(Exception):  # noqa: N818 - it is caught inside the room and never escapes it
    """One mistake in a template, not yet reported."""

    def __init__(
        self,
        code: str,
        message: str,
        site: Site,
        *,
        fix: str = "",
        severity: Severity = Severity.ERROR,
        parameters: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.site = site
        self.fix = fix
        self.severity = severity
        self.parameters = parameters

    def finding(self, via: tuple[str, ...]) -> Finding:
        """The fault as told to an operator; ``via`` is the chain of resources that leads to it."""
        location = self.site.location()
        locations = (location,) if location else ()
        fix = self.fix or FIXES[self.code]
        return Finding(self.code, self.message, fix, self.severity, locations, self.parameters, via)


class Reported(Exception):  # noqa: N818 - no mistake of its own
    """A value that cannot be had; its cause is in the findings already."""


class Collector:
    """The findings of one run; the same mistake in many instances of a template is told once."""

    def __init__(self, limit: int = 500) -> None:
        self.report = Report()
        self._limit = limit
        self._seen: set[tuple[str, str, Location | None]] = set()

    def add(self, fault: Fault, via: tuple[str, ...]) -> None:
        """Keep a fault unless it is there already, or too many are."""
        key = (fault.code, fault.message, fault.site.location())
        if key in self._seen or len(self._seen) >= self._limit:
            return
        self._seen.add(key)
        self.report.add(fault.finding(via))

    def adopt(self, findings: tuple[Finding, ...], via: tuple[str, ...]) -> None:
        """Keep findings that another room made, e.g. while it read a file."""
        for finding in findings:
            self.report.add(finding if finding.path else dataclasses.replace(finding, path=via))
