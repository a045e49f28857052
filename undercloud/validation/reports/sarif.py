"""SARIF 2.1.0 (OASIS), as code scanning reads it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.validation.reports.subject import Reported, stage_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(reported: Reported) -> str:
    """One run; every code that found something is one of the tool's rules."""
    codes = list(dict.fromkeys(finding.code for finding in reported.findings))
    driver: dict[str, Any] = {
        "name": "undercloud",
        "rules": [_rule(code, reported) for code in codes],
    }
    if reported.version:
        driver["version"] = reported.version
    run = {
        "tool": {"driver": driver},
        "results": [_result(finding, codes) for finding in reported.findings],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, reported: Reported) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "properties": {"stage": stage_of(code)}}
    if code in reported.titles:
        rule["shortDescription"] = {"text": reported.titles[code]}
    rule["properties"]["documentation"] = Finding(code, "").documentation
    if reported.sources.get(code):
        rule["fullDescription"] = {"text": f"{reported.titles[code]}. Source: {reported.sources[code]}"}
    return rule


def _result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    text = f"{finding.message}. {finding.fix}" if finding.fix else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(place) for place in finding.locations[:1]],
    }
    if others := list(dict.fromkeys(finding.locations[1:])):
        result["relatedLocations"] = [_location(place) for place in others]
    properties = {"parameters": list(finding.parameters), "path": list(finding.path)}
    result["properties"] = {key: value for key, value in properties.items() if value}
    return result


def _location(place: Location) -> dict[str, Any]:
    scheme = "file://" if place.file.startswith("/") else ""
    physical: dict[str, Any] = {"artifactLocation": {"uri": scheme + quote(place.file)}}
    if place.line > 0:
        physical["region"] = {"startLine": place.line}
        if place.column > 0:
            physical["region"]["startColumn"] = place.column
    return {"physicalLocation": physical}
