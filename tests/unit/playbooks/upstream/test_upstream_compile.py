"""A small tree of TripleO's contract, compiled through the compiler's door."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State
from undercloud.playbooks import compiler, output
from undercloud.playbooks.compiler import Compilation, Contract

TREE = Path(__file__).with_name("tree")


def build(
    tmp_path: Path,
    environment: str = "parameter_defaults: {}\n",
    *,
    state: State | None = None,
    seed: str = "a",
    roles: str = "",
) -> Compilation:
    (tmp_path / "env.yaml").write_text(environment)
    (tmp_path / "roles.yaml").write_text(roles or (TREE / "roles_data.yaml").read_text())
    source = PlanSource(
        templates=str(TREE),
        roles_file=str(tmp_path / "roles.yaml"),
        environments=(str(tmp_path / "env.yaml"),),
    )
    return compiler.compile(load(source), state or State(), SeededEntropy(seed))


def parsed(compilation: Compilation, path: str) -> Any:
    return yaml.safe_load(compilation.files[path].text)


def test_files(tmp_path: Path) -> None:
    made = build(tmp_path).raise_for_errors()
    steps = {f"deploy_steps_tasks_step{step}.yaml" for step in range(6)}
    updates = {f"post_update_tasks_step{step}.yaml" for step in range(4)}
    of_role = {"step_config.pp", "param_config.json", "deploy_steps_tasks.yaml", "post_update_tasks.yaml"}
    deployed = {f"overcloud-controller-0/{name}" for name in ("SayHello", "NodeExtraConfigPost")}
    of_role |= {"service_names.yaml"}
    assert {path for path in made.files if path.startswith("Controller/")} == {
        f"Controller/{name}" for name in steps | updates | of_role | deployed
    }
    assert set(made.files) >= {
        "deploy_steps_playbook.yaml",
        "external_deploy_steps_tasks.yaml",
        "external_deploy_steps_tasks_step5.yaml",
        "script.sh",
        "group_vars/Controller",
        "host_vars/overcloud-controller-0",
        "templates/heat-config.j2",
        "deployments.yaml",
        "tripleo-ansible-inventory.yaml",
        "inventory/tripleo",
        ".gitignore",
    }
    assert [task["name"] for task in parsed(made, "Controller/deploy_steps_tasks_step2.yaml")] == [
        "always",
        "second",
    ]
    assert parsed(made, "external_deploy_steps_tasks_step2.yaml") == []
    assert made.files["script.sh"].text == "#!/bin/sh\ntrue\n"
    assert made.files["Controller/step_config.pp"].text == "include ::nothing"
    assert json.loads(made.files["Controller/param_config.json"].text) == {"a": 1}


def test_what_the_client_adds(tmp_path: Path) -> None:
    made = build(tmp_path).raise_for_errors()
    outputs = made.stack.outputs
    assert parsed(made, "Controller/service_names.yaml") == ["OS::TripleO::Services::Keystone"]
    assert parsed(made, "group_vars/Controller")["image"].startswith("quay.io/")
    assert outputs["Identity"] == ["overcloud", made.plan.digest[:16]]
    assert outputs["Undercloud"] == ["192.168.24.1 undercloud.ctlplane.localdomain undercloud.ctlplane"]
    assert outputs["VipMap"] == {"ctlplane": "192.168.24.5"}
    assert outputs["RoleNetIpMap"] == {"Controller": {"ctlplane": ["192.168.24.6"]}}


def test_the_operator_has_the_last_word(tmp_path: Path) -> None:
    given = {
        "AdminPassword": "word",
        "ContainerKeystoneImage": "mine",
        "DeployIdentifier": "now",
        "ControlPlaneVipData": {"fixed_ips": [{"ip_address": "192.168.24.77"}]},
    }
    made = build(tmp_path, yaml.safe_dump({"parameter_defaults": given})).raise_for_errors()
    assert parsed(made, "group_vars/Controller") == {"image": "mine"}
    assert made.stack.outputs["Identity"] == ["overcloud", "now"]
    assert made.stack.outputs["VipMap"] == {"ctlplane": "192.168.24.77"}
    assert made.topology is not None
    assert made.topology.vips["ctlplane"].address == "192.168.24.77"
    assert "AdminPassword" not in made.state.passwords


def test_deployments(tmp_path: Path) -> None:
    made = build(tmp_path, "parameter_defaults: {AdminPassword: word}").raise_for_errors()
    hello = parsed(made, "Controller/overcloud-controller-0/SayHello")["SayHello"]
    assert hello["config"] == "#!/bin/bash\necho $greeting\n"
    assert (hello["group"], hello["outputs"][0]["name"]) == ("script", "answer")
    inputs = {each["name"]: each for each in hello["inputs"]}
    assert inputs["greeting"] == {
        "name": "greeting",
        "description": "What to say",
        "type": "String",
        "value": "hello",
    }
    assert (inputs["undeclared"]["description"], inputs["undeclared"]["value"]) == ("None", "1")
    assert inputs["deploy_server_id"]["value"] == made.stack.outputs["ServerIdData"]["bootstrap_server_id"]
    post = parsed(made, "Controller/overcloud-controller-0/NodeExtraConfigPost")["NodeExtraConfigPost"]
    assert post["config"] == {"datafiles": {"all": {"secret": "word"}}}
    assert parsed(made, "host_vars/overcloud-controller-0") == {
        "pre_network_Controller": [],
        "pre_deployments_Controller": ["SayHello"],
        "post_deployments_Controller": ["NodeExtraConfigPost"],
        "fqdn": "x",
    }


def test_state_is_kept(tmp_path: Path) -> None:
    first = build(tmp_path)
    again = build(tmp_path, state=first.state, seed="another")
    assert again.state == first.state
    assert again.files == first.files
    assert first.state.addresses["ctlplane"]["overcloud-controller-0"] == "192.168.24.6"


def test_output(tmp_path: Path) -> None:
    made = build(tmp_path, "parameter_defaults: {AdminPassword: word}")
    assert made.contract is Contract.UPSTREAM
    files = output.files(made)
    assert "desired_state.json" not in files
    assert "config-download/secrets.json" not in files
    assert {mode for _, mode in files.values()} == {0o600}
    stack = json.loads(files["stack.json"][0])
    assert stack["outputs"]["Identity"][0] == "overcloud"
    assert stack["parameters"]["AdminPassword"] != "word"


def test_it_is_not_deployed(tmp_path: Path) -> None:
    made = build(tmp_path)
    with pytest.raises(UndercloudError) as caught:
        _ = made.desired
    assert [finding.code for finding in caught.value.findings] == ["ROLE-004"]


def test_faults_of_nodes_and_templates_are_told_together(tmp_path: Path) -> None:
    text = """
parameter_defaults: {ControllerCount: many, HostnameMap: [x]}
parameters: {NotThere: 1}
"""
    made = build(tmp_path, text)
    assert {finding.code for finding in made.errors} >= {"TOP-032", "HOT-011"}
    assert not made.files


def test_the_assumed_control_plane_grows_with_the_cloud(tmp_path: Path) -> None:
    made = build(tmp_path, "parameter_defaults: {ControllerCount: 600}")
    assert made.topology is not None
    assert made.topology.networks["ctlplane"].first.cidr == "192.168.24.0/22"
    assert len({host.address for host in made.topology.hosts}) == 600
    assert "TOP-031" in {finding.code for finding in made.findings}


_OWN_ADDRESS = """
parameter_defaults:
  NodePortMap: {overcloud-controller-0: {ctlplane: {ip_address: 192.168.24.2}}}
  ControlPlaneVipData: {fixed_ips: [{ip_address: 192.168.24.2}]}
  UndercloudHostsEntries: []
"""
_STANDALONE = "- {name: Controller, CountDefault: 1, tags: [standalone]}\n"


def test_a_cloud_of_one_node_is_its_own_undercloud(tmp_path: Path) -> None:
    """Its node has the cloud's address, and Ansible runs on it."""
    made = build(tmp_path, _OWN_ADDRESS, roles=_STANDALONE).raise_for_errors()
    variables = parsed(made, "tripleo-ansible-inventory.yaml")["Controller"]["vars"]
    assert variables["ansible_connection"] == "local"
    assert made.stack.outputs["VipMap"] == {"ctlplane": "192.168.24.2"}
    remote = parsed(build(tmp_path, _OWN_ADDRESS), "tripleo-ansible-inventory.yaml")["Controller"]["vars"]
    assert "ansible_connection" not in remote


def test_two_nodes_do_not_share_an_address_with_the_cloud(tmp_path: Path) -> None:
    text = _OWN_ADDRESS + "  ControllerCount: 2\n"
    assert "TOP-025" in {finding.code for finding in build(tmp_path, text).errors}


def test_a_standalone_cloud_knows_no_undercloud(tmp_path: Path) -> None:
    text = _OWN_ADDRESS.replace("  UndercloudHostsEntries: []\n", "")
    (finding,) = build(tmp_path, text, roles=_STANDALONE).errors
    assert (finding.code, finding.parameters) == ("HOT-010", ("UndercloudHostsEntries",))


def test_ports_of_older_templates_are_placed_and_kept(tmp_path: Path) -> None:
    """A node's port and server have the node's address, another port one of its own for good."""
    first = build(tmp_path, "parameter_defaults: {ControllerCount: 2}").raise_for_errors()
    ports = first.stack.outputs["Ports"]
    assert ports == {
        "nodes": ["192.168.24.6", "192.168.24.7"],
        "servers": [["192.168.24.6"], ["192.168.24.7"]],
        "redis": "192.168.24.8",
        "range": "192.168.24.0/24",
        "fixed": "192.168.24.99",
        "unknown": None,
        "mtu": 1500,
    }
    # A node that comes later does not get the port's address, and the port keeps it.
    grown = build(tmp_path, "parameter_defaults: {ControllerCount: 3}", state=first.state)
    assert grown.stack.outputs["Ports"]["nodes"] == ["192.168.24.6", "192.168.24.7", "192.168.24.9"]
    assert grown.stack.outputs["Ports"]["redis"] == "192.168.24.8"
    assert build(tmp_path, "parameter_defaults: {ControllerCount: 3}", state=grown.state).state == grown.state


def test_outputs_of_another_form(tmp_path: Path) -> None:
    tree = tmp_path / "changed"
    shutil.copytree(TREE, tree)
    root = tree / "overcloud.yaml"
    text = root.read_text()
    address = "ctlplane: [{get_param: [NodePortMap, overcloud-controller-0, ctlplane, ip_address]}]"
    assert address in text
    root.write_text(text.replace(address, "ctlplane: []"))
    made = compiler.compile(load(PlanSource(templates=str(tree))), State(), SeededEntropy())
    assert [(error.code, error.locations[0].line > 1) for error in made.errors] == [("ROLE-005", True)]
    assert not made.files


def test_mistakes_of_settings_and_of_the_language_are_told_together(tmp_path: Path) -> None:
    settings = {
        "resource_registry": {"OS::TripleO::Nope": "not/there.yaml"},
        "parameter_defaults": {"NodePortMap": "{no json"},
    }
    made = build(tmp_path, yaml.safe_dump(settings))
    assert {"PLAN-043", "HOT-012"} <= {error.code for error in made.errors}
    assert not made.files
