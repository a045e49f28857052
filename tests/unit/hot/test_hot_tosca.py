"""TOSCA service templates as root templates."""

from __future__ import annotations

from typing import Any

import pytest

from undercloud.hot.stack import KeptStrings, PlainEnvironment, Stack, StackRequest, evaluate
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.tree import Tree

SERVICE = """\
tosca_definitions_version: tosca_simple_yaml_1_0
imports: [types.yaml]
topology_template:
  inputs:
    cpus: {type: integer}
  node_templates:
    web:
      type: tosca.nodes.Compute
      capabilities:
        host: {properties: {num_cpus: {get_input: cpus}, mem_size: 4 GB}}
        os: {properties: {type: Linux, distribution: RHEL}}
    app:
      type: my.nodes.App
      requirements: [{host: web}]
      interfaces:
        Standard: {create: scripts/create.sh}
  outputs:
    address: {value: {get_attribute: [web, private_address]}}
"""
TYPES = """\
tosca_definitions_version: tosca_simple_yaml_1_0
node_types:
  my.nodes.App: {derived_from: tosca.nodes.SoftwareComponent}
"""
FILES = {"tosca/service.yaml": SERVICE, "tosca/types.yaml": TYPES, "tosca/scripts/create.sh": "#!/bin/sh\n"}


def stack_of(parameters: dict[str, Any], files: dict[str, str] | None = None) -> Stack:
    def allocate(planned: Any) -> Any:
        return {"networks": {"private": ["10.0.0.5"]}, **planned.properties}

    environment = PlainEnvironment({}, parameters)
    random = KeptStrings({}, SeededEntropy())
    tree = Tree({**FILES, **(files or {})})
    return evaluate(StackRequest(tree, "tosca/service.yaml", environment, random, allocate=allocate))


def test_a_service_is_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    stack = stack_of({"cpus": 2, "web_image": "debian-12", "web_flavor": "small"})
    assert not stack.findings
    assert stack.outputs == {"address": "10.0.0.5"}
    assert stack.resources()["web"].type == "OS::Nova::Server"
    (deployment,) = stack.deployments()
    assert deployment.config == "#!/bin/sh\n"
    assert capsys.readouterr().out == ""


def test_no_cloud_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_TENANT_NAME", "OS_PROJECT_NAME"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert stack_of({"cpus": 2, "web_image": "i", "web_flavor": "f"}).ok


def test_images_and_flavours_have_to_be_given() -> None:
    stack = stack_of({"cpus": 2})
    assert [finding.parameters for finding in stack.findings] == [("web_flavor",), ("web_image",)]
    assert {finding.code for finding in stack.findings} == {"HOT-010"}


@pytest.mark.parametrize(
    ("files", "code", "line"),
    [
        ({"tosca/service.yaml": SERVICE.replace("types.yaml", "nope.yaml")}, "HOT-061", 2),
        ({"tosca/service.yaml": SERVICE.replace("types.yaml", "http://127.0.0.1/t.yaml")}, "HOT-061", 2),
        ({"tosca/service.yaml": SERVICE.replace("my.nodes.App", "my.nodes.Nope")}, "HOT-060", 13),
        ({"tosca/service.yaml": SERVICE.replace("{host: web}", "{host: nope}")}, "HOT-060", 14),
        ({"tosca/service.yaml": SERVICE.replace("create.sh", "nope.sh")}, "HOT-033", 16),
        ({"tosca/types.yaml": TYPES + "imports: [service.yaml]\n"}, "HOT-061", 4),
    ],
)
def test_mistakes(files: dict[str, str], code: str, line: int) -> None:
    given = {"cpus": 1, "web_image": "debian-12", "web_flavor": "small"}
    first, *others = stack_of(given, files).findings
    (place, *_) = first.locations
    assert (first.code, place.line, "translated" in place.file) == (code, line, False)
    assert {finding.code for finding in others} <= {code}


def test_missing_inputs() -> None:
    (finding,) = stack_of({}).findings
    assert finding.code == "HOT-062"
    assert "cpus" in finding.message


def test_each_mistake_is_told_at_its_place_without_a_traceback() -> None:
    text = SERVICE.replace("num_cpus", "num_cpos").replace("type: my.nodes.App", "type: my.nodes.Ap")
    findings = stack_of({"cpus": 2}, {"tosca/service.yaml": text}).findings
    words = []
    for finding in findings:
        assert finding.code == "HOT-060"
        assert "File " not in finding.message
        line = text.splitlines()[finding.locations[0].line - 1]
        words.append(line[finding.locations[0].column - 1 :])
    assert any(word.startswith("num_cpos") for word in words)
    assert any(word.startswith("my.nodes.Ap") for word in words)
