"""Whatever is broken in whichever file of a plan, its compilation ends with findings, never with a traceback.

UNDERCLOUD_FUZZ=1000 tries a thousand plans of our own templates, and as many of TripleO's where
UNDERCLOUD_TRIPLEO_TEMPLATES names them, instead of a few.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import random
from pathlib import Path

import pytest
import yaml

from tests.unit.playbooks.own_cloud import GIVEN, ROOT
from tests.unit.playbooks.plan_mutations import mutated
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle, PlanSource, read
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import assemble
from undercloud.plan.state import State
from undercloud.playbooks import compiler, output

TRIALS = int(os.environ.get("UNDERCLOUD_FUZZ", "0"))
FIRST = int(os.environ.get("UNDERCLOUD_FUZZ_SEED", "0"))
NODES = """
- name: Controller
  count: 2
  instances:
  - hostname: one
    networks: [{network: ctlplane, fixed_ip: 192.168.24.20}, {network: storage}]
- {name: Compute, count: 1, hostname_format: 'c-%index%'}
"""
SETTINGS = {
    "resource_registry": {"OS::TripleO::Services::Nope": "OS::Heat::None"},
    "parameter_defaults": {
        "ControllerParameters": {"Debug": True},
        "AdminPassword": "word",
        **GIVEN,
    },
    "parameter_merge_strategies": {"ExtraConfig": "merge"},
}


@functools.cache
def whole(templates: str, networks: str) -> Bundle:
    """A plan with every kind of file."""
    folder = Path(os.environ["PYTEST_FUZZ_FOLDER"])
    (folder / "nodes.yaml").write_text(NODES)
    (folder / "settings.yaml").write_text(yaml.safe_dump(SETTINGS))
    return read(
        PlanSource(
            templates=templates,
            networks_file=networks,
            baremetal_deployment=str(folder / "nodes.yaml"),
            environments=(str(folder / "settings.yaml"),),
        )
    )


def used(bundle: Bundle) -> list[str]:
    """The files that matter for the plan: its own, often, and whatever is read when it is compiled."""
    plan = assemble(bundle)
    made = compiler.compile(plan, State(), SeededEntropy())
    assert made.ok, "only what is whole can be broken"
    templates = {
        document.file.removeprefix(bundle.root + "/")
        for member in made.stack.walk()
        if (document := member.definition.site.document) is not None
    }
    sources = {name for name in bundle.files if name.endswith(".j2.yaml") or name in templates}
    named = {*bundle.named.values(), *bundle.environments}
    return [*sorted(named) * 10, *sorted(sources)]


def broken(bundle: Bundle, files: list[str], seed: int) -> tuple[str, Bundle]:
    """The plan with one file broken, and which."""
    choice = random.Random(seed)
    name = choice.choice(files)
    text = bundle.files[name].decode("utf-8", "replace")
    return name, dataclasses.replace(bundle, files={**bundle.files, name: mutated(text, choice)})


def check(bundle: Bundle) -> None:
    """What came of it is findings that help, and files where there is no error."""
    try:
        made = compiler.compile(assemble(bundle), State(), SeededEntropy())
        found = made.findings
        if made.ok:
            output.files(made)
    except UndercloudError as error:
        found = error.findings
    for finding in found:
        assert finding.message
        assert finding.fix, finding
        assert finding.code[:3] != "INT", finding
        json.dumps(finding.as_dict())


@pytest.mark.parametrize("seed", range(FIRST, FIRST + (TRIALS or 25)))
def test_our_own_templates(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("PYTEST_FUZZ_FOLDER", str(tmp_path_factory.mktemp("fuzz")))
    bundle, files = _own()
    name, changed = broken(bundle, files, seed)
    print(name)  # with -s, or where the test fails
    check(changed)


@functools.cache
def _own() -> tuple[Bundle, list[str]]:
    sample = ROOT / "heat-templates/network-data-samples/isolation.yaml"
    bundle = whole(str(ROOT / "heat-templates"), str(sample))
    return bundle, used(bundle)


@functools.cache
def _theirs() -> tuple[Bundle, list[str]]:
    templates = Path(os.environ["UNDERCLOUD_TRIPLEO_TEMPLATES"])
    bundle = whole(str(templates), str(templates / "network-data-samples/default-network-isolation.yaml"))
    return bundle, used(bundle)


@pytest.mark.skipif(not TRIALS, reason="only with UNDERCLOUD_FUZZ: each plan takes a second")
@pytest.mark.skipif(
    "UNDERCLOUD_TRIPLEO_TEMPLATES" not in os.environ, reason="TripleO's templates are not here"
)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + TRIALS))
def test_tripleos_templates(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("PYTEST_FUZZ_FOLDER", str(tmp_path_factory.mktemp("fuzz")))
    bundle, files = _theirs()
    name, changed = broken(bundle, files, seed)
    print(name)
    check(changed)
