"""Plans that real Heat compiled once: our outputs and directories have the same digests.

``known-differences.yaml`` says what may differ, and why.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance import digests, material, places
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State
from undercloud.playbooks import compiler

KNOWN = Path(__file__).with_name("known-differences.yaml")


@functools.cache
def known() -> dict[str, dict[str, str]]:
    """Plan → output or file → why it differs."""
    return yaml.safe_load(KNOWN.read_text()) or {}


def compiled(name: str, templates: Path, folder: Path) -> dict[str, dict[str, str]]:
    """The digests of our compilation of a plan."""
    made = material.write(material.plans()[name], templates, folder)
    source = PlanSource(
        templates=str(templates),
        name=material.STACK,
        roles_file=str(made.roles),
        networks_file=str(made.networks),
        environments=tuple(map(str, (made.passwords, *made.environments))),
    )
    result = compiler.compile(load(source), State(), SeededEntropy()).raise_for_errors()
    outputs: dict[str, Any] = json.loads(json.dumps(result.stack.outputs))
    return digests.of(outputs, {path: file.text for path, file in result.files.items()})


@pytest.mark.parametrize("name", material.plans())
def test_digests_are_equal(name: str, tmp_path: Path) -> None:
    templates = places.templates()
    if templates is None:
        pytest.skip(places.without_templates())
    ours = compiled(name, templates, tmp_path)
    if not digests.path(name).exists():
        pytest.skip("compiled; Heat has not been asked yet: heat_batch.py")
    theirs = digests.load(name)
    for part in ("outputs", "files"):
        assert not set(digests.differences(theirs[part], ours[part])) - known().get(name, {}).keys(), part


def compared() -> list[Mapping[str, Any]]:
    """The plans that Heat was asked about."""
    return [plan for name, plan in material.plans().items() if digests.path(name).exists()]


def test_heat_was_asked_about_every_stock_role() -> None:
    templates = places.templates()
    if templates is None:
        pytest.skip(places.without_templates())
    wanted = {path.stem for path in (templates / "roles").glob("*.yaml")}
    assert not wanted - {role for plan in compared() for role in plan["roles"]}
    assert len(compared()) >= 25


def test_heat_was_asked_about_most_environments() -> None:
    templates = places.templates()
    if templates is None:
        pytest.skip(places.without_templates())
    folder = templates / "environments"
    shipped = {str(path.relative_to(folder)) for path in folder.rglob("*.yaml")}
    names = {name.removesuffix(".yaml").removesuffix(".j2") for name in shipped}
    asked = {name for plan in compared() for name in plan.get("environments") or ()}
    assert not asked - names
    assert len(asked) > len(names) / 2, f"{len(asked)} of {len(names)}"
