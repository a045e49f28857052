"""Findings: what is wrong (or worth knowing), where, why, and how to mend it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator
from typing import Any


class Severity(enum.StrEnum):
    """How much a finding weighs; an error stops a deployment."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Location:
    """A place in a file; line and column count from 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell the operator.

    ``code`` is stable and looks like ``NET-014``; ``path`` is the chain of resources or keys that
    leads to the fault inside a stack (outermost first).
    """

    code: str
    message: str
    fix: str = ""
    severity: Severity = Severity.ERROR
    locations: tuple[Location, ...] = ()
    parameters: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    @property
    def documentation(self) -> str:
        """Where the reference explains the code: a page of the project's documentation and its section."""
        return f"docs/reference/codes/{self.code.partition('-')[0].lower()}.md#{self.code.lower()}"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that ``-f json`` and the reports print."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "fix": self.fix,
            "parameters": list(self.parameters),
            "locations": [dataclasses.asdict(location) for location in self.locations],
            "path": list(self.path),
            "documentation": self.documentation,
        }

    def __str__(self) -> str:
        where = f"{self.locations[0]}: " if self.locations else ""
        via = f" (in {' > '.join(self.path)})" if self.path else ""
        fix = f"\n    fix: {self.fix}" if self.fix else ""
        return f"{where}{self.severity} {self.code}: {self.message}{via}{fix}"


class Report:
    """Findings in the order they were made, each kept once."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._findings: dict[Finding, None] = dict.fromkeys(findings)

    def add(self, finding: Finding) -> None:
        """Keep a finding; one that is already there is not repeated."""
        self._findings[finding] = None

    def extend(self, findings: Iterable[Finding]) -> None:
        """Keep several findings."""
        for finding in findings:
            self.add(finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        return tuple(self._findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a deployment."""
        return tuple(f for f in self._findings if f.severity is Severity.ERROR)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self._findings)
