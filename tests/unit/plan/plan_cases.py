"""Cases as data: one YAML file a case below ``cases/<kind>``; its text says what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.mark.structures import ParameterSet

from undercloud.diagnostics import Finding

CASES = Path(__file__).parent / "cases"


def load(kind: str, *, good: bool = False) -> list[ParameterSet]:
    """The cases of a kind, named after their files; ``good`` leaves out those with findings."""
    read = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CASES / kind).glob("*.yaml")
    }
    return [
        pytest.param(case, id=name)
        for name, case in sorted(read.items())
        if not good or "findings" not in case
    ]


def shown(findings: Iterable[Finding], root: str = "") -> list[str]:
    """Findings as a case writes them: code, severity unless it is an error, places relative to the root."""
    lines = []
    for finding in findings:
        severity = "" if finding.severity == "error" else f" {finding.severity}"
        places = "".join(f" {place}".replace(f"{root}/" if root else "\0", "") for place in finding.locations)
        lines.append(f"{finding.code}{severity}{places}")
    return lines


def explained(findings: Iterable[Finding], expected: Mapping[str, Any]) -> None:
    """Every finding has a message and a fix; those that the case quotes are in some message."""
    listed = list(findings)
    for finding in listed:
        assert finding.message and finding.fix, finding
    told = "\n".join(str(finding) for finding in listed)
    for quote in expected.get("says", []):
        assert quote in told
