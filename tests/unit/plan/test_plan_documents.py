"""YAML texts: values, positions, and what is told about texts that are none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Location, Severity, UndercloudError
from undercloud.plan import documents, nodes


@pytest.mark.parametrize("case", plan_cases.load("documents"))
def test_case(case: dict[str, Any]) -> None:
    text = bytes.fromhex(case["bytes"]) if "bytes" in case else case["text"]
    if "findings" not in case:
        document = documents.parse(text, "f.yaml")
        assert document.value == case["value"]
        assert document.findings == ()
        return
    with pytest.raises(UndercloudError) as raised:
        documents.parse(text, "f.yaml")
    assert plan_cases.shown(raised.value.findings) == case["findings"]
    plan_cases.explained(raised.value.findings, case)


class _HeatLoader(yaml.CSafeLoader):
    """Heat's own rules: PyYAML's safe ones, but a timestamp stays a text."""


_HeatLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


@pytest.mark.parametrize("case", plan_cases.load("documents", good=True))
def test_values_are_those_of_pyyaml(case: dict[str, Any]) -> None:
    assert documents.parse(case["text"], "f.yaml").value == yaml.load(case["text"], _HeatLoader)


TEXT = """\
# a comment
parameter_defaults:
  Plain: 1
  List:
    - a
    - {b: 2}
  base: &base
    inner: 3
  merged:
    <<: *base
  8080: port
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), (2, 1)),
        (("parameter_defaults",), (2, 1)),
        (("parameter_defaults", "Plain"), (3, 3)),
        (("parameter_defaults", "List", 0), (5, 7)),
        (("parameter_defaults", "List", 1, "b"), (6, 8)),
        (("parameter_defaults", "List", -1), (6, 7)),
        (("parameter_defaults", "merged", "inner"), (8, 5)),
        (("parameter_defaults", 8080), (11, 3)),
        (("parameter_defaults", "nothing", "deeper"), (2, 1)),
        (("parameter_defaults", "Plain", "deeper"), (3, 3)),
        (("parameter_defaults", "List", 7), (4, 3)),
    ],
)
def test_locate(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert documents.parse(TEXT, "f.yaml").locate(*path) == Location("f.yaml", *place)


def test_locate_in_nothing() -> None:
    assert documents.parse("", "f.yaml").locate("a", "b") == Location("f.yaml")


def test_locate_finds_the_key_that_counts() -> None:
    document = documents.parse("a: 1\na: 2\n", "f.yaml", duplicate_keys=Severity.WARNING)
    assert document.value == {"a": 2}
    assert document.locate("a") == Location("f.yaml", 2, 1)
    assert plan_cases.shown(document.findings) == ["PLAN-002 warning f.yaml:2:1 f.yaml:1:1"]


def test_locations_name_the_template_of_a_rendered_text() -> None:
    document = documents.parse("a: 1\nb: 2\n", "f.yaml")
    rendered = document.with_origin(lambda line: Location("f.j2.yaml", line * 10) if line == 2 else None)
    assert rendered.locate("a") == Location("f.yaml", 1, 1)
    assert rendered.locate("b") == Location("f.j2.yaml", 20)
    assert rendered.value is document.value


def test_same_text_is_parsed_once() -> None:
    assert documents.parse("a: [1]\n", "f.yaml") is documents.parse(b"a: [1]\n", "f.yaml")


def test_byte_order_mark_is_no_text() -> None:
    assert documents.parse(b"\xef\xbb\xbfa: 1\n", "f.yaml").value == {"a": 1}


@pytest.mark.parametrize(
    ("data", "place"),
    [(b"a: \xff", (1, 4)), ("ä: x\nö: ".encode() + b"\xe9\n", (2, 4)), (b"\xc3", (1, 1))],
)
def test_undecodable_bytes(data: bytes, place: tuple[int, int]) -> None:
    with pytest.raises(UndercloudError) as raised:
        documents.parse(data, "f.yaml")
    assert [(f.code, f.locations) for f in raised.value.findings] == [
        ("PLAN-004", (Location("f.yaml", *place),))
    ]


def _code(text: str) -> str:
    with pytest.raises(UndercloudError) as raised:
        documents.parse(text, "f.yaml")
    return raised.value.findings[0].code


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_limited(opening: str) -> None:
    assert _code(opening * 100_000) == "PLAN-003"


def test_depth_within_the_limit() -> None:
    depth = nodes.MAX_DEPTH - 1
    assert documents.parse("[" * depth + "]" * depth, "f.yaml").value


def test_alias_bomb() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert _code("\n".join(lines)) == "PLAN-003"


def test_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_BYTES", 10)
    assert _code("a: 12345678901") == "PLAN-003"


def test_half_a_character() -> None:
    assert _code("a: \ud800") == "PLAN-004"


def test_number_beyond_pythons_limit() -> None:
    assert _code("a: " + "9" * 5000) == "PLAN-005"
