"""A whole plan compiled: our own templates, and what is wrong with a plan told at once."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest
import sqlalchemy
import yaml

from tests.unit.playbooks.conftest import ENVIRONMENT, NODES
from tests.unit.playbooks.own_cloud import ROOT
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State, from_json
from undercloud.playbooks import compiler, output
from undercloud.playbooks.compiler import Compilation
from undercloud.playbooks.desired import from_dict
from undercloud.playbooks.references import REFERENCE
from undercloud.playbooks.role_data import schema


def test_own_templates_compile(build: Callable[..., Compilation]) -> None:
    compilation = build().raise_for_errors()
    state = compilation.desired.as_dict()
    jsonschema.Draft202012Validator(schema("desired_state")).validate(state)
    hosts = compilation.desired.hosts
    containers = {host: [name for _, name, _ in one.entries("containers")] for host, one in hosts.items()}
    assert {"haproxy", "keepalived", "keystone", "keystone_bootstrap"} <= set(containers["controller-0"])
    assert {"mysql", "rabbitmq"} <= set(containers["backend-0"])
    assert "mysql" not in containers["controller-0"]
    origin = hosts["controller-0"].steps[3].containers["keystone"].origin
    assert (origin.template, origin.path) == (
        "deployment/keystone/keystone.yaml",
        ("containers", "step_3", "keystone"),
    )
    text = "".join(file.text for file in compilation.files.values())
    generated = [value for value in compilation.state.passwords.values() if isinstance(value, str)]
    assert len(generated) > 20
    assert not [
        value for value in (*generated, *compilation.secrets.values()) if len(value) > 8 and value in text
    ]


def test_same_input_gives_same_bytes(build: Callable[..., Compilation]) -> None:
    first, again = output.files(build()), output.files(build())
    assert first == again
    kept = from_json(first["state.json"][0].decode())
    assert output.files(build(state=kept, seed="another")) == first


def test_one_value_changes_one_file_of_one_host(build: Callable[..., Compilation]) -> None:
    first = build()
    second = build("parameter_defaults: {TokenExpiration: 7200}", state=first.state)
    changed = {path for path, file in second.files.items() if first.files[path] != file}
    assert changed == {"desired_state/controller-0.json"}
    assert second.secrets == first.secrets


def test_output_directory(build: Callable[..., Compilation]) -> None:
    compilation = build()
    files = output.files(compilation)
    assert {mode for path, (_, mode) in files.items() if not path.endswith(".sh")} == {0o600}
    texts = {path: content.decode() for path, (content, _) in files.items()}
    assert json.loads(texts["config-download/secrets.json"]) == dict(compilation.secrets)
    assert from_json(texts["state.json"]) == compilation.state
    whole = json.loads(texts["desired_state.json"])
    assert from_dict(whole) == compilation.desired
    for host in whole["hosts"]:
        part = json.loads(texts[f"config-download/desired_state/{host}.json"])
        assert part["hosts"] == {host: whole["hosts"][host]}
    for path, text in texts.items():
        if path.endswith(".yaml"):
            yaml.compose(text)
    assert "ControllerOpenstackServiceChain" in texts["rendered/overcloud.yaml"]
    stack = json.loads(texts["stack.json"])
    assert stack["outputs"]["AdminPassword"] == "********"
    assert stack["resources"]["ControllerOpenstackServiceChain"]["template"].startswith("common/services/")
    assert json.loads(texts["plan.json"])["digest"] == compilation.plan.digest


def test_inventory_and_variables(build: Callable[..., Compilation]) -> None:
    files = build().files
    inventory = yaml.safe_load(files["tripleo-ansible-inventory.yaml"].text)
    assert inventory["ControllerOpenstack"]["hosts"] == {
        "controller-0": {"ansible_host": "192.168.24.11", "ansible_user": "tripleo-admin"}
    }
    assert set(inventory["overcloud"]["children"]) == {"ControllerOpenstack", "DatabaseMessaging"}
    assert inventory["keystone"] == {"children": {"ControllerOpenstack": {}}}
    variables = yaml.safe_load(files["global_vars.yaml"].text)
    cloud = variables["cloud"]
    assert [host["name"] for host in cloud["hosts"]] == ["controller-0", "backend-0"]
    assert cloud["services"]["mysql"]["first"] is cloud["hosts"][1]
    assert cloud["endpoints"]["keystone"]["hosts"] == [cloud["hosts"][0]]
    assert cloud["endpoints"]["keystone"]["url"]["public"] == "https://192.168.24.3:13000"
    password = cloud["databases"]["keystone"]["password"]
    assert password == "{{ undercloud_secrets['keystone/databases/keystone/password'] }}"
    host = yaml.safe_load(files["host_vars/backend-0.yaml"].text)["host"]
    assert host["fqdns"]["internal_api"] == "backend-0.internalapi.example.com"
    assert "104 mysql galera" in host["firewall_rules"]


def test_plays(build: Callable[..., Compilation]) -> None:
    plays = yaml.safe_load(build().files["deploy_steps_playbook.yaml"].text)
    hosts = {play["name"]: (play["hosts"], play["tags"]) for play in plays}
    assert hosts == {
        "Node checks": ("overcloud", ["nodechecks"]),
        "Host preparation, step 0": ("overcloud", ["step0"]),
        "Step 1": ("ControllerOpenstack:DatabaseMessaging", ["step1"]),
        "Step 2": ("ControllerOpenstack:DatabaseMessaging", ["step2"]),
        "Step 3": ("ControllerOpenstack", ["step3"]),
        "Step 5": ("ControllerOpenstack", ["step5"]),
        "Finish": ("overcloud", ["finish"]),
        "Final checks": ("haproxy:keepalived", ["finalchecks"]),
    }
    assert all(play["any_errors_fatal"] and not play["gather_facts"] for play in plays)


def test_all_stages_are_told_at_once(build: Callable[..., Compilation]) -> None:
    nodes = NODES.replace("192.168.24.12", "192.168.99.12").replace("- name: Database", "- name: Databas")
    compilation = build("parameter_defaults: {TokenExpiration: 1, ControllerOpenstackCount: 2}", nodes=nodes)
    codes = {finding.code for finding in compilation.errors}
    assert {"TOP-020", "TOP-021"} <= codes
    assert any(code.startswith("HOT-") for code in codes)
    assert not compilation.files
    assert not compilation.secrets
    with pytest.raises(UndercloudError):
        _ = compilation.desired
    with pytest.raises(UndercloudError):
        output.files(compilation)


def test_role_data_fault_has_its_place_in_the_template(tmp_path: Path) -> None:
    """A service template with an unknown key, in a small tree of its own."""
    shutil.copytree(ROOT / "heat-templates", tmp_path / "tree")
    template = tmp_path / "tree" / "deployment" / "memcached" / "memcached.yaml"
    text = template.read_text().replace("            user: memcache\n", "            usr: memcached\n")
    template.write_text(text)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "usr: memcached" in one)
    (tmp_path / "env.yaml").write_text(ENVIRONMENT)
    source = PlanSource(
        templates=str(tmp_path / "tree"),
        roles_file=str(ROOT / "roles_data" / "Standalone.yaml"),
        environments=(str(tmp_path / "env.yaml"),),
    )
    compilation = compiler.compile(load(source), State(), SeededEntropy())
    found = next(finding for finding in compilation.errors if finding.code == "ROLE-001")
    assert (found.locations[0].file, found.locations[0].line) == (str(template), line)
    assert found.path == ("Standalone", "memcached", "containers", "step_2", "memcached", "usr")
    assert found.fix == "Did you mean user?"


def test_another_contract_is_compiled_and_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "overcloud.yaml").write_text("heat_template_version: wallaby\noutputs: {x: {value: 1}}\n")
    (tmp_path / "roles_data.yaml").write_text("- name: Controller\n")
    compilation = compiler.compile(load(PlanSource(templates=str(tmp_path))), State(), SeededEntropy())
    assert compilation.ok
    assert json.loads(output.files(compilation)["stack.json"][0])["outputs"] == {"x": 1}
    with pytest.raises(UndercloudError) as caught:
        compilation.raise_for_undeployable()
    assert [finding.code for finding in caught.value.findings] == ["ROLE-004"]


def test_an_unknown_version_of_our_contract_is_refused(tmp_path: Path) -> None:
    text = "heat_template_version: wallaby\noutputs: {RoleDataContract: {value: native/9}}\n"
    (tmp_path / "overcloud.yaml").write_text(text)
    (tmp_path / "roles_data.yaml").write_text("- name: Controller\n")
    compilation = compiler.compile(load(PlanSource(templates=str(tmp_path))), State(), SeededEntropy())
    assert [finding.code for finding in compilation.errors] == ["ROLE-004"]


def test_ansible_takes_the_directory(build: Callable[..., Compilation], tmp_path: Path) -> None:
    """ansible itself reads playbooks and inventory, and fills in the variables that tasks see."""
    out = tmp_path / "out"
    for path, (content, mode) in output.files(build()).items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)
        (out / path).chmod(mode)
    directory = out / "config-download"
    check = [
        {
            "hosts": "backend-0",
            "gather_facts": False,
            "connection": "local",
            "vars_files": ["global_vars.yaml"],
            "tasks": [{"ansible.builtin.copy": {"dest": str(tmp_path / "seen"), "content": _SEEN}}],
        }
    ]
    (directory / "check.yaml").write_text(yaml.safe_dump(check))
    environment: dict[str, Any] = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "ansible"),
        "LC_ALL": "C.UTF-8",
    }

    def ansible(*arguments: str) -> None:
        done = subprocess.run(
            ["ansible-playbook", *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    ansible("--syntax-check", "deploy_steps_playbook.yaml", "delete_playbook.yaml")
    python = f"ansible_python_interpreter={sys.executable}"
    ansible("check.yaml", "-e", python)
    secrets = json.loads((directory / "secrets.json").read_text())
    assert (tmp_path / "seen").read_text().splitlines() == [
        "backend-0 172.17.0.152 DatabaseMessaging",
        "controller-0 backend-0",
        secrets["keystone/databases/keystone/password"],
    ]


_SEEN = """{{ host.name }} {{ host.ips.internal_api }} {{ undercloud_role }}
{{ cloud.services.keystone.first.name }} {{ cloud.endpoints.mysql.hosts[0].name }}
{{ cloud.databases.keystone.password }}
"""


def test_an_unknown_service_is_told_where_the_roles_file_names_it(build: Callable[..., Compilation]) -> None:
    (finding,) = build("resource_registry: {'OS::TripleO::Services::Keepalived': 'My::Nothing'}").errors

    assert finding.code == "HOT-040"
    roles, template = finding.locations
    line = Path(roles.file).read_text().splitlines()[roles.line - 1]
    assert line.strip() == "- OS::TripleO::Services::Keepalived"
    assert template.file.endswith("role.role.j2.yaml")


# What shells, SQL, URLs, ini files, HAProxy and Jinja2 each take for their own.
ODD = """p'q"r\\s $t`u`;#v%w@x:y/z {{ 7*7 }}{% raw %}{# n #}"""
_GIVEN = ("AdminPassword", "MysqlRootPassword", "KeystonePassword", "RabbitPassword", "HAProxyStatsPassword")


@pytest.mark.parametrize("odd", [ODD, "{{ host.name }}", "back\\slash'", "$HOME and `id`", '"}} {%', "{#{{{"])
def test_passwords_of_the_operator_reach_their_readers_as_they_are(
    build: Callable[..., Compilation], odd: str
) -> None:
    given = json.dumps({"parameter_defaults": dict.fromkeys(_GIVEN, odd)})
    compilation = build(given).raise_for_errors()

    def content(host: str, path: str) -> str:
        (text,) = (
            e.content for _, name, e in compilation.desired.hosts[host].entries("files") if name == path
        )
        return REFERENCE.sub(lambda found: compilation.secrets[found[1]], text)

    data = "/var/lib/config-data"
    script = content("controller-0", f"{data}/keystone/usr/local/bin/keystone-bootstrap")
    assert _shell_words(script)["OS_BOOTSTRAP_PASSWORD"] == odd
    script = content("backend-0", f"{data}/rabbitmq/usr/local/bin/rabbitmq-user")
    assert _shell_words(script)["password"] == odd
    terms = content("backend-0", f"{data}/rabbitmq/etc/rabbitmq/advanced.config")
    assert [json.loads(text) for text in re.findall(r"<<(.*)>>", terms)] == ["guest", odd]
    sql = content("backend-0", f"{data}/mysql/etc/mysql/undercloud-users.sql")
    assert _sql_strings(sql) == [
        "root",
        "localhost",
        odd,
        "keystone",
        "%",
        "keystone",
        "%",
        odd,
        "keystone",
        "%",
    ]
    stats = content("controller-0", f"{data}/haproxy/etc/haproxy/stats.cfg")
    (auth,) = [line for line in stats.splitlines() if "stats auth" in line]
    assert shlex.split(auth) == ["stats", "auth", f"admin:{odd}"]
    options = configparser.RawConfigParser(strict=False)
    options.read_string(content("controller-0", f"{data}/keystone/etc/keystone/keystone.conf"))
    database = sqlalchemy.make_url(options["database"]["connection"])
    assert (database.password, database.host, database.database) == (odd, "172.17.0.150", "keystone")
    bus = urlsplit(options["DEFAULT"]["transport_url"])
    assert (unquote(bus.password or ""), bus.hostname, bus.port) == (odd, "172.17.0.152", 5672)
    shown = "".join(file.text for file in compilation.files.values())
    assert odd not in shown
    assert json.dumps(odd)[1:-1] not in shown


def _shell_words(script: str) -> dict[str, str]:
    """What a shell's variables are set to."""
    lines = [line.removeprefix("export ") for line in script.splitlines() if "=" in line.partition(" --")[0]]
    words = [shlex.split(line) for line in lines if not line.startswith(("#", "exec"))]
    return dict(word.split("=", 1) for line in words for word in line if "=" in word)


def _sql_strings(sql: str) -> list[str]:
    """The string literals of MariaDB's SQL, read as its manual says."""
    found = re.findall(r"'((?:[^'\\]|\\.|'')*)'", re.sub("^--.*$", "", sql, flags=re.M))
    return [re.sub(r"\\(.)|''", lambda match: match[1] or "'", text) for text in found]


def test_a_hidden_value_of_the_wrong_type_is_not_shown(build: Callable[..., Compilation]) -> None:
    (finding,) = build("parameter_defaults: {ContainerImageRegistryCredentials: 'hunter2 is no map'}").errors

    assert finding.code == "HOT-012"
    assert "hunter2" not in str(finding.as_dict())


def test_a_wrong_value_is_told_where_it_was_given(build: Callable[..., Compilation]) -> None:
    (finding,) = build("parameter_defaults:\n  TokenExpiration: 5\n").errors

    assert finding.code == "HOT-013"
    given, declared = finding.locations
    assert (Path(given.file).name, given.line) == ("env1.yaml", 2)
    assert declared.file.endswith("keystone.yaml")
