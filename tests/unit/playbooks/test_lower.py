"""Lowering as data: role_data and counts of hosts in, desired state or findings out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.playbooks.conftest import Loader, make_topology
from undercloud.diagnostics import Report
from undercloud.plan.secrets import Secret
from undercloud.playbooks.desired import from_dict
from undercloud.playbooks.endpoints import PublicFront
from undercloud.playbooks.lower import Lowered, lower
from undercloud.playbooks.public_tls import PublicTls
from undercloud.playbooks.role_data import ServiceData, schema

CASES = sorted((Path(__file__).parent / "cases" / "lower").glob("*.yaml"))


def _lowered(case: dict[str, Any]) -> tuple[Lowered, Report]:
    role_data = {
        role: [
            ServiceData(role, data, f"deployment/{data.get('service_name', 'x')}.yaml") for data in services
        ]
        for role, services in case["role_data"].items()
    }
    report = Report()
    topology = make_topology(case["hosts"])
    given = case.get("public_tls")
    tls = PublicTls(**{**given, "key": Secret(given["key"])}) if given else None
    public = PublicFront(case.get("public_network", "ctlplane"), tls)
    return lower(topology, role_data, report, public), report


def _short(value: Any) -> Any:
    """Origins as their path alone, steps by number."""
    if isinstance(value, dict):
        if set(value) == {"service", "template", "path"}:
            return value["path"]
        return {int(k) if k.isdecimal() else k: _short(v) for k, v in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.load(path.read_text(), Loader)
    lowered, report = _lowered(case)
    state = lowered.desired.as_dict()
    jsonschema.Draft202012Validator(schema("desired_state")).validate(state)
    findings = [[finding.code, finding.message] for finding in report]
    assert findings == case.get("findings", [])
    if "state" in case:
        assert _short(state["hosts"]) == case["state"]
    if "files" in case:
        found = {
            f"{host}:{name}": entry.content
            for host, one in lowered.desired.hosts.items()
            for _, name, entry in one.entries("files")
        }
        assert found == case["files"]
    if "secrets" in case:
        assert lowered.secrets == case["secrets"]
    if "tasks" in case:
        files = {
            file.path: [{block.service: [dict(task) for task in block.tasks]} for block in file.blocks]
            for file in lowered.tasks
        }
        assert files == case["tasks"]
    for name in case.get("cloud", {}):
        assert _trim(lowered.cloud[name]) == case["cloud"][name]
    assert from_dict(state) == lowered.desired


def _trim(value: Any) -> Any:
    """Hosts by their name alone."""
    if isinstance(value, dict):
        return value["name"] if "fqdn" in value else {key: _trim(item) for key, item in value.items()}
    return [_trim(item) for item in value] if isinstance(value, list) else value
