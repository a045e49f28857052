"""The planner: every case is a file, facts in and actions out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import as_json
from ansible_collections.undercloud.deploy.plugins.module_utils.planner import plan

from tests.unit.collection.collection_world import deployed, node, request, told, whole

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case: dict[str, Any] = json.loads(path.read_text())
    secrets = case.get("secrets") or {}
    check = bool(case.get("check"))
    asked = request(whole(case.get("state") or {}), case.get("task") or {}, secrets, check=check)
    facts = node(case.get("node") or {}, {**secrets, **case.get("old_secrets", {})}, asked.desired)

    made = plan(facts, asked.desired)

    assert [told(action) for action in made.actions] == case["actions"], case["about"]
    assert [f"{problem.code} {problem.message}" for problem in made.problems] == case.get("problems", [])
    assert list(made.warnings) == case.get("warnings", [])
    if "saves" in case:
        assert list(made.saves) == case["saves"]
    _contains(json.loads(json.dumps(as_json(made.claims))), case.get("claims") or {}, "claims")
    if made.problems:
        assert dataclasses.replace(made.claims, fence=facts.manifest.fence) == facts.manifest


def _contains(found: Any, wanted: Any, where: str) -> None:
    """Every key of ``wanted`` is in ``found``, all the way down; null means that it is not there."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if value is None and key not in ("original", "text"):
                assert key not in found, f"{where}.{key}"
            else:
                assert key in found, f"{where}.{key}"
                _contains(found[key], value, f"{where}.{key}")
    else:
        assert found == wanted, where


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_deployed_needs_nothing(path: Path) -> None:
    """Whatever the state of a case: on a node where it is deployed, no step of it does anything."""
    case: dict[str, Any] = json.loads(path.read_text())
    secrets = case.get("secrets") or {}
    steps = whole(case.get("state") or {})
    try:
        facts = deployed(steps, secrets)
    except NodeError:
        pytest.skip("the state of this case cannot be deployed")
    for task in (
        {"step": 0},
        {"step": 1},
        {"step": 2},
        {"step": 3},
        {"step": 4},
        {"step": 5},
        {"finish": True},
    ):
        for check in (False, True):
            made = plan(facts, request(steps, task, secrets, check=check).desired)
            assert [told(action) for action in made.actions] == []
            assert made.claims == facts.manifest
