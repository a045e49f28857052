"""Merging environments as Heat's server does, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Location
from undercloud.plan.documents import parse
from undercloud.plan.environment import Environment, Layer, Origin, generated_layer, in_client_order, merge
from undercloud.plan.merging import kind_of
from undercloud.plan.references import declared_types, references
from undercloud.plan.tree import Tree

TEMPLATE = """\
heat_template_version: wallaby
parameters:
  Map: {type: json}
  List: {type: comma_delimited_list}
  Text: {type: string}
  Number: {type: number}
  Flag: {type: boolean}
"""


def _merge(files: Mapping[str, str]) -> Environment:
    stock = {"root.yaml": TEMPLATE, "t/a.yaml": "", "t/b.yaml": ""}
    tree = Tree({**stock, **{f"{name}.yaml": text for name, text in files.items()}}, root="/root")
    layers = [Layer(parse(text, f"{name}.yaml"), f"{name}.yaml") for name, text in files.items()]
    return merge(layers, declared_types(tree, "root.yaml"), tree)


@pytest.mark.parametrize("case", plan_cases.load("environments"))
def test_case(case: dict[str, Any]) -> None:
    environment = _merge(case["files"])
    for section in ("parameter_defaults", "parameters", "resource_registry"):
        assert getattr(environment, section) == case["value"].get(section, {})
    assert list(environment.encrypted) == case["value"].get("encrypted", [])
    assert plan_cases.shown(environment.findings) == case.get("findings", [])
    plan_cases.explained(environment.findings, case)


def test_merging_changes_no_file() -> None:
    files = {
        "a": "parameter_merge_strategies: {Map: deep_merge}\nparameter_defaults: {Map: {x: {l: [1]}}}\n",
        "b": "parameter_defaults: {Map: {x: {l: [2]}}}\n",
    }
    assert (
        _merge(files).parameter_defaults == _merge(files).parameter_defaults == {"Map": {"x": {"l": [1, 2]}}}
    )
    assert parse(files["a"], "a.yaml").value["parameter_defaults"] == {"Map": {"x": {"l": [1]}}}


def test_history_tells_every_setting() -> None:
    environment = _merge(
        {
            "a": "parameter_defaults:\n  A: 1\n  B: 1\n",
            "b": "parameter_defaults:\n  A: null\n",
            "c": "parameters:\n  A: 3\n",
        }
    )
    history = environment.history("A")
    assert [(setting.value, str(setting.location)) for setting in history] == [
        (1, "a.yaml:2:3"),
        (None, "b.yaml:2:3"),
        (3, "c.yaml:2:3"),
    ]
    assert environment.locate("B") == Location("a.yaml", 3, 3)
    assert environment.history("Z") == () and environment.locate("Z") is None


def test_history_of_the_registry() -> None:
    environment = _merge(
        {"a": "resource_registry:\n  X::Y: t/a.yaml\n", "b": "resource_registry:\n  X::Y: OS::Heat::None\n"}
    )
    history = environment.registry_history("X::Y")
    assert [(setting.value, str(setting.location)) for setting in history] == [
        ("t/a.yaml", "a.yaml:2:3"),
        ("OS::Heat::None", "b.yaml:2:3"),
    ]


def _layer(name: str, text: str, origin: Origin = Origin.OPERATOR) -> Layer:
    return Layer(parse(text, name), name, origin)


def test_generated_settings_stand_below_the_operators() -> None:
    layers = in_client_order(
        _layer("registry.yaml", "parameter_defaults: {A: 1, B: 1, C: 1}\n", Origin.TEMPLATES),
        generated_layer({"B": 2}),
        [_layer("op.yaml", "parameter_defaults: {C: 3, D: 3}\n")],
    )
    environment = merge(layers, lambda _: None, Tree({"t.yaml": ""}))
    assert environment.parameter_defaults == {"A": 1, "B": 2, "C": 3, "D": 3}
    more = environment.with_generated({"B": 4, "D": 4, "E": 4}, {"X::Y": "OS::Heat::None", "X::Z": "t.yaml"})
    assert more.parameter_defaults == {"A": 1, "B": 4, "C": 3, "D": 3, "E": 4}
    assert more.resource_registry == {"X::Y": "OS::Heat::None", "X::Z": "t.yaml"}
    assert environment.parameter_defaults["B"] == 2
    assert [setting.layer.origin for setting in more.history("D")] == ["generated", "operator"]
    assert more.locate("E") == Location("(generated)")


def test_a_file_that_stands_twice_counts_once_in_the_history() -> None:
    operator = [_layer("op.yaml", "parameter_defaults: {A: 1}\n")]
    environment = merge(in_client_order(None, generated_layer({"A": 2}), operator), lambda _: None, Tree())
    assert [setting.value for setting in environment.history("A")] == [2, 1]


def test_generated_goes_below_a_plain_list_of_files() -> None:
    environment = merge([_layer("a.yaml", "parameter_defaults: {A: 1}\n")], lambda _: None, Tree())
    assert environment.with_generated({"A": 2, "B": 2}).parameter_defaults == {"A": 1, "B": 2}


def test_declared_types() -> None:
    tree = Tree(
        {
            "root.yaml": "heat_template_version: wallaby\nparameters:\n  A: {type: json}\n",
            "b.yaml": "heat_template_version: w\nparameters:\n  A: {type: string}\n  B:\n    type: number\n",
            "broken.yaml": "heat_template_version: wallaby\nparameters:\n  C: [\n",
            "binary.yaml": b"\xff",
            "env.yaml": "parameter_defaults:\n  D: {type: json}\n",
            "cfn.template": "HeatTemplateFormatVersion:\nParameters: {E: {Type: CommaDelimitedList}}",
        }
    )
    type_of = declared_types(tree, "root.yaml")
    assert [type_of(name) for name in "ABCDEFG"] == [
        "json",
        "number",
        None,
        None,
        "comma_delimited_list",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "json"),
        ([], "comma_delimited_list"),
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        ("", "string"),
    ],
)
def test_kind_of(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_references() -> None:
    value = {
        "resources": {
            "a": {"type": "sub/a.yaml", "properties": {"x": [{"get_file": "f.sh"}, {"type": "b.template"}]}},
            "b": {"type": "OS::Heat::None", "get_file": ["no", "path"]},
        }
    }
    assert list(references(value)) == ["sub/a.yaml", "f.sh", "b.template"]
    assert list(references({"tosca_definitions_version": "v1", "x": ["y", {"z": "w"}, 5]})) == [
        "v1",
        "y",
        "w",
    ]
