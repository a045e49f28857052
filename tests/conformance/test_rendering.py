"""Rendering against tripleo-heat-templates' own tool, where the templates are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import places
from undercloud.plan.bundle import PlanSource
from undercloud.plan.loader import Plan, load

TEMPLATES = places.templates() or Path()

pytestmark = pytest.mark.skipif(places.templates() is None, reason=f"not here: {places.TEMPLATES}")

INPUTS = [
    ("roles_data.yaml", "network-data-samples/default-network-isolation.yaml"),
    ("roles_data.yaml", "network-data-samples/routed-networks-ipv6.yaml"),
    ("roles_data.yaml", "network-data-samples/legacy-routed-networks.yaml"),
    ("roles/Standalone.yaml", "network_data_default.yaml"),
    ("roles_data_undercloud.yaml", "network_data_undercloud.yaml"),
    ("roles/DistributedComputeHCI.yaml", "network-data-samples/ganesha.yaml"),
]


def _load(roles: str, networks: str) -> Plan:
    return load(
        PlanSource(
            templates=str(TEMPLATES),
            roles_file=str(TEMPLATES / roles),
            networks_file=str(TEMPLATES / networks),
        )
    )


@pytest.mark.parametrize(("roles", "networks"), INPUTS)
def test_rendered_as_its_own_tool_does(roles: str, networks: str, tmp_path: Path) -> None:
    rendered = tmp_path / "rendered"
    script = [sys.executable, "tools/process-templates.py", "-p", ".", "-o", str(rendered)]
    subprocess.run([*script, "-r", roles, "-n", networks], cwd=TEMPLATES, check=True, capture_output=True)
    tree = _load(roles, networks).tree
    theirs = {str(path.relative_to(rendered)): path for path in rendered.rglob("*") if path.is_file()}
    ours = {path for path in tree if not path.endswith(".j2.yaml")}
    assert ours == {path for path in theirs if not path.endswith(".j2.yaml")}
    assert [path for path in sorted(ours) if tree[path].text.encode() != theirs[path].read_bytes()] == []


def test_every_rendered_line_is_mapped_to_its_template() -> None:
    tree = _load(*INPUTS[0]).tree
    source = tree["overcloud.yaml"]
    assert source.origin is not None
    template = tree[source.template].text.split("\n")
    checked = 0
    for number, line in enumerate(source.text.split("\n"), start=1):
        place = source.origin(number)
        assert place is not None and place.line
        original = template[place.line - 1]
        if line.strip() and "{{" not in original and "{%" not in original:
            assert line in original
            checked += 1
    assert checked > 1000
