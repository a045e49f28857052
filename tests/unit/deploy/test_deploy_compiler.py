"""The engine with the real compiler and our own templates; nodes and Ansible are the world's."""

from __future__ import annotations

import io
import json
import posixpath
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.unit.deploy.world import World, request
from undercloud.conf import installed
from undercloud.deploy.compiler import NativeCompiler, generated
from undercloud.deploy.compiling import Node, NodePlaybook
from undercloud.deploy.compiling_machines import playbook_files
from undercloud.deploy.engine import Status
from undercloud.deploy.plan_source import plan_source
from undercloud.deploy.requests import PlanPaths
from undercloud.deploy.stages import PLAYBOOK
from undercloud.diagnostics import UndercloudError
from undercloud.images import served
from undercloud.plan import archive
from undercloud.plan.bundle import PlanSource, read
from undercloud.plan.loader import load

DATA = installed.data_directory()
NODES = [
    {
        "name": "Standalone",
        "count": 1,
        "defaults": {"managed": False},
        "instances": [
            {
                "hostname": "standalone-0",
                "managed": False,
                "networks": [{"network": "ctlplane", "fixed_ip": "192.168.24.11"}],
            }
        ],
    }
]


@pytest.fixture
def native(world: World, tmp_path: Path) -> World:
    """The world with the real compiler and one node."""
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(NODES))
    site = {"parameter_defaults": {"ControlFixedIPs": [{"ip_address": "192.168.24.100"}]}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    world.real_compiler = NativeCompiler("", tmp_path / "registry")
    world.ssh.keys["standalone-0"] = {"ssh-ed25519": "AAAA"}
    return world


def paths(directory: Path) -> PlanPaths:
    return PlanPaths(
        str(DATA / "heat-templates"),
        roles_file=str(DATA / "roles_data" / "Standalone.yaml"),
        baremetal_deployment=str(directory / "nodes.yaml"),
        environments=(str(directory / "site.yaml"),),
    )


def test_our_own_templates_deploy(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    ended = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    assert (ended.status, [f for f in ended.findings if f.severity == "error"]) == (Status.SUCCEEDED, [])
    plays = yaml.safe_load((Path(ended.directory) / PLAYBOOK).read_text())
    tags = {tag for play in plays for tag in play["tags"]}
    assert {"step0", "step1", "finish"} <= tags, "what a resumed deployment asks for is there"
    secrets = json.loads(native.runner.secrets[0])
    assert secrets
    for file in Path(ended.directory).rglob("*"):
        if file.is_file():
            assert not [value for value in secrets.values() if value in file.read_text()], file
    given = engine.credentials("overcloud")
    assert given.clouds["auth"]["auth_url"] == "https://192.168.24.100:13000/v3"
    assert given.clouds["region_name"] == "regionOne"
    password = given.clouds["auth"]["password"]
    assert any(password in value for value in secrets.values())
    assert native.runner.runs[0].mask(f"the password is {password}, see?") == "the password is ********, see?"
    served = secrets["public_tls/key"]
    assert native.runner.runs[0].mask(served.splitlines()[1]) == "********"
    assert given.authority.startswith("-----BEGIN CERTIFICATE-----")
    beside = yaml.safe_load((Path(ended.directory).parent / "clouds.yaml").read_text())
    authority = Path(beside["clouds"]["overcloud"]["cacert"])
    assert authority.read_text() == given.authority
    assert f"export OS_CACERT={authority}\n" in (Path(ended.directory).parent / "overcloudrc").read_text()
    (node,) = engine.stack_hosts("overcloud")
    assert (node.name, node.address) == ("standalone-0", "192.168.24.11")

    again = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    assert again.version == ended.version
    assert json.loads(native.runner.secrets[1]) == secrets


def test_a_cloud_without_tls(native: World, tmp_path: Path) -> None:
    switch = str(DATA / "environments" / "ssl" / "no-tls-endpoints-public-ip.yaml")
    given = paths(tmp_path)
    plan = replace(given, environments=(*given.environments, switch))
    engine = native.engine()
    ended = engine.wait(engine.deploy(request(plan=plan)).id, 60)
    written = engine.credentials("overcloud")
    assert written.clouds["auth"]["auth_url"] == "http://192.168.24.100:5000/v3"
    assert (written.authority, "cacert" in written.clouds) == ("", False)
    assert "public_tls/key" not in json.loads(native.runner.secrets[0])
    assert " ssl " not in (Path(ended.directory) / "desired_state" / "standalone-0.json").read_text()


def test_an_authority_of_the_operators_is_named(native: World, tmp_path: Path) -> None:
    site = yaml.safe_load((tmp_path / "site.yaml").read_text())
    site["parameter_defaults"]["PublicTLSCAFile"] = "/etc/ssl/site.pem"
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    engine = native.engine()
    engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    given = engine.credentials("overcloud")
    assert (given.authority, given.clouds["cacert"]) == ("", "/etc/ssl/site.pem")
    assert "export OS_CACERT=/etc/ssl/site.pem\n" in given.rc


def test_a_plan_is_compiled_from_what_was_kept_of_it(native: World, tmp_path: Path) -> None:
    compiler = NativeCompiler("", tmp_path / "registry")
    loaded = compiler.load(request(plan=paths(tmp_path)))
    first = compiler.compile(loaded, None, {})
    assert first.nodes == (Node("standalone-0", "192.168.24.11", "Standalone"),)
    assert [(task.host, task.step) for task in first.tasks] == [("standalone-0", 0)]
    kept = compiler.reload(loaded.files, json.loads(json.dumps(loaded.source)))
    second = compiler.compile(kept, json.loads(json.dumps(first.state)), {})
    assert (second.files, second.secrets, second.state) == (first.files, first.secrets, first.state)


def test_no_stack_gets_an_address_of_the_underclouds_own(native: World, tmp_path: Path) -> None:
    own = {"ctlplane": {"192.168.24.100": "the undercloud"}}
    compiler = NativeCompiler("", tmp_path / "registry", own=own)
    loaded = compiler.load(request(plan=paths(tmp_path)))
    with pytest.raises(UndercloudError, match=r"TOP-025: 192\.168\.24\.100 is wanted for the undercloud"):
        compiler.compile(loaded, None, {})


def test_mistakes_are_told_with_their_places(native: World, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("parameter_defaults:\n  A: [1\n  B: 2\n")
    engine = native.engine()
    ended = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    assert (ended.status, ended.stage) == (Status.FAILED, "plan")
    (failure,) = engine.failures("overcloud")
    assert failure.finding.locations[0].file == str(tmp_path / "site.yaml")
    assert failure.finding.locations[0].line == 3
    assert engine.plans() == ()


def test_nodes_get_into_the_underclouds_own_registry(native: World, tmp_path: Path) -> None:
    own = served.ensure(tmp_path / "registry", "127.0.0.1").client
    engine = native.engine()
    ended = engine.wait(engine.deploy(request(plan=paths(tmp_path))).id, 60)
    state = (Path(ended.directory) / "desired_state" / "standalone-0.json").read_text()
    assert f"{own.endpoint}/undercloud/keystone:" in state
    assert f"/etc/containers/certs.d/{own.endpoint}/ca.crt" in state
    assert own.password not in state
    elsewhere = engine.wait(engine.deploy(request(plan=paths(tmp_path), registry="reg.example:5000")).id, 60)
    state = (Path(elsewhere.directory) / "desired_state" / "standalone-0.json").read_text()
    assert "reg.example:5000/undercloud/keystone:" in state
    assert own.endpoint not in state


@pytest.mark.parametrize(
    ("routed", "gateways"), [(None, ["192.168.24.1", ""]), (["InternalApi"], ["", "172.17.0.1"])]
)
def test_a_machine_is_wanted_with_all_its_networks(
    native: World, tmp_path: Path, routed: list[str] | None, gateways: list[str]
) -> None:
    instance = {
        "hostname": "standalone-0",
        "networks": [
            {"network": "ctlplane", "fixed_ip": "192.168.24.11"},
            {"network": "internal_api", "fixed_ip": "172.17.0.11"},
        ],
        "network_config": {"default_route_network": routed} if routed else {},
    }
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump([{"name": "Standalone", "instances": [instance]}]))
    subnet = {"ip_subnet": "172.17.0.0/24", "gateway_ip": "172.17.0.1", "vlan": 20}
    subnet["allocation_pools"] = [{"start": "172.17.0.50", "end": "172.17.0.99"}]
    subnet["routes"] = [{"destination": "10.0.0.0/8", "nexthop": "172.17.0.2"}]
    network = {
        "name": "InternalApi",
        "name_lower": "internal_api",
        "vip": True,
        "mtu": 9000,
        "subnets": {"api": subnet},
    }
    (tmp_path / "networks.yaml").write_text(yaml.safe_dump([network]))
    site = yaml.safe_load((tmp_path / "site.yaml").read_text())
    plane = {"subnets": {"ctlplane-subnet": {"cidr": "192.168.24.0/24", "gateway_ip": "192.168.24.1"}}}
    site["parameter_defaults"]["CtlplaneNetworkAttributes"] = plane
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    given = replace(paths(tmp_path), networks_file=str(tmp_path / "networks.yaml"))
    compiler = NativeCompiler("", tmp_path / "registry")
    made = compiler.compile(compiler.load(request(plan=given)), None, {})
    (wanted,) = made.machines
    (on_plane, on_api) = wanted.attachments
    assert [on_plane.gateway, on_api.gateway] == gateways
    assert (on_plane.network, on_plane.address, on_plane.vlan) == ("ctlplane", "192.168.24.11", None)
    assert (on_api.address, on_api.cidr, on_api.vlan, on_api.mtu) == (
        "172.17.0.11",
        "172.17.0.0/24",
        20,
        9000,
    )
    assert on_api.routes == {"10.0.0.0/8": "172.17.0.2"}


def test_playbooks_of_the_deployment_file_reach_the_runner(native: World, tmp_path: Path) -> None:
    """From afar, too: what is packed there is all that is needed here."""
    nodes = [{**NODES[0], "ansible_playbooks": [{"playbook": "tune/play.yaml", "extra_vars": _EXTRA}]}]
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(nodes))
    (tmp_path / "tune/roles/tune/files").mkdir(parents=True)
    (tmp_path / "tune/roles/tune/files/firmware").write_bytes(b"\xff\x00")
    (tmp_path / "tune/play.yaml").write_text("- {hosts: all, roles: [tune]}")
    packed = io.BytesIO()
    archive.pack(read(plan_source(request(plan=paths(tmp_path)))), packed)
    packed.seek(0)
    shutil.rmtree(tmp_path / "tune")
    assert native.real_compiler
    bundle = archive.unpack(packed, "overcloud", generated=generated("", tmp_path / "registry"))
    read_here = native.real_compiler.reload(bundle.files, {"root": bundle.root, **bundle.source()})
    made = native.real_compiler.compile(read_here, None, {})
    (playbook,) = made.playbooks
    assert playbook == NodePlaybook("Standalone", "tune/play.yaml", playbook.file, _EXTRA)
    assert made.files[playbook.file] == b"- {hosts: all, roles: [tune]}"
    assert made.files[f"{posixpath.dirname(playbook.file)}/roles/tune/files/firmware"] == b"\xff\x00"
    assert {"bmc-pass", "12345678"} <= made.sensitive
    assert made.sensitive.isdisjoint({"me-user", "public"}), "words of every text stay readable"
    assert "bmc-pass" not in repr(made)


_EXTRA = {
    "bmc": {"user": "me-user", "admin_password": "bmc-pass"},
    "tokens": ["12345678"],
    "snmp_community": "public",
}


def test_a_playbook_may_come_to_be_by_rendering(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    (templates / "roles/tune/templates").mkdir(parents=True)
    (templates / "overcloud.yaml").write_text("heat_template_version: wallaby")
    (templates / "roles_data.yaml").write_text("[{name: Standalone}]")
    (templates / "play.j2.yaml").write_text("- {hosts: all, vars: {own: {{ roles[0].name }}}}")
    (templates / "roles/tune/templates/x.j2.yaml").write_text("{{ roles[0].name }}")
    nodes = [{"name": "Standalone", "ansible_playbooks": [{"playbook": "templates/play.yaml"}]}]
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(nodes))
    source = PlanSource(templates=str(templates), baremetal_deployment=str(tmp_path / "nodes.yaml"))
    assert playbook_files(load(source)) == {
        "node_playbooks/play.yaml": b"- {hosts: all, vars: {own: Standalone}}",
        "node_playbooks/roles/tune/templates/x.j2.yaml": b"{{ roles[0].name }}",
        "node_playbooks/roles/tune/templates/x.yaml": b"Standalone",
    }
