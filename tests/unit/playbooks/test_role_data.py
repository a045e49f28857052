"""The places of role_data in templates, and the schemas against the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from undercloud.plan.documents import parse
from undercloud.playbooks.role_data import ServiceData, schema

DOC = (Path(__file__).parents[3] / "docs" / "role-data.md").read_text()
TEMPLATE = """\
outputs:
  role_data:
    value:
      service_name: web
      config_files:
        map_merge:
          - {yaql: {expression: x}}
          - /etc/one: {content: x}
            /etc/two:
              format: ini
              content:
                map_deep_merge:
                  - main:
                      a: {get_param: A}
                  - {get_param: B}
      containers:
        step_1:
          if:
            - small
            - web: {image: a}
            - web:
                image: b
                command: [x, y]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("service_name",), 4),
        (("config_files", "/etc/one"), 8),
        (("config_files", "/etc/two", "content", "main", "a"), 14),
        (("config_files", "/etc/two", "content", "other"), 11),
        (("config_files", "/etc/made"), 5),
        (("containers", "step_1", "web", "command", "1"), 23),
        (("containers", "step_9"), 16),
        (("nothing",), 3),
    ],
)
def test_place_in_template(path: tuple[str, ...], line: int) -> None:
    service = ServiceData("Controller", {}, "t.yaml", parse(TEMPLATE, "t.yaml"))
    location = service.locate(path)
    assert location is not None
    assert location.line == line


BLOCKS = """\
outputs:
  role_data:
    value:
      config_files:
        /a:
          content: |
            one
            two
        /b:
          content:
            str_replace:
              template: |
                one
                two
              params: {X: y}
        /c: {content: "one\\ntwo"}
"""


@pytest.mark.parametrize(("path", "line"), [("/a", 8), ("/b", 14), ("/c", 16)])
def test_line_of_a_text(path: str, line: int) -> None:
    service = ServiceData("Controller", {}, "t.yaml", parse(BLOCKS, "t.yaml"))
    location = service.locate(("config_files", path, "content"), 2)
    assert location is not None
    assert location.line == line


def test_place_without_a_template() -> None:
    assert ServiceData("Controller", {}).locate(("x",)) is None
    assert str(ServiceData("Controller", {}, "t.yaml").locate(("x",))) == "t.yaml"


def test_documented_role_data_follows_the_schema() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    value = parse(text, "doc").value["outputs"]["role_data"]["value"]
    # HOT functions stand where texts will be.
    plain = json.loads(json.dumps(value).replace('{"get_param": "ContainerMemcachedImage"}', '"image"'))
    plain["containers"]["step_2"]["memcached"]["command"] = "memcached"
    jsonschema.Draft202012Validator(schema("role_data")).validate(plain)


def test_documented_desired_state_follows_the_schema() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", DOC, re.DOTALL)
    jsonschema.Draft202012Validator(schema("desired_state")).validate(json.loads(text))


def test_every_key_is_documented() -> None:
    """The tables name every key of the schema."""
    properties = schema("role_data")["properties"]
    known = set(properties)
    for name in ("config_files", "endpoints", "databases"):
        known |= set(next(iter(properties[name]["patternProperties"].values()))["properties"])
    steps = next(iter(properties["containers"]["patternProperties"].values()))
    known |= set(next(iter(steps["patternProperties"].values()))["properties"])
    words = set(re.findall(r"[a-z_]+", DOC))
    assert known <= words
