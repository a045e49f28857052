"""One HTML page that needs nothing else: by stage and severity, searchable, with the lines concerned."""

from __future__ import annotations

from undercloud.diagnostics import Finding, Severity
from undercloud.validation import pages
from undercloud.validation.reports.subject import OTHER, STAGES, Reported, stage_of

_SEVERITIES = ((Severity.ERROR, "Errors"), (Severity.WARNING, "Warnings"), (Severity.INFO, "Notes"))


def render(reported: Reported) -> str:
    """The page."""
    return pages.render(
        "undercloud.validation.reports",
        "report.html",
        title=reported.title,
        version=reported.version,
        counts=[(str(severity), name, reported.count(severity)) for severity, name in _SEVERITIES],
        stages=[(stage, _of_stage(reported, stage)) for stage in (*(name for name, _ in STAGES), OTHER)],
    )


def _of_stage(reported: Reported, stage: str) -> list[dict[str, object]]:
    order = [severity for severity, _ in _SEVERITIES]
    found = [finding for finding in reported.findings if stage_of(finding.code) == stage]
    found.sort(key=lambda finding: order.index(finding.severity))
    return [_shown(finding, reported) for finding in found]


def _shown(finding: Finding, reported: Reported) -> dict[str, object]:
    first = finding.locations[0] if finding.locations else None
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "title": reported.titles.get(finding.code, ""),
        "message": finding.message,
        "fix": finding.fix,
        "parameters": finding.parameters,
        "path": " > ".join(finding.path),
        "source": reported.sources.get(finding.code, ""),
        "documentation": finding.documentation,
        "places": [str(place) for place in finding.locations],
        "line": first.line if first else 0,
        "lines": reported.lines(first) if first and first.line else [],
    }
