"""stack evaluate, on templates of its own, through the real shell and the real evaluator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack

ROOT = """\
heat_template_version: wallaby
parameters:
  size: {type: number, default: 3}
  names: {type: comma_delimited_list, default: []}
  word: {type: string, hidden: true, default: hush}
conditions:
  big: {equals: [{get_param: size}, 5]}
resources:
  nested: {type: nested.yaml, condition: big, properties: {text: {get_param: word}}}
  always: {type: OS::Heat::Value, properties: {value: 1}}
outputs:
  names: {value: {list_join: ['-', {get_param: names}]}}
  said: {value: {get_param: word}}
"""
NESTED = """\
heat_template_version: wallaby
parameters: {text: {type: string}}
resources:
  inner: {type: OS::Heat::Value, properties: {value: {get_param: text}}}
"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "nested.yaml").write_text(NESTED)
    (tmp_path / "root.yaml").write_text(ROOT)
    return str(tmp_path / "root.yaml")


def test_as_json(openstack: Openstack, root: str) -> None:
    done = openstack(
        "overcloud", "stack", "evaluate", root, "-P", "size=5", "-P", "names=a,b=c", "-f", "json"
    )
    told = json.loads(done.out)
    assert done.status == 0
    assert told["outputs"] == {"names": "a-b=c", "said": "hush"}
    assert told["conditions"] == {"big": True}
    assert told["parameters"]["word"] == "********"
    assert told["resources"]["nested"]["resources"]["inner"]["type"] == "OS::Heat::Value"
    assert told["resources"]["always"]["location"] == f"{root}:10:3"
    assert told["findings"] == []


def test_as_yaml_it_says_the_same(openstack: Openstack, root: str) -> None:
    words = ("overcloud", "stack", "evaluate", root)
    plain = json.loads(openstack(*words, "-f", "json").out)
    assert yaml.safe_load(openstack(*words, "-f", "yaml").out) == plain
    assert "nested" not in plain["resources"]


def test_as_a_table_secrets_are_masked(openstack: Openstack, root: str) -> None:
    shown = openstack("overcloud", "stack", "evaluate", root, "-P", "size=5").out
    assert "big  true" in shown
    assert "  nested  nested.yaml\n    inner  OS::Heat::Value\n" in shown
    assert "said: ********" in shown
    assert "hush" not in shown


def test_environments_and_parameters_over_them(openstack: Openstack, root: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("parameters: {names: [one], word: w}\n")
    two.write_text("parameters: {names: [two]}\n")
    words = ("overcloud", "stack", "evaluate", root, "-e", str(one), "-e", str(two), "-f", "json")
    assert json.loads(openstack(*words).out)["outputs"] == {"names": "two", "said": "w"}
    assert json.loads(openstack(*words, "-P", "names=me").out)["outputs"]["names"] == "me"


def test_all_errors_are_told_and_the_rest_is_shown(openstack: Openstack, root: str) -> None:
    words = ("overcloud", "stack", "evaluate", root, "-P", "size=many", "-P", "nope=1")
    done = openstack(*words, "-f", "json")
    assert done.status == 1
    told = json.loads(done.out)
    assert {finding["code"] for finding in told["findings"]} == {"HOT-011", "HOT-012"}
    assert told["outputs"]["said"] == "hush"
    assert "2 errors" in openstack(*words).out


@pytest.mark.parametrize(
    ("text", "code"),
    [("heat_template_version: [\n", "PLAN-0"), ("a: &a [*a]\n", "PLAN-0"), (None, "PLAN-05")],
)
def test_a_template_that_cannot_be_read(
    openstack: Openstack, tmp_path: Path, text: str | None, code: str
) -> None:
    file = tmp_path / "bad.yaml"
    if text is not None:
        file.write_text(text)
    done = openstack("overcloud", "stack", "evaluate", str(file), "-f", "json")
    assert done.status == 1
    (first, *_) = json.loads(done.out)["findings"]
    assert first["code"].startswith(code)
    assert first["locations"][0]["file"] == str(file)


def test_words_that_are_no_parameters(openstack: Openstack, root: str) -> None:
    refused = openstack("overcloud", "stack", "evaluate", root, "-P", "a", "-P", "=b", "-P", "c=")
    assert refused.status == 2
    assert refused.err.count("is not NAME=VALUE") == 2
