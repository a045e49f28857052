"""Whatever an operator's files hold, nothing but an UndercloudError comes out."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan import documents, state
from undercloud.plan.bundle import Bundle
from undercloud.plan.documents import Document
from undercloud.plan.environment import Layer, merge
from undercloud.plan.loader import assemble
from undercloud.plan.merging import STRATEGIES
from undercloud.plan.networks import read_networks, read_vips
from undercloud.plan.planfiles import read_answers, read_capabilities, read_plan_environment
from undercloud.plan.render import render_tree
from undercloud.plan.roles import read_roles
from undercloud.plan.tree import Tree

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Texts made of what YAML and Jinja2 react to are far more telling than random ones.
WORDS = yaml.safe_load((plan_cases.CASES / "words.yaml").read_text(encoding="utf-8"))
YAML_TEXTS = st.lists(st.sampled_from(WORDS["yaml"]), max_size=30).map("".join)
JINJA_TEXTS = st.lists(st.sampled_from(WORDS["jinja"]), max_size=20).map("".join)
NAMES = st.sampled_from(WORDS["names"])

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = NAMES | st.integers() | st.none() | st.booleans()
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | NAMES | st.sampled_from(STRATEGIES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
MAPS = st.dictionaries(KEYS, VALUES, max_size=5)


def _document(value: Any) -> Document:
    """A value parsed from a text of its own, so that positions can be looked up too."""
    text = yaml.dump(value, Dumper=yaml.CSafeDumper)
    try:
        return documents.parse(text, "f.yaml")
    except UndercloudError:
        return documents.parse("{}", "f.yaml")


@given(YAML_TEXTS | st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_parse(text: str) -> None:
    with contextlib.suppress(UndercloudError):
        document = documents.parse(text, "f.yaml")
        document.locate("a", 0, None)


@given(st.binary(max_size=40))
@few
def test_parse_bytes(data: bytes) -> None:
    with contextlib.suppress(UndercloudError):
        documents.parse(data, "f.yaml")


@given(VALUES | st.lists(MAPS, max_size=3))
@few
def test_typed_files(value: Any) -> None:
    report = Report()
    document = _document(value)
    for read in (
        read_roles,
        read_networks,
        read_vips,
        read_answers,
        read_plan_environment,
        read_capabilities,
    ):
        read(document, report)
    assert all(finding.message and finding.fix for finding in report)


@given(st.lists(MAPS, max_size=3))
@few
def test_environments(values: list[Any]) -> None:
    layers = [Layer(_document(value), "e/f.yaml") for value in values]
    environment = merge(layers, lambda _: None, Tree({"e/t.yaml": ""}))
    assert all(finding.message and finding.fix for finding in environment.findings)
    for name in environment.parameter_defaults:
        assert environment.history(name)[-1].location.line


@given(JINJA_TEXTS, JINJA_TEXTS)
@few
def test_render(one: str, two: str) -> None:
    report = Report()
    roles = read_roles(documents.parse("- name: A\n  networks: [B]\n- name: C\n", "r.yaml"), Report())
    networks = read_networks(documents.parse("- name: B\n", "n.yaml"), Report())
    tree = Tree({"a.j2.yaml": one, "b.role.j2.yaml": two, "c.network.j2.yaml": two})
    rendered = render_tree(tree, roles, networks, report)
    assert all(finding.message and finding.fix and finding.locations for finding in report)
    for path in ("a.yaml", "a-b.yaml", "c.yaml"):
        origin = rendered[path].origin
        assert origin is not None and origin(1) is not None


@given(YAML_TEXTS | VALUES.map(lambda value: json.dumps(value, default=str)))
@few
def test_state(text: str) -> None:
    with contextlib.suppress(UndercloudError):
        assert state.from_json(state.from_json(text).to_json())


@given(st.lists(VALUES | YAML_TEXTS, min_size=6, max_size=6), JINJA_TEXTS)
@few
def test_plans(values: list[Any], template: str) -> None:
    texts = [value if isinstance(value, str) else json.dumps(value, default=str) for value in values]
    names = ["roles", "networks", "vips", "baremetal", "plan_environment", "environment"]
    files = {
        f"/{name}.yaml": text.encode("utf-8", "replace") for name, text in zip(names, texts, strict=True)
    }
    files["overcloud.j2.yaml"] = template.encode()
    named = {name: f"/{name}.yaml" for name in names[:-1]}
    with contextlib.suppress(UndercloudError):
        assemble(Bundle("p", "/t", files, named, ("/environment.yaml",)))
