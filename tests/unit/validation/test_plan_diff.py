"""What differs between two small plans: each case is two plans and the whole text."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.validation.explain_plans import case, compiled
from undercloud.diagnostics import UndercloudError
from undercloud.playbooks import output
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.composition import Composition
from undercloud.validation.diff import ini, page, text
from undercloud.validation.diff.compare import compare
from undercloud.validation.diff.hushed import digest, hushed, shown
from undercloud.validation.diff.model import PlanDiff, plan_diff
from undercloud.validation.diff.snapshot import FILE, Snapshot, facts, of_compilation, of_files
from undercloud.validation.diff.values import ABSENT, changes

CASES = sorted((Path(__file__).parent / "diff/cases").glob("*.yaml"))


def _pair(wanted: dict[str, Any]) -> tuple[Compilation, Compilation]:
    before = compiled(wanted["contract"], **wanted["before"])
    after = compiled(wanted["contract"], **wanted["after"], state=before.state)
    return before.raise_for_errors(), after.raise_for_errors()


def _compared(wanted: dict[str, Any]) -> PlanDiff:
    before, after = map(of_compilation, _pair(wanted))
    return compare(before, after)


def _written(made: Compilation) -> dict[str, str]:
    """What plan compile writes, as texts by path."""
    files = {path: content.decode() for path, (content, _) in output.files(made).items()}
    return files | {FILE: json.dumps(facts(Composition(made.plan, made.stack, made.topology)))}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    wanted = case(path)
    found = _compared(wanted)
    assert text.render(found) == wanted["text"], wanted["about"]
    assert bool(found) == (wanted["text"] != "Nothing differs.\n")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_written_says_the_same(path: Path) -> None:
    wanted = case(path)
    before, after = (of_files(_written(made)) for made in _pair(wanted))
    found = compare(before, after)
    assert text.render(found) == wanted["text"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_it_survives_a_border(path: Path) -> None:
    """An engine in another process hands its JSON over; text and page are made here."""
    found = _compared(case(path))
    plain = json.loads(json.dumps(found.as_dict()))
    again = plan_diff(plain)
    assert again.as_dict() == plain
    assert text.render(again) == text.render(found)
    assert page.render(again) == page.render(found)


def test_backwards_is_the_opposite() -> None:
    wanted = case(CASES[0].with_name("service-removed.yaml"))
    before, after = map(of_compilation, _pair(wanted))
    opposite = {"add": "remove", "remove": "add", "change": "change"}
    there, back = compare(before, after), compare(after, before)
    assert [(each.path, opposite[each.action]) for each in there.files] == [
        (each.path, each.action) for each in back.files
    ]
    assert [(each.path, opposite[each.action]) for each in there.resources] == [
        (each.path, each.action) for each in back.resources
    ]


def test_an_older_output_has_no_parameters() -> None:
    before, after = (_written(made) for made in _pair(case(CASES[0].with_name("option.yaml"))))
    del before[FILE]
    found = compare(of_files(before), of_files(after), ("old", "new"))
    assert found.parameters == ()
    assert [each.name for each in found.containers] == ["web"]
    assert "old was written by an older plan compile" in text.render(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.json", None),
        ("plan.json", "{"),
        ("plan.json", "[]"),
        ("plan.json", "{}"),
        ("stack.json", '{"outputs": 3}'),
        ("desired_state.json", '{"hosts": 3, "version": 1}'),
        ("desired_state.json", '{"hosts": {}, "version": 9}'),
        (FILE, '{"version": 99}'),
        (FILE, "[" * 100_000),
    ],
)
def test_only_outputs_are_read(name: str, content: str | None) -> None:
    files = _written(compiled("native"))
    if content is None:
        del files[name]
    else:
        files[name] = content
    with pytest.raises(UndercloudError) as refused:
        of_files(files)
    assert [each.code for each in refused.value.findings] == ["DIFF-001"]


def test_the_page_is_one_file_and_quotes_what_it_shows() -> None:
    before = compiled("native")
    evil = "<script>alert(1)</script>"
    site = yaml.safe_dump({"parameter_defaults": {"WebImage": evil, "WebTuning": {"threads": 4, "x": evil}}})
    after = compiled("native", {"site.yaml": site}, state=before.state)
    shown_page = page.render(compare(of_compilation(before), of_compilation(after), ("a", "b")))
    assert evil not in shown_page
    assert html.escape(evil) in shown_page
    assert "http" not in shown_page.replace("http://192", "")
    assert shown_page.count("<section>") == 3, "parameters, containers, files"


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SECRETS, SECRETS, st.sampled_from(["native", "upstream"]))
def test_secrets_are_told_to_differ_and_never_shown(one: str, two: str, contract: str) -> None:
    one, two = f"s{one}", f"t{two}"
    secrets = (one, two)
    made = [
        compiled(contract, {"site.yaml": yaml.safe_dump({"parameter_defaults": {"WebPassword": secret}})})
        for secret in secrets
    ]
    for sides in ([of_compilation(each) for each in made], [of_files(_written(each)) for each in made]):
        found = compare(sides[0], sides[1])
        assert [each.name for each in found.parameters if each.name == "WebPassword"] == ["WebPassword"]
        assert found.files, "what holds it differs"
        told = text.render(found) + page.render(found) + json.dumps(found.as_dict())
        for secret in secrets:
            assert secret not in told
            assert json.dumps(secret)[1:-1] not in told
            assert html.escape(secret) not in told
            assert digest(secret) not in told


def test_snapshots_hold_no_secret() -> None:
    made = compiled("upstream", {"site.yaml": "parameter_defaults: {WebPassword: the-secret-word}\n"})
    kept = json.dumps(facts(Composition(made.plan, made.stack, made.topology)))
    assert "the-secret-word" not in kept
    snapshot = of_compilation(made)
    assert "the-secret-word" not in json.dumps(snapshot.outputs)
    assert "the-secret-word" not in repr(snapshot.parameters)


VALUES: list[tuple[Any, Any, list[tuple[tuple[str, ...], Any, Any]]]] = [
    (1, 1, []),
    (1, True, [((), 1, True)]),
    (0, False, [((), 0, False)]),
    (None, "", [((), None, "")]),
    ({"a": 1}, {"a": 2}, [(("a",), 1, 2)]),
    ({"a": 1}, {}, [(("a",), 1, ABSENT)]),
    ({}, {"a": None}, [(("a",), ABSENT, None)]),
    ({"a": {"b": [1]}}, {"a": {"b": [2]}}, [(("a", "b"), [1], [2])]),
    ([{"a": 1}, {"b": 1}], [{"b": 1}], [(("0",), {"a": 1}, ABSENT)]),
    ([{"a": 1}], [{"a": 2}, {"c": 1}], [(("0", "a"), 1, 2), (("1",), ABSENT, {"c": 1})]),
    (list(range(12)), [*range(5), 99, *range(5, 12)], [(("5",), ABSENT, 99)]),
    ({"a": 1}, [1], [((), {"a": 1}, [1])]),
]


@pytest.mark.parametrize(("before", "after", "wanted"), VALUES, ids=range(len(VALUES)))
def test_values(before: Any, after: Any, wanted: Any) -> None:
    assert [(each.path, each.before, each.after) for each in changes(before, after)] == wanted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, json_values)
def test_values_differ_where_they_are_not_equal(before: Any, after: Any) -> None:
    same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (not list(changes(before, after))) == same
    assert not list(changes(before, json.loads(json.dumps(before))))


OPTIONS: list[tuple[str, dict[tuple[str, str], list[str]] | None]] = [
    ("[a]\nx = 1\n", {("a", "x"): ["1"]}),
    ("[a]\nx=1\nx=2\n[b]\ny: 3\n", {("a", "x"): ["1", "2"], ("b", "y"): ["3"]}),
    ("# comment\n\n[a]\n; another\nx = a = b\n", {("a", "x"): ["a = b"]}),
    ("[a]\nx = 1\n  2\n", {("a", "x"): ["1\n2"]}),
    ("[mysqld]\nskip-name-resolve\n", {("mysqld", "skip-name-resolve"): [""]}),
    ("#!/bin/sh\nexec true\n", None),
    ("plain text\n", None),
    ("", None),
]


@pytest.mark.parametrize(("content", "wanted"), OPTIONS, ids=range(len(OPTIONS)))
def test_options(content: str, wanted: dict[tuple[str, str], list[str]] | None) -> None:
    assert ini.options(content) == wanted


def test_tokens_stand_for_secrets() -> None:
    value = {"a": ["known", "plain"]}
    hidden = hushed(value, {digest("known")})
    assert "known" not in json.dumps(hidden)
    assert shown(hidden) == {"a": ["********", "plain"]}


def test_nothing_equals_itself() -> None:
    snapshot = of_compilation(compiled("native"))
    assert isinstance(snapshot, Snapshot)
    found = compare(snapshot, snapshot)
    assert isinstance(found, PlanDiff)
    assert not found
    assert found.as_dict()["equal"] is True
