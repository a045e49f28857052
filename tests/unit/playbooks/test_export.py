"""What one stack tells another: exported, written, and taken by the other's plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.unit.playbooks.conftest import NODES
from tests.unit.playbooks.own_cloud import ROOT
from tests.unit.playbooks.upstream.test_upstream_compile import build as build_upstream
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.passwords import MAKERS
from undercloud.plan.secrets import is_secret
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.playbooks.export import exported, narrowed

EDGE = """
- name: Edge
  count: 1
  defaults: {managed: false}
  instances: [{hostname: edge-0, networks: [{network: ctlplane, fixed_ip: 192.168.24.60}]}]
"""
CLIENT = """
heat_template_version: wallaby
parameters:
  ServiceNetMap: {type: json, default: {}}
  RoleName: {type: string, default: ''}
  RoleParameters: {type: json, default: {}}
  RabbitPassword: {type: string, hidden: true}
outputs:
  role_data:
    value:
      service_name: client
      config_files:
        /etc/client.conf:
          content:
            str_replace:
              template: |
                auth_url = {{ cloud.endpoint_map.KeystoneInternal.uri }}
                www = {{ cloud.endpoint_map.KeystonePublic.uri_no_suffix }}
                database = {{ cloud.endpoint_map.MysqlInternal.host_nobrackets }}
                password = PASSWORD
              params: {PASSWORD: {get_param: RabbitPassword}}
      containers:
        step_4: {client: {image: example.com/client, command: client}}
"""


def edge(folder: Path, exported_file: str) -> Compilation:
    """A second plan: one role with one service of the operator's, and what the first one exported."""
    folder.mkdir()
    texts = {
        "client.yaml": CLIENT,
        "roles.yaml": "- {name: Edge, ServicesDefault: [OS::TripleO::Services::Client]}\n",
        "nodes.yaml": EDGE,
        "client-env.yaml": "resource_registry: {OS::TripleO::Services::Client: client.yaml}\n",
        "export.yaml": exported_file,
        "vip.yaml": "parameter_defaults: {ControlPlaneSubnetCidr: '24', "
        "ControlFixedIPs: [{ip_address: 192.168.24.4}]}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    source = PlanSource(
        templates=str(ROOT / "heat-templates"),
        name="edge",
        roles_file=str(folder / "roles.yaml"),
        networks_file="/dev/null",
        baremetal_deployment=str(folder / "nodes.yaml"),
        environments=tuple(str(folder / f"{name}.yaml") for name in ("export", "client-env", "vip")),
    )
    return compiler.compile(load(source), State(), SeededEntropy("another"))


def test_a_second_plan_uses_what_the_first_exports(build: Callable[..., Compilation], tmp_path: Path) -> None:
    first = build()
    found = exported(first)
    assert all(is_secret(found[name]) for name in found.keys() & MAKERS.keys())
    plain = json.loads(json.dumps(narrowed(found)))
    assert "CephClientKey" not in plain
    assert "CephClientKey" in narrowed(found, whole=True)
    second = edge(tmp_path / "edge", yaml.safe_dump({"parameter_defaults": plain}))
    second.raise_for_errors()
    about = [finding.message for finding in second.findings if finding.parameters]
    assert not [text for text in about if "EndpointMapOverride" in text or "AuthCloudName" in text]

    text = second.secrets["client/etc/client.conf"]
    vips = first.topology.vips if first.topology else {}
    assert f"auth_url = http://{vips['internal_api'].address}:5000\n" in text
    assert f"www = https://{vips['ctlplane'].address}:13000" in text
    assert f"database = {vips['internal_api'].address}" in text
    assert f"password = {plain['RabbitPassword']}" in text
    assert second.state.passwords.keys().isdisjoint(plain), "the first plan's passwords are used"
    prep = json.dumps({path: file.text for path, file in second.files.items()})
    assert "192.168.24.11 controller-0.example.com controller-0" in prep
    assert plain["RabbitPassword"] not in prep


def test_the_operator_wins_over_the_map(build: Callable[..., Compilation]) -> None:
    mine = {"KeystoneInternal": {"uri": "http://192.0.2.1:5000", "host": "192.0.2.1", "port": "5000"}}
    made = build(
        yaml.safe_dump({"parameter_defaults": {"EndpointMapOverride": mine, "AdminPassword": "x y"}})
    )
    found = exported(made)
    assert found["EndpointMapOverride"]["KeystoneInternal"] == mine["KeystoneInternal"]
    assert found["EndpointMapOverride"]["MysqlInternal"]["protocol"] == "tcp"
    assert "MysqlPublic" not in found["EndpointMapOverride"]
    assert found["AdminPassword"] == "x y"
    assert found["AuthCloudName"] == "overcloud"
    assert NODES.count("hostname") == 2
    assert [line for line in found["ExtraHostFileEntries"] if "backend-0.example.com backend-0" in line]


def test_of_tripleos_templates(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    made = build_upstream(tmp_path / "one", "parameter_defaults: {AuthCloudName: main}\n")
    found = exported(made)
    assert found["EndpointMapOverride"]["KeystoneInternal"]["uri"] == "http://192.168.24.5:5000"
    assert found["ExtraHostFileEntries"] == ["192.168.24.6 overcloud-controller-0"]
    assert found["GlobalConfigExtraMapData"] == {"memcached_port": 11211}
    assert found["AuthCloudName"] == "main"
    assert found["AllNodesExtraMapData"] == {
        "enabled_services": ["keystone"],
        "keystone_node_ips": ["192.168.24.6"],
        "keystone_node_names": ["overcloud-controller-0.ctlplane.localdomain"],
        "keystone_short_node_names": ["overcloud-controller-0"],
        "keystone_short_bootstrap_node_name": "overcloud-controller-0",
        "keystone_bootstrap_node_ip": "192.168.24.6",
    }
    assert narrowed(found, cell=True)["AllNodesExtraMapData"] == {}
    shared = {"AllNodesExtraMapData": {"memcached_node_ips": ["192.0.2.1"], "mysql_node_ips": ["192.0.2.1"]}}
    assert narrowed(shared, cell=True) == {"AllNodesExtraMapData": {"memcached_node_ips": ["192.0.2.1"]}}
    again = build_upstream(tmp_path, yaml.safe_dump({"parameter_defaults": json.loads(json.dumps(found))}))
    assert again.ok
    assert json.loads(json.dumps(exported(again)))["AdminPassword"] == found["AdminPassword"]
