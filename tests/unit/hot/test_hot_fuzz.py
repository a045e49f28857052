"""Nothing but findings comes of any template, however broken."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.hot.hot_cases import Case, cases
from undercloud.diagnostics import Severity
from undercloud.hot.stack import KeptStrings, PlainEnvironment, Stack, StackRequest, evaluate
from undercloud.hot.versions import LATEST, VERSIONS
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.tree import Tree

NESTED = """heat_template_version: wallaby
parameters:
  s: {type: string, default: a}
  j: {type: json, default: {}}
  l: {type: comma_delimited_list, default: ''}
outputs: {s: {value: {get_param: s}}, j: {value: {get_param: j}}, l: {value: {get_param: l}}}
"""
NAMES = ["a", "b", "s", "j", "l", "value", "type", "template", "params", "for_each", "keys", "values", "data"]
FUNCTIONS = sorted({*LATEST.functions, *LATEST.condition_functions, *VERSIONS["2013-05-23"].functions})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.sampled_from([*NAMES, "$.data", "$.data.a.where($)", "%index%", "OS::stack_name", "md5", "", "0"])
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
)
SNIPPETS: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
        | st.builds(lambda name, args: {name: args}, st.sampled_from(FUNCTIONS), inner)
        | st.builds(lambda name, args: {name: args}, st.sampled_from(FUNCTIONS), st.lists(inner, max_size=3))
    ),
    max_leaves=12,
)
TYPES = st.sampled_from(
    [
        "nested.yaml",
        "OS::Heat::Value",
        "OS::Heat::ResourceGroup",
        "OS::Heat::ResourceChain",
        "OS::Heat::RandomString",
        "OS::Heat::SoftwareConfig",
        "OS::Heat::SoftwareDeployment",
        "OS::Heat::SoftwareDeploymentGroup",
        "OS::Heat::MultipartMime",
        "OS::Heat::CloudConfig",
        "OS::Heat::Stack",
        "OS::Heat::None",
        "OS::Neutron::Port",
        "My::Type",
    ]
)
PROPERTIES = st.dictionaries(
    st.sampled_from(
        ["value", "type", "s", "j", "l", "count", "resource_def", "resources", "config", "servers"]
    ),
    SNIPPETS,
    max_size=3,
)
RESOURCES = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries({"type": TYPES, "properties": PROPERTIES | SNIPPETS})
    | st.dictionaries(
        st.sampled_from(["type", "properties", "depends_on", "condition"]), SNIPPETS, max_size=3
    ),
    max_size=3,
)
TEMPLATES = st.fixed_dictionaries(
    {"heat_template_version": st.sampled_from(list(VERSIONS))},
    optional={
        "parameters": st.dictionaries(
            st.sampled_from("slj"),
            st.dictionaries(st.sampled_from(["type", "default", "constraints", "hidden", "tags"]), SNIPPETS)
            | st.fixed_dictionaries(
                {"type": st.sampled_from(["string", "number", "json", "boolean", "comma_delimited_list"])},
                optional={"default": SNIPPETS, "hidden": st.booleans()},
            ),
            max_size=3,
        )
        | SNIPPETS,
        "conditions": st.dictionaries(st.sampled_from("ab"), SNIPPETS, max_size=2) | SNIPPETS,
        "resources": RESOURCES | SNIPPETS,
        "outputs": st.dictionaries(
            st.sampled_from("abc"), st.fixed_dictionaries({"value": SNIPPETS}) | SNIPPETS, max_size=3
        ),
        "parameter_groups": SNIPPETS,
    },
)


def run(files: dict[str, str | bytes], environment: PlainEnvironment, parameters: dict[str, Any]) -> Stack:
    request = StackRequest(
        Tree(files), "t.yaml", environment, KeptStrings({}, SeededEntropy()), parameters=parameters
    )
    return evaluate(request)


def check(stack: Stack) -> None:
    """The result is plain data, the findings can be told, and so can the tree of resources."""
    json.dumps(stack.outputs)
    for finding in stack.findings:
        assert finding.code[:4] in {"HOT-", "PLAN"}
        assert str(finding)
        json.dumps(finding.as_dict())
    stack.resources()
    stack.deployments()
    _ = stack.conditions


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEMPLATES, st.dictionaries(st.sampled_from("sljx"), SNIPPETS, max_size=2))
def test_any_template(template: dict[str, Any], given_values: dict[str, Any]) -> None:
    text = yaml.safe_dump(template, sort_keys=False)
    environment = PlainEnvironment(given_values, {}, {"My::Type": "nested.yaml"})
    check(run({"t.yaml": text, "nested.yaml": NESTED}, environment, given_values))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, item in inside for place in _places(item, (*path, key))]


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(copy[path[0]], path[1:], new)
    return copy


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(cases()), st.integers(0, 10_000), SNIPPETS)
def test_any_case_broken_anywhere(case: Case, place: int, new: Any) -> None:
    try:
        value = yaml.safe_load(case.template)
    except yaml.YAMLError:
        return
    places = _places(value)
    broken = _put(value, places[place % len(places)], new)
    environment = PlainEnvironment(
        case.environment.get("parameter_defaults", {}), {}, case.environment.get("resource_registry", {})
    )
    files: dict[str, str | bytes] = {**case.files, "t.yaml": yaml.safe_dump(broken, sort_keys=False)}
    check(run(files, environment, case.parameters))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    stack = run({"t.yaml": b"heat_template_version: wallaby\n" + data}, PlainEnvironment(), {})
    check(stack)
    stack = run({"t.yaml": data}, PlainEnvironment(), {})
    check(stack)
    assert any(finding.severity is Severity.ERROR for finding in stack.findings)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["My::Type", "My::*", "resources", "hooks", "*"]), SNIPPETS, max_size=4)
)
def test_any_registry(registry: dict[str, Any]) -> None:
    text = "heat_template_version: wallaby\nresources: {a: {type: 'My::Type'}, b: {type: nested.yaml}}\n"
    check(run({"t.yaml": text, "nested.yaml": NESTED}, PlainEnvironment({}, {}, registry), {}))


def test_expressions_nested_beyond_measure() -> None:
    text = "heat_template_version: wallaby\noutputs: {o: {value: " + "{list_join: ['', [" * 40 + "a"
    check(run({"t.yaml": text + "]]}" * 40 + "}}\n"}, PlainEnvironment(), {}))


def test_a_long_chain_of_references() -> None:
    links = {
        f"r{n}": {"type": "OS::Heat::Value", "properties": {"value": {"get_attr": [f"r{n + 1}", "value"]}}}
        for n in range(1500)
    }
    links["r1500"] = {"type": "OS::Heat::Value", "properties": {"value": "end"}}
    template = {
        "heat_template_version": "wallaby",
        "resources": links,
        "outputs": {"o": {"value": {"get_attr": ["r0", "value"]}}},
    }
    stack = run({"t.yaml": yaml.safe_dump(template, sort_keys=False)}, PlainEnvironment(), {})
    assert stack.outputs == {"o": "end"}
