"""What a report tells of findings, with the names and sources of all rules and checks there are."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

from undercloud.diagnostics import Finding, Location
from undercloud.plan import passwords
from undercloud.validation import validate
from undercloud.validation.reports import Reported
from undercloud.validation.reports.subject import excerpt


def reported(title: str, found: tuple[Finding, ...], text_of: Callable[[str], str]) -> Reported:
    """What a report tells; ``text_of`` gives the text of a file that findings name, empty to show none."""

    def lines(place: Location) -> list[tuple[int, str]]:
        return excerpt(text_of(place.file), place.line, passwords.is_password)

    known = validate.catalogue()
    return Reported(
        findings=found,
        title=title,
        version=_version(),
        titles={code: name for code, name, _ in known},
        sources={code: source for code, _, source in known},
        lines=lines,
    )


def _version() -> str:
    try:
        return importlib.metadata.version("undercloud")
    except importlib.metadata.PackageNotFoundError:
        return ""
