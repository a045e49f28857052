"""Every function and rule of the language, and what is said about mistakes: see ``hot_cases``."""

from __future__ import annotations

import json

import pytest

from tests.unit.hot.hot_cases import Case, cases, matches, of
from undercloud.diagnostics import Severity


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    stack = case.evaluate()
    for severity, wanted in ((Severity.ERROR, case.errors), (Severity.WARNING, case.warnings)):
        found = of(stack, severity)
        told = "\n".join(map(str, found))
        for each in wanted:
            assert any(matches(finding, each) for finding in found), f"{each} is not among:\n{told}"
        assert len(found) == len(wanted), told
    if case.outputs is not None:
        assert json.loads(json.dumps(stack.outputs)) == case.outputs
        assert list(stack.outputs) == list(case.outputs), "the outputs keep the template's order"


def test_every_case_expects_something() -> None:
    for case in cases():
        assert case.outputs is not None or case.errors, case.name
        assert case.about, case.name


def test_finding_has_a_place_and_a_message() -> None:
    for case in cases():
        for finding in case.evaluate().findings:
            assert finding.locations or finding.code in {"HOT-045", "HOT-011"}, f"{case.name}: {finding}"
            assert finding.message
            assert finding.fix
            assert "Traceback" not in finding.message
