"""Our own plans over TripleO's templates: what cannot work is found by name, what works has no error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import places
from tests.validation import plans, running

HERE = Path(__file__).parent
INVALID, VALID = (plans.read(HERE / f"{kind}.yaml") for kind in ("invalid", "valid"))
FEW = 6
"""One plan of so many is tried at every change; `make test-validation` tries all of them."""


def _marked(listed: Mapping[str, Any]) -> list[Any]:
    marks = ((), pytest.mark.long)
    return [pytest.param(name, marks=marks[bool(number % FEW)]) for number, name in enumerate(listed)]


def _templates() -> Path:
    templates = places.templates()
    if templates is None:
        pytest.skip(places.without_templates())
    return templates


@pytest.mark.parametrize("name", _marked(INVALID))
def test_what_cannot_work_is_found(name: str, tmp_path: Path) -> None:
    plan = INVALID[name]
    found = running.errors(plans.findings(plan, _templates(), tmp_path / "plan"))
    text = json.dumps([each.as_dict() for each in found])
    assert any(word in text for word in plan["expect"]), running.said(found)


@pytest.mark.parametrize("name", _marked(VALID))
def test_what_works_has_no_error(name: str, tmp_path: Path) -> None:
    found = running.errors(plans.findings(VALID[name], _templates(), tmp_path / "plan"))
    assert found == [], running.said(found)
