"""The diff of two desired states, from role_data before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.playbooks.conftest import Loader, make_topology
from undercloud.diagnostics import Report
from undercloud.playbooks.desired import DesiredState, from_dict
from undercloud.playbooks.diff import diff
from undercloud.playbooks.lower import lower
from undercloud.playbooks.role_data import ServiceData

CASES = sorted((Path(__file__).parent / "cases" / "diff").glob("*.yaml"))


def _state(case: dict[str, object]) -> DesiredState:
    hosts, role_data = case["hosts"], case["role_data"]
    assert isinstance(hosts, dict)
    assert isinstance(role_data, dict)
    services = {
        role: [ServiceData(role, data, "t.yaml") for data in entries] for role, entries in role_data.items()
    }
    report = Report()
    lowered = lower(make_topology(hosts), services, report)
    assert not report.errors
    return lowered.desired


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.load(path.read_text(), Loader)
    before, after = _state(case["before"]), _state(case["after"])
    found = diff(before, after, case.get("secrets", ()))
    assert found.render() == case["text"]
    if "plain" in case:
        assert found.as_dict() == case["plain"]
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()
    assert bool(found) == bool(case["text"])
    assert not diff(after, from_dict(json.loads(json.dumps(after.as_dict()))))
