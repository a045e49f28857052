"""What a report tells: findings, what was looked at, and lines of the files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping

from undercloud.diagnostics import Finding, Location, Severity

Lines = Callable[[Location], list[tuple[int, str]]]
"""From a place to the lines around it, each with its number; empty where they are not known."""

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Files", ("PLAN-", "J2-", "RULE-", "CLI-")),
    ("undercloud.conf", ("UC-",)),
    ("Parameters and registry", ("VAL-",)),
    ("Templates", ("HOT-", "ROLE-")),
    ("Networks", ("NET-", "VIP-")),
    ("Roles and services", ("SVC-",)),
    ("Nodes", ("TOP-", "NODE-", "BM-")),
    ("Transition", ("CHG-",)),
)
OTHER = "Combinations"

_SETTING = re.compile(r"^(\s*(?:- )?[\"']?([\w:.-]+)[\"']?\s*[:=]\s*)(\S.*)$")
_SECRET_NAME = re.compile(r"pass(word|wd)?$|secret|key$|token|credential|private", re.IGNORECASE)
_MASK = "********"
_AROUND = 2


@dataclasses.dataclass(frozen=True)
class Reported:
    """One run: its findings, a title, the version of the tool, every known code with its title."""

    findings: tuple[Finding, ...]
    title: str
    version: str = ""
    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lines: Lines = lambda _place: []

    def count(self, severity: Severity) -> int:
        """How many findings are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)


def stage_of(code: str) -> str:
    """Which part of the work a finding belongs to."""
    return next((stage for stage, prefixes in STAGES if code.startswith(prefixes)), OTHER)


def excerpt(text: str, line: int, is_hidden: Callable[[str], bool]) -> list[tuple[int, str]]:
    """The lines around one of a text, with the values of secret settings masked."""
    all_lines = text.splitlines()
    found: list[tuple[int, str]] = []
    in_block = False
    for number, content in enumerate(all_lines, 1):
        shown, in_block = _masked(content, in_block, is_hidden)
        if abs(number - line) <= _AROUND:
            found.append((number, shown))
        if number > line + _AROUND:
            break
    return found


def _masked(content: str, in_block: bool, is_hidden: Callable[[str], bool]) -> tuple[str, bool]:
    """One line as it may be shown, and whether the next one is still inside a block of key material."""
    if "-----BEGIN" in content:
        return content, True
    if "-----END" in content:
        return content, False
    if in_block:
        return _MASK, True
    match = _SETTING.match(content)
    if match and (is_hidden(match.group(2)) or _SECRET_NAME.search(match.group(2))):
        return f"{match.group(1)}{_MASK}", False
    return content, False
