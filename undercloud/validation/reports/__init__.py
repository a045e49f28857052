"""Reports of findings in the forms that people and programs read."""

from __future__ import annotations

from collections.abc import Callable

from undercloud.validation.reports import html, junit, plain, sarif
from undercloud.validation.reports.subject import Reported

FORMATS: dict[str, Callable[[Reported], str]] = {
    "html": html.render,
    "json": plain.render,
    "junit": junit.render,
    "sarif": sarif.render,
}
"""Name of a form → what makes the text of it."""

__all__ = ["FORMATS", "Reported"]
