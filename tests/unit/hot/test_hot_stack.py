"""The room's door: what a stack holds, what it asks for, and what stays secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.hot.faults import NOWHERE
from undercloud.hot.run import Limits, Planned
from undercloud.hot.stack import (
    KeptStrings,
    PlainEnvironment,
    Stack,
    StackRequest,
    evaluate,
    evaluate_template,
)
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.secrets import Secret, is_secret
from undercloud.plan.tree import Tree

HEAD = "heat_template_version: wallaby\n"


def stack_of(files: str | dict[str, str], **request: Any) -> Stack:
    tree = Tree({"t.yaml": HEAD + files} if isinstance(files, str) else files)
    defaults = request.pop("parameter_defaults", {})
    registry = request.pop("resource_registry", {})
    environment = PlainEnvironment(defaults, {}, registry)
    random = request.pop("random", KeptStrings({}, SeededEntropy("test")))
    return evaluate(StackRequest(tree, "t.yaml", environment, random, **request))


SECRET_BUILDERS = [
    "{get_param: p}",
    "{get_param: [j, a]}",
    "{list_join: [',', [a, {get_param: p}]]}",
    "{list_join: [',', [{get_param: j}]]}",
    "{str_replace: {template: 'x', params: {x: {get_param: p}}}}",
    "{str_replace: {template: {get_param: p}, params: {x: y}}}",
    "{str_replace: {template: x, params: {x: {get_param: j}}}}",
    "{digest: [md5, {get_param: p}]}",
    "{make_url: {host: h, password: {get_param: p}}}",
    "{str_split: ['/', {get_param: p}, 0]}",
    "{get_param: [l, 0]}",
    "{yaql: {expression: '$.data + a', data: {get_param: p}}}",
    "{yaql: {expression: 'concat(a, $.data)', data: {get_param: p}}}",
    "{yaql: {expression: '$.data.split(\"/\")[0]', data: {get_param: p}}}",
    "{yaql: {expression: '\"{0}\".format($.data)', data: {get_param: p}}}",
    "{yaql: {expression: '$.data.substring(1)', data: {get_param: p}}}",
    "{yaql: {expression: '[$.data, a].join(b)', data: {get_param: p}}}",
    "{yaql: {expression: '$.data.a', data: {get_param: j}}}",
    "{get_attr: [v, value, k]}",
    "{get_attr: [n, o]}",
    "{get_attr: [r, value]}",
]


@pytest.mark.parametrize("expression", SECRET_BUILDERS)
def test_text_built_from_a_secret_is_secret(expression: str) -> None:
    text = f"""{HEAD}
parameters:
  p: {{type: string, hidden: true, default: abc/def}}
  j: {{type: json, hidden: true, default: {{a: xyz}}}}
  l: {{type: comma_delimited_list, hidden: true, default: 'a,b'}}
resources:
  v: {{type: OS::Heat::Value, properties: {{value: {{k: {{get_param: p}}}}}}}}
  n: {{type: nested.yaml, properties: {{q: {{get_param: p}}}}}}
  r: {{type: OS::Heat::RandomString}}
outputs:
  o: {{value: {expression}}}
  shown: {{value: {{list_join: ['', [a, b]]}}}}
"""
    nested = (
        HEAD + "parameters: {q: {type: string}}\noutputs: {o: {value: {list_join: ['', [{get_param: q}]]}}}\n"
    )
    stack = stack_of({"t.yaml": text, "nested.yaml": nested})
    assert not stack.findings
    assert isinstance(stack.outputs["o"], Secret)
    assert not is_secret(stack.outputs["shown"])


def test_secrets_in_lists_and_repeats() -> None:
    stack = stack_of(
        "parameters: {p: {type: string, hidden: true, default: a-b}}\n"
        "outputs:\n"
        "  split: {value: {str_split: ['-', {get_param: p}]}}\n"
        "  repeat: {value: {repeat: {template: 'x%', for_each: {'%': [{get_param: p}, c]}}}}\n"
    )
    assert [type(item) for item in stack.outputs["split"]] == [Secret, Secret]
    assert [type(item) for item in stack.outputs["repeat"]] == [Secret, str]


def test_a_finding_shows_no_secret() -> None:
    stack = stack_of(
        "parameters: {p: {type: string, hidden: true, constraints: [{length: {max: 2}}]}}\n"
        "resources: {v: {type: OS::Heat::Value, properties: {type: number, value: {get_param: q}}}}\n",
        parameters={"p": Secret("correct horse"), "q": 1},
    )
    assert stack.findings
    assert "correct" not in "\n".join(map(str, stack.findings))


def test_random_strings_are_kept() -> None:
    template = (
        "resources: {r: {type: OS::Heat::RandomString, properties: {length: 20}}}\n"
        "outputs: {o: {value: {get_attr: [r, value]}}}\n"
    )
    first = KeptStrings({}, SeededEntropy("one"))
    value = stack_of(template, random=first).outputs["o"]
    assert len(value) == 20
    assert first.strings == {"r": value}
    again = KeptStrings(first.strings, SeededEntropy("two"))
    assert stack_of(template, random=again).outputs["o"] == value


def test_random_strings_have_the_characters_asked_for() -> None:
    strings = KeptStrings({}, SeededEntropy("x"))
    value = strings("path", (("!", 3), ("abc", 2)), 12)
    assert len(value) == 12
    assert value.count("!") >= 3
    assert set(value) <= set("!abc")


def test_planned_resources_ask_for_their_attributes() -> None:
    asked: list[Planned] = []

    def allocate(planned: Planned) -> Mapping[str, Any]:
        asked.append(planned)
        return {"id": "port-1", "fixed_ips": [{"ip_address": "10.0.0.7"}]}

    stack = stack_of(
        "resources:\n"
        "  port: {type: OS::Neutron::Port, properties: {network: ctlplane, name: a}}\n"
        "outputs:\n"
        "  ip: {value: {get_attr: [port, fixed_ips, 0, ip_address]}}\n"
        "  ref: {value: {get_resource: port}}\n"
        "  name: {value: {get_attr: [port, name]}}\n"
        "  unknown: {value: {get_attr: [port, mac_address]}}\n",
        allocate=allocate,
    )
    assert stack.outputs == {"ip": "10.0.0.7", "ref": "port-1", "name": "a", "unknown": None}
    assert asked == [Planned("OS::Neutron::Port", ("port",), {"network": "ctlplane", "name": "a"})]


def test_the_tree_of_resources() -> None:
    nested = HEAD + "resources: {v: {type: OS::Heat::Value, properties: {value: 1}}}\n"
    group = (
        "resources:\n"
        "  g:\n"
        "    type: OS::Heat::ResourceGroup\n"
        "    properties: {count: 2, resource_def: {type: nested.yaml}}\n"
    )
    stack = stack_of({"t.yaml": HEAD + group, "nested.yaml": nested})
    node = stack.resources()["g"]
    assert node.location is not None
    assert (node.type, node.location.line) == ("OS::Heat::ResourceGroup", 3)
    assert list(node.children) == ["0", "1"]
    member = node.children["1"]
    assert (member.template, member.path) == ("nested.yaml", ("g", "1"))
    assert member.children["v"].path == ("g", "1", "v")


def test_a_finding_names_the_resources_that_lead_to_it() -> None:
    files = {
        "t.yaml": HEAD + "resources: {a: {type: b.yaml}}\n",
        "b.yaml": HEAD + "resources: {c: {type: d.yaml, properties: {x: [1]}}}\n",
        "d.yaml": HEAD + "parameters: {x: {type: string}}\n",
    }
    finding = stack_of(files).findings[0]
    assert finding.path == ("a", "c")
    assert str(finding.locations[0]) == "b.yaml:2:44"


def test_all_mistakes_are_told_and_what_can_be_had_is_there() -> None:
    stack = stack_of(
        "parameters: {n: {type: number}, m: {type: string}}\n"
        "resources:\n"
        "  a: {type: OS::Heat::Value, properties: {value: {get_param: nope}}}\n"
        "  b: {type: OS::Heat::Value, properties: {value: {get_attr: [a, value]}}}\n"
        "outputs: {good: {value: 1}, bad: {value: {get_attr: [b, value]}}, worse: {value: {get_param: n}}}\n",
        parameters={"n": "x"},
    )
    assert [finding.code for finding in stack.findings] == ["HOT-012", "HOT-010", "HOT-032"]
    assert stack.outputs == {"good": 1}
    assert not stack.ok
    with pytest.raises(UndercloudError) as error:
        stack.raise_for_errors()
    assert len(error.value.findings) == 3


def test_the_same_mistake_in_many_instances_is_told_once() -> None:
    files = {
        "t.yaml": HEAD
        + "resources:\n  g:\n    type: OS::Heat::ResourceGroup\n"
        + "    properties: {count: 9, resource_def: {type: n.yaml}}\n",
        "n.yaml": HEAD + "resources: {v: {type: OS::Heat::Value, properties: {value: {get_param: nope}}}}\n",
    }
    assert len(stack_of(files).findings) == 1


def test_removed_members_stay_removed() -> None:
    template = (
        "resources:\n"
        "  g: {type: OS::Heat::ResourceGroup, properties: {count: 2,"
        " resource_def: {type: OS::Heat::Value, properties: {value: '%index%'}}}}\n"
        "outputs: {o: {value: {get_attr: [g, value]}}, r: {value: {get_attr: [g, removed_rsrc_list]}}}\n"
    )
    stack = stack_of(template, removed={"g": ("0", "2")})
    assert stack.outputs == {"o": ["1", "3"], "r": ["0", "2"]}


def test_limits() -> None:
    group = (
        "resources: {g: {type: OS::Heat::ResourceGroup, properties: {count: 50, resource_def:"
        " {type: OS::Heat::Value, properties: {value: 1}}}}}\n"
    )
    assert stack_of(group, limits=Limits(member_count=10)).findings[0].code == "HOT-052"
    assert stack_of(group, limits=Limits(resources=10)).findings[0].code == "HOT-052"
    files = {"t.yaml": HEAD + "resources: {n: {type: f0.yaml}}\n"}
    for depth in range(12):
        files[f"f{depth}.yaml"] = HEAD + f"resources: {{n: {{type: f{depth + 1}.yaml}}}}\n"
    files["f12.yaml"] = HEAD
    assert [finding.code for finding in stack_of(files).findings] == ["HOT-051"]


def test_deployments_have_their_inputs_filled_in() -> None:
    stack = stack_of(
        "resources:\n"
        "  c: {type: OS::Heat::StructuredConfig, properties: {group: hiera, config: {a: {get_input: x}}}}\n"
        "  d:\n"
        "    type: OS::Heat::StructuredDeployment\n"
        "    properties: {config: {get_resource: c}, server: s1, name: D, input_values: {x: 5}}\n"
        "  g:\n"
        "    type: OS::Heat::SoftwareDeploymentGroup\n"
        "    properties: {config: {get_resource: c}, servers: {one: s1, two: s2}}\n"
    )
    assert not stack.findings
    found = {deployment.path: deployment for deployment in stack.deployments()}
    assert list(found) == [("d",), ("g", "one"), ("g", "two")]
    assert (found["d",].config, found["d",].group, found["d",].name) == ({"a": 5}, "hiera", "D")
    assert found["d",].inputs["deploy_server_id"] == "s1"
    assert found["g", "two"].server == "s2"
    configuration = next(member for member in stack.walk() if member.name == "c")
    kept = stack.config(configuration.reference(NOWHERE))
    assert kept is not None
    assert (kept["group"], kept["config"]) == ("hiera", {"a": {"get_input": "x"}})
    assert stack.config("nope") is None


def test_a_message_of_several_parts_is_the_same_each_time() -> None:
    template = (
        "resources:\n"
        "  c: {type: OS::Heat::SoftwareConfig, properties: {config: '#!/bin/sh'}}\n"
        "  m: {type: OS::Heat::MultipartMime, properties: {parts: [{config: {get_resource: c}},"
        " {config: text, subtype: cloud-config, filename: a.txt}]}}\n"
        "outputs: {m: {value: {get_attr: [m, config]}}}\n"
    )
    first, second = (stack_of(template).outputs["m"] for _ in range(2))
    assert first == second
    assert "#!/bin/sh" in first
    assert "text/cloud-config" in first


def test_conditions_and_parameters_of_the_root() -> None:
    stack = stack_of(
        "parameters: {p: {type: string, default: x}}\n"
        "conditions: {is_x: {equals: [{get_param: p}, x]}, is_y: {not: is_x}}\n",
        parameters={"p": "y"},
    )
    assert stack.conditions == {"is_x": False, "is_y": True}
    assert stack.parameters == {"p": "y"}


def test_a_template_outside_of_an_overcloud() -> None:
    tree = Tree(
        {"dir/t.yaml": HEAD + "parameters: {p: {type: number}}\noutputs: {o: {value: {get_param: p}}}\n"}
    )
    random = KeptStrings({}, SeededEntropy())
    stack = evaluate_template(tree, "dir/t.yaml", PlainEnvironment(), {"p": "3"}, random=random)
    assert stack.outputs == {"o": 3}
    missing = evaluate_template(tree, "nope.yaml", PlainEnvironment(), {}, random=random)
    assert [finding.code for finding in missing.findings] == ["HOT-033"]


def test_equal_requests_give_equal_bytes() -> None:
    template = (
        "resources: {n: {type: OS::Heat::RandomString}, s: {type: OS::Heat::DeployedServer}}\n"
        "outputs: {o: {value: [{get_resource: n}, {get_resource: s}, {get_param: 'OS::stack_id'}]}}\n"
    )
    first, second = (json.dumps(stack_of(template).outputs) for _ in range(2))
    assert first == second
