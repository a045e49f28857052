"""Two plans of TripleO against what real Heat 19 made of them.

UNDERCLOUD_GOLDEN is the directory of the unpacked results (``standalone``, ``overcloud-3-1``),
UNDERCLOUD_TEMPLATES that of the unpacked tripleo-heat-templates 18.0.0. Without them the tests are skipped.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any

import pytest

from undercloud.diagnostics import Report, Severity, raise_for
from undercloud.hot.stack import KeptStrings, Stack, StackRequest, evaluate
from undercloud.plan.documents import parse
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.environment import Environment, Layer, merge
from undercloud.plan.files import read_directory
from undercloud.plan.networks import read_networks
from undercloud.plan.references import declared_types
from undercloud.plan.render import render_tree
from undercloud.plan.roles import read_roles
from undercloud.plan.tree import Tree

GOLDEN = os.environ.get("UNDERCLOUD_GOLDEN", "")
TEMPLATES = os.environ.get("UNDERCLOUD_TEMPLATES", "")
PLANS = {
    "standalone": ("roles/Standalone.yaml", ""),
    "overcloud-3-1": ("roles_data.yaml", "network-data-samples/default-network-isolation.yaml"),
}

pytestmark = pytest.mark.skipif(
    not GOLDEN or not TEMPLATES, reason="UNDERCLOUD_GOLDEN and UNDERCLOUD_TEMPLATES are not set"
)


def rendered(plan: str) -> Tree:
    """The plan's template tree."""
    report = Report()
    tree = Tree(read_directory(TEMPLATES), TEMPLATES)
    roles_file, networks_file = PLANS[plan]
    roles = read_roles(tree.document(roles_file), report)
    networks = read_networks(tree.document(networks_file), report) if networks_file else ()
    tree = render_tree(tree, roles, networks, report)
    raise_for(report)
    return tree


def environment_of(plan: str, tree: Tree) -> Environment:
    """The environment files that were sent to Heat, merged."""
    inputs = pathlib.Path(GOLDEN, plan, "inputs")
    if plan == "standalone":
        layers = [_layer(inputs / "effective-environment.yaml")]
    else:
        listed = (inputs / "FILES.txt").read_text().split("\n# files")[0].splitlines()[1:]
        layers = [_listed(line.strip(), inputs, tree) for line in listed]
    return merge(tuple(layers), declared_types(tree, "overcloud.yaml"), tree)


def _layer(path: pathlib.Path) -> Layer:
    text = path.read_text().replace("@THT@", TEMPLATES)
    return Layer(parse(text, str(path), duplicate_keys=Severity.WARNING), str(path))


def _listed(line: str, inputs: pathlib.Path, tree: Tree) -> Layer:
    for path in inputs.rglob(pathlib.PurePath(line).name):
        return _layer(path)
    path_in_tree = line.removeprefix("@THT@/")
    return Layer(tree.document(path_in_tree), path_in_tree)


def plain(outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs as JSON, servers named by role and index instead of their random identifiers."""
    text = json.dumps(outputs, sort_keys=True)
    for role, identifiers in outputs["ServerIdData"]["server_ids"].items():
        for index, identifier in enumerate(identifiers):
            text = text.replace(identifier, f"{role}-{index}")
    return dict(json.loads(text))


@pytest.mark.parametrize("plan", PLANS)
def test_root_outputs_are_those_of_heat(plan: str) -> None:
    tree = rendered(plan)
    environment = environment_of(plan, tree)

    def run() -> Stack:
        random = KeptStrings({}, SeededEntropy(plan))
        name = plan.partition("-")[0]
        return evaluate(StackRequest(tree, "overcloud.yaml", environment, random, name=name))

    stack = run()
    assert not stack.findings, "\n".join(map(str, stack.findings))
    golden = plain(json.loads(pathlib.Path(GOLDEN, plan, "stack_outputs.json").read_text()))
    ours = plain(stack.outputs)
    assert set(ours) == set(golden)
    for name, value in golden.items():
        assert ours[name] == value, name
    start = time.process_time()
    run()
    assert time.process_time() - start < 1.5
