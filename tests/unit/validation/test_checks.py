"""Every check speaks of the plan that it is for, and is silent about one that only looks like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import clouds
from benchmarks import validate as bench
from tests.validation import plans, running
from undercloud.validation import checks
from undercloud.validation.checks.needs import needs
from undercloud.validation.checks.structures import faults, structures
from undercloud.validation.checks.values import shapes
from undercloud.validation.values import FORMS

TEMPLATES = Path(__file__).parents[3] / "heat-templates"
FILES = sorted((Path(__file__).parent / "cases/checks").glob("*.yaml"))
CASES = [case for file in FILES for case in yaml.safe_load(file.read_text())]
BY_DATA = {shape.code for shape in shapes() if shape.form} | {f"FRM-05{number}" for number in range(5)}
"""Codes of values and structures, whose cases stand beside their data."""


def _of(plan: Mapping[str, Any], code: str, folder: Path) -> list[str]:
    if "roles" not in plan:
        plan = {"services": {"Controller": {"Timesync": {}}}, **plan}
    found = plans.findings(plan, TEMPLATES, folder)
    return [running.said([each]) for each in found if each.code == code]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["code"])
def test_a_check_decides_its_cases(case: Mapping[str, Any], tmp_path: Path) -> None:
    assert _of(case["fails"], case["code"], tmp_path / "fails")
    assert _of(case["passes"], case["code"], tmp_path / "passes") == []


def test_every_code_of_a_check_has_a_case() -> None:
    codes = {code for check in checks.registered() for code in check.codes if not code.startswith("OPT-")}
    assert codes - {case["code"] for case in CASES} - BY_DATA == set()


def test_every_check_says_what_it_reads_and_where_it_comes_from() -> None:
    assert [check.run.__name__ for check in checks.registered() if not check.reads or not check.source] == []


@pytest.mark.parametrize("shape", [each for each in shapes() if each.form], ids=lambda shape: shape.code)
def test_a_form_takes_what_is_good(shape: Any) -> None:
    wrong = FORMS[shape.form]
    assert [value for value in shape.good if wrong(str(value))] == []
    assert [value for value in shape.bad if not wrong(str(value))] == []


@pytest.mark.parametrize("structure", structures(), ids=lambda structure: structure.names.pattern)
def test_a_structure_takes_what_is_good(structure: Any) -> None:
    assert list(faults(structure, structure.good)) == []
    assert list(faults(structure, structure.bad))


def test_needs_name_other_services() -> None:
    assert [need.service for need in needs() if need.service in need.others or not need.why] == []


def test_the_benchmark_runs(tmp_path: Path) -> None:
    first, again = bench.itself(clouds.native(tmp_path))
    assert first > 0
    assert again > 0
