"""Rendering a tree, and finding the template's line of a rendered one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Location, Report
from undercloud.plan.documents import parse
from undercloud.plan.networks import Network, read_networks
from undercloud.plan.render import render_tree
from undercloud.plan.roles import Role, read_roles
from undercloud.plan.sandbox import FrozenDict, FrozenList, frozen
from undercloud.plan.tree import Tree

ROLES = "- name: Controller\n- name: Compute\n"


def _inputs(roles: str, networks: str) -> tuple[tuple[Role, ...], tuple[Network, ...]]:
    report = Report()
    found = read_roles(parse(roles, "r.yaml"), report), read_networks(parse(networks, "n.yaml"), report)
    assert not report.findings
    return found


def _render(files: dict[str, str], roles: str = ROLES, networks: str = "") -> tuple[Tree, Report]:
    report = Report()
    return render_tree(Tree(files, root="/root"), *_inputs(roles, networks), report), report


@pytest.mark.parametrize("case", plan_cases.load("render"))
def test_case(case: dict[str, Any]) -> None:
    tree, report = _render(case["files"], case["roles"], case["networks"])
    assert plan_cases.shown(report, "/root") == case.get("findings", [])
    plan_cases.explained(report, case)
    changed = {path: tree[path].text for path in tree if tree[path].text != case["files"].get(path)}
    assert changed == case["value"]


def test_templates_stay_in_the_tree_and_results_name_them() -> None:
    tree, _ = _render({"a.j2.yaml": "x: {{roles|length}}\n", "d/b.role.j2.yaml": "n: {{role.name}}\n"})
    assert tree["a.j2.yaml"].text == "x: {{roles|length}}\n"
    assert {tree[path].template for path in tree} == {"", "a.j2.yaml", "d/b.role.j2.yaml"}


MAPPED = """\
{%- set first = roles[0].name -%}
# {{first}}
{% for role in roles %}
- name: {{role.name}}
  {%- if role.name == 'Compute' %}
  more: {{role.name}}
  {%- endif %}
{% endfor %}
{% include 'part.j2' %}
last: {{roles|length}}
"""
PART = "part: 1\nof: [{{roles|length}}]\n"


def test_every_line_is_mapped_back() -> None:
    tree, _ = _render({"a.j2.yaml": MAPPED, "part.j2": PART})
    source = tree["a.yaml"]
    assert source.origin is not None
    mapped = {}
    for number, line in enumerate(source.text.split("\n"), start=1):
        place = source.origin(number)
        assert place is not None
        mapped[line.strip()] = (place.file, place.line)
    root, part = "/root/a.j2.yaml", "/root/part.j2"
    assert mapped["# Controller"] == (root, 2)
    assert mapped["- name: Controller"] == mapped["- name: Compute"] == (root, 4)
    assert mapped["more: Compute"] == (root, 6)
    assert mapped["part: 1"] == (part, 1)
    assert mapped["of: [2]"] == (part, 2)
    assert mapped["last: 2"] == (root, 10)
    assert source.origin(999) == Location(root)


def test_locations_of_a_rendered_document_are_those_of_its_template() -> None:
    tree, _ = _render(
        {"a.j2.yaml": "{% for role in roles %}\n{{role.name}}: {x: 1}\n{% endfor %}\nlast: {y: 2}\n"}
    )
    document = tree.document("a.yaml")
    assert document.locate("Compute", "x") == Location("/root/a.j2.yaml", 2)
    assert document.locate("last", "y") == Location("/root/a.j2.yaml", 4)


def test_inserted_lines_are_where_the_expression_is() -> None:
    tree, _ = _render({"a.j2.yaml": "a: 1\nb: {{ 'x\\ny\\nz' }}\nc: 1\n"})
    origin = tree["a.yaml"].origin
    assert origin is not None
    places = [origin(line) for line in range(1, 6)]
    assert [place and place.line for place in places] == [1, 2, 2, 2, 3]


def test_what_cannot_be_mapped_names_the_template() -> None:
    """The length of a text that holds marks is another: then the file as a whole has to do."""
    tree, _ = _render({"a.j2.yaml": "{% set x %}one\ntwo{% endset %}\n{{ x|length }}\n"})
    source = tree["a.yaml"]
    assert source.text == "\n7"
    assert source.origin is not None and source.origin(2) == Location("/root/a.j2.yaml")


def test_rendering_again_gives_the_same() -> None:
    files = {"a.j2.yaml": MAPPED, "part.j2": PART}
    assert _render(files)[0].digest == _render(files)[0].digest


def test_same_template_another_include() -> None:
    """Compiled templates are kept by content; what they include is not part of it."""
    one, _ = _render({"a.j2.yaml": "{% include 'p.j2' %}", "p.j2": "one"})
    two, _ = _render({"a.j2.yaml": "{% include 'p.j2' %}", "p.j2": "two"})
    assert (one["a.yaml"].text, two["a.yaml"].text) == ("one", "two")


def test_frozen_values_look_like_plain_ones() -> None:
    value = frozen({"a": [1, {"b": 2}]})
    assert value == {"a": [1, {"b": 2}]} and repr(value) == "{'a': [1, {'b': 2}]}"
    assert frozen(value) is value
    assert isinstance(value, FrozenDict) and isinstance(value["a"], FrozenList)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(x=1),
        lambda value: value.pop("a"),
        lambda value: value.clear(),
        lambda value: value.setdefault("x", 1),
        lambda value: value["a"].append(1),
        lambda value: value["a"].sort(),
        lambda value: value["a"].__setitem__(0, 1),
        lambda value: value.__delitem__("a"),
        lambda value: value["a"].__iadd__([1]),
    ],
)
def test_frozen_values_cannot_be_changed(change: Any) -> None:
    value = frozen({"a": [1]})
    with pytest.raises(TypeError):
        change(value)
    assert value == {"a": [1]}
