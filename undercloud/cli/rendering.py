"""Text for a person: reports of findings, durations, tables of pairs."""

from __future__ import annotations

import collections
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from undercloud.diagnostics import Finding, Severity

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_NARROWEST = 40
_UNLIMITED = 0


def width_of(stream: TextIO) -> int:
    """Columns of a terminal; 0 (do not wrap) for a file or a pipe, so that lines can be searched."""
    if not stream.isatty():
        return _UNLIMITED
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def report_text(findings: Iterable[Finding], *, width: int = _UNLIMITED) -> str:
    """A report: each finding with its places and its fix, the heaviest first, and a line that counts.

    ``width`` is in columns; 0 leaves lines as long as they are.
    """
    listed = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
    if not listed:
        return ""
    blocks = [finding_text(finding, width=width) for finding in listed]
    return "\n".join([*blocks, count_text(listed) + "\n"])


def brief_text(findings: Iterable[Finding], *, width: int = _UNLIMITED) -> str:
    """Errors in full, a line a warning, notes only counted: what did not stop anything is not in the way."""
    listed = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
    full = [finding_text(finding, width=width) for finding in listed if finding.severity is Severity.ERROR]
    lines = [brief_line(finding) for finding in listed if finding.severity is Severity.WARNING]
    if lines:
        full.append("".join(f"{line}\n" for line in lines))
    counted = count_text(listed) + "\n"
    if len(full) < len(listed):
        counted = counted.rstrip("\n") + "; with how to mend them: --report html=FILE, or -f json\n"
    return "\n".join([*full, counted])


def brief_line(finding: Finding) -> str:
    """One finding on a line: where, how heavy, which, what."""
    place = f"{finding.locations[0]}: " if finding.locations else ""
    via = f" (in {' > '.join(finding.path)})" if finding.path and not finding.locations else ""
    return f"{place}{finding.severity} {finding.code}: {finding.message}{via}"


def finding_text(finding: Finding, *, width: int = _UNLIMITED) -> str:
    """One finding over several lines."""
    places = [str(place) for place in finding.locations]
    head = f"{finding.severity} {finding.code}"
    lines = [f"{head}  {places[0]}" if places else head]
    lines += [f"  also at {place}" for place in places[1:]]
    lines += _indented(finding.message, width)
    if finding.path:
        lines += _indented("in: " + " > ".join(finding.path), width)
    if finding.parameters:
        lines += _indented("parameters: " + ", ".join(finding.parameters), width)
    if finding.fix:
        lines += _indented("fix: " + finding.fix, width)
    return "\n".join(lines) + "\n"


def _indented(text: str, width: int) -> list[str]:
    """Lines of ``text`` two columns in; lines of its own (a log, a drawing) are kept."""
    lines = text.splitlines() or [""]
    if width:
        lines = [
            piece
            for line in lines
            for piece in textwrap.wrap(line, width - 2, break_long_words=False, break_on_hyphens=False)
            or [""]
        ]
    return [f"  {line}".rstrip() for line in lines]


def indent(text: str) -> str:
    """``text`` two columns further in."""
    return textwrap.indent(text, "  ")


def count_text(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``."""
    tally = collections.Counter(finding.severity for finding in findings)
    parts = [plural(tally[severity], _NOUNS[severity]) for severity in _ORDER if tally[severity]]
    return ", ".join(parts) if parts else "nothing found"


_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def plural(count: int, noun: str) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """``4.2 s`` below ten seconds, ``42 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def clock(seconds: float) -> str:
    """``mm:ss``, or ``h:mm:ss``: for the start of a line, where widths should be alike."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values in two columns, one pair a line."""
    listed = list(rows)
    widest = max((len(name) for name, _ in listed), default=0)
    return "".join(f"{name.ljust(widest)}  {value}".rstrip() + "\n" for name, value in listed)
