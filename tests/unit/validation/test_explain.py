"""What explain says about small plans: each case is a plan, a question and the whole answer."""

from __future__ import annotations

import functools
import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.validation.explain_plans import ROOT, case, compiled
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import assemble
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.explain import explain
from undercloud.validation.explain.model import Answer, Kind, Link
from undercloud.validation.explain.text import Renderer

CASES = sorted((Path(__file__).parent / "explain/cases").glob("*.yaml"))


@functools.cache
def _schema() -> Any:
    text = importlib.resources.files("undercloud.validation.explain").joinpath("explanation.schema.json")
    return json.loads(text.read_text("utf-8"))


def _document(name: str, answers: tuple[Answer, ...]) -> dict[str, Any]:
    document = {"findings": [], "name": name, "answers": [each.as_dict() for each in answers]}
    jsonschema.validate(document, _schema())
    assert json.loads(json.dumps(document)) == document
    return document


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    wanted = case(path)
    made = compiled(wanted["contract"], wanted.get("environments"))
    try:
        answers = explain(made, wanted["ask"])
    except UndercloudError as error:
        told = "".join(f"{each.code} {each.message}. {each.fix}\n" for each in error.findings)
        assert told == wanted["error"]
        return
    assert Renderer((ROOT, "")).render(answers) == wanted["text"], wanted["about"]
    _document(wanted["ask"], answers)


FUNCTIONS = case(Path(__file__).parent / "explain/functions.yaml")
TEMPLATE = """\
heat_template_version: wallaby
parameters:
  A: {{type: string, default: a}}
  B: {{type: string, default: b}}
  C: {{type: string, default: c}}
  Choice: {{type: boolean, default: true}}
  Map: {{type: json, default: {{b: 1}}}}
conditions:
  yea: {{get_param: Choice}}
  nay: {{not: yea}}
resources:
  Kept: {{type: OS::Heat::Value, properties: {{value: {{k: {{get_param: A}}, m: {{get_param: B}}}}}}}}
  Inner: {{type: inner.yaml, properties: {{P: {{get_param: A}}}}}}
  Group:
    type: OS::Heat::ResourceGroup
    properties: {{count: 2, resource_def: {{type: OS::Heat::Value, properties: {{value: {{get_param: B}}}}}}}}
  Chain:
    type: OS::Heat::ResourceChain
    properties: {{resources: [inner.yaml], resource_properties: {{P: {{get_param: C}}}}}}
outputs:
  out: {{value: {expression}}}
"""
INNER = """\
heat_template_version: wallaby
parameters:
  P: {type: string}
  Own: {type: string, default: own}
resources:
  Deep: {type: OS::Heat::Value, properties: {value: {get_param: P}}}
outputs:
  out: {value: {k: {get_param: P}}}
  own: {value: {get_param: Own}}
"""


def _plain(template: str) -> Compilation:
    files = {"main.yaml": template.encode(), "inner.yaml": INNER.encode()}
    plan = assemble(Bundle(name="stack", root=ROOT, files=files, single="main.yaml"))
    return compiler.compile(plan, State(), SeededEntropy("tests")).raise_for_errors()


@pytest.mark.parametrize("wanted", FUNCTIONS, ids=lambda each: each["about"])
def test_functions_are_followed(wanted: dict[str, Any]) -> None:
    context = Context(_plain(TEMPLATE.format(expression=json.dumps(wanted["value"]))))
    keys = [key for key in str(wanted.get("path", "")).split("/") if key]
    path = tuple(int(key) if key.isdecimal() else key for key in keys)
    link = context.tracer().root_output(context.root, "out", path)
    ends = {each.text.split()[1].split("/")[0] for each in link.walk() if each.kind is Kind.PARAMETER}
    assert ends - {"P"} == set(wanted["from"])


def test_a_link_is_drawn_out_once() -> None:
    context = Context(_plain(TEMPLATE.format(expression="[{get_param: A}, {get_param: A}]")))
    links = list(context.tracer().root_output(context.root, "out", ()).walk())
    assert [(each.again, bool(each.links)) for each in links if each.kind is Kind.PARAMETER] == [
        (False, True),
        (True, False),
    ]


def test_there_is_an_end() -> None:
    """A value of many parts is cut, and says so."""
    many = "{" + ", ".join(f"k{n}: {{get_param: A}}" for n in range(200)) + "}"
    context = Context(_plain(TEMPLATE.format(expression=many)))
    links = context.tracer().root_output(context.root, "out", ()).links
    assert len(links) < 100
    assert (links[-1].kind, links[-1].text) == (Kind.NOTE, "140 more parts are left out here")


def test_nothing_is_changed_by_asking() -> None:
    made = compiled("native")
    before = (made.state.to_json(), {path: file.text for path, file in made.files.items()})
    for name in ("WebTimeout", "container:web", "Greeting"):
        explain(made, name)
    assert before == (made.state.to_json(), {path: file.text for path, file in made.files.items()})


def test_effects_are_what_another_plan_would_have() -> None:
    (answer,) = explain(compiled("native"), "StorePort")
    assert {(each.kind, each.name) for each in answer.effects} >= {("option", "web.conf:[DEFAULT]/store")}
    (quiet,) = explain(compiled("native"), "StorePort", with_effects=False)
    assert (quiet.effects, quiet.tried) == ((), "")
    assert quiet.origins == answer.origins


NAMES = (
    "WebPassword",
    "AdminPassword",
    "WebTuning",
    "web.conf:[DEFAULT]/password",
    "web.conf:[DEFAULT]/plugins",
    "file:web.conf",
    "container:web",
    "ControllerServiceChain/ServiceChain/0",
    "ControllerServiceChain:role_data",
    "RoleData",
    "controller-0",
)
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SECRETS.map(lambda text: f"s{text}"), st.sampled_from(["native", "upstream"]))
def test_secrets_are_never_shown(secret: str, contract: str) -> None:
    """Whatever a hidden parameter, or one for a password, holds is in no answer, however it is asked for."""
    given_ = {"WebPassword": secret, "AdminPassword": secret, "WebPlugins": ["plain", secret]}
    environments = {"site.yaml": yaml.safe_dump({"parameter_defaults": given_})}
    made = compiled(contract, environments)
    held = [*made.secrets.values(), *(file.text for file in made.files.values())]
    # In a list that is not hidden it may be taken for a template, and be a wrong one.
    assert not made.ok or any(secret in text or json.dumps(secret)[1:-1] in text for text in held)
    for name in (*NAMES, "hiera:web::db::password", "web"):
        try:
            answers = explain(made, name)
        except UndercloudError as error:
            assert all(secret not in f"{each.message} {each.fix}" for each in error.findings)
            continue
        told = json.dumps([each.as_dict() for each in answers]) + Renderer().render(answers)
        assert secret not in told
        assert json.dumps(secret)[1:-1] not in told


WORDS = st.sampled_from(
    [
        *(
            "WebTimeout",
            "WebTuning",
            "ControllerServiceChain",
            "ServiceChain",
            "0",
            "role_data",
            "Greeting",
            "web",
        ),
        *(
            "web.conf",
            "[DEFAULT]",
            "timeout",
            "param",
            "resource",
            "option",
            "hiera",
            "host",
            "controller-0",
            "\u00e9",
        ),
        *(
            "Networks",
            "map",
            "threads",
            "-1",
            "99999999999999999999",
            "",
            " ",
            "{{",
            "web::timeout",
            "web.service",
        ),
    ]
)
ASKED = st.lists(
    st.tuples(WORDS, st.sampled_from(["/", ":", "::", ":[", "]/", ""])), min_size=1, max_size=5
).map(lambda parts: "".join(word + separator for word, separator in parts))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ASKED | st.text(max_size=20), st.sampled_from(["native", "upstream"]))
def test_any_name_has_an_answer_or_a_reason(name: str, contract: str) -> None:
    try:
        answers = explain(_kept(contract), name, with_effects=False)
    except UndercloudError as error:
        assert {each.code for each in error.findings} <= {"EXP-001", "EXP-002"}
        return
    assert answers
    _document(name, answers)


@functools.cache
def _kept(contract: str) -> Compilation:
    return compiled(contract)


def test_walk_is_outermost_first() -> None:
    inner = Link(Kind.NOTE, "inner")
    assert [each.text for each in Link(Kind.NOTE, "outer", links=(inner,)).walk()] == ["outer", "inner"]
