"""Findings as reports for people and programs; without lines of the files, which take a role of their own."""

from __future__ import annotations

from collections.abc import Sequence

from undercloud.api.calls import JSON, Answer
from undercloud.diagnostics import Finding
from undercloud.validation.reported import reported
from undercloud.validation.reports import FORMATS

_TYPES = {"html": "text/html", "json": JSON, "junit": "application/xml", "sarif": "application/sarif+json"}
# A page that searches by itself, but may not ask the API as who looks at it.
_HEADERS = {"Content-Security-Policy": "sandbox allow-scripts"}


def answer(form: str, title: str, findings: Sequence[Finding]) -> Answer:
    """The report in one of the forms of ``FORMATS``."""
    text = FORMATS[form](reported(title, tuple(findings), lambda _file: ""))
    return Answer(text.encode(), content_type=_TYPES[form], headers=_HEADERS)
