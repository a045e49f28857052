"""What a plan writes into the services' files: cases over a tree of TripleO's form, and our own templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from undercloud.diagnostics import Finding
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.validation.checks.options import options
from undercloud.validation.composition import Composition
from undercloud.validation.options import definitions
from undercloud.validation.options.definitions import Option
from undercloud.validation.options.values import misfit
from undercloud.validation.subject import Subject

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DATA = ROOT / "undercloud/validation/options/data"
CASES = sorted((HERE / "cases/options").glob("*.yaml"))
VALUES = yaml.safe_load((HERE / "cases/option-values.yaml").read_text("utf-8"))
NATIVE = """
parameter_defaults:
  ControlPlaneSubnetCidr: 192.168.24.0/24
  ControlFixedIPs: [{ip_address: 192.168.24.100}]
  DeployedServerPortMap: {overcloud-controller-0-ctlplane: {fixed_ips: [{ip_address: 192.168.24.11}]}}
"""


def _findings(templates: Path, environment: Path) -> list[Finding]:
    images = {
        f"Container{name}Image": "registry.example.com/image:1"
        for name in ("HAProxy", "Keepalived", "Keystone", "Memcached", "Mysql", "Rabbitmq", "Chrony")
    }
    source = PlanSource(templates=str(templates), environments=(str(environment),), generated=images)
    made = compiler.compile(load(source), State(), SeededEntropy("test"))
    return list(options(Subject(Composition(made.plan, made.stack, made.topology))))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_options_in_hieradata(path: Path, tmp_path: Path) -> None:
    case = yaml.safe_load(path.read_text("utf-8"))
    environment = tmp_path / "env.yaml"
    environment.write_text(case["environment"], encoding="utf-8")
    found = _findings(HERE / "upstream_tree", environment)
    _compare(found, case["expect"], str(environment))


def _compare(found: list[Finding], wanted: list[dict[str, Any]], file: str) -> None:
    def order(code: str, place: str) -> tuple[str, int, int]:
        line, column = place.split(":")
        return code, int(line), int(column)

    found.sort(key=lambda one: (one.code, one.locations[0].line, one.locations[0].column))
    wanted = sorted(wanted, key=lambda one: order(one["code"], one["at"]))
    told = [(one.code, str(one.severity), str(one.locations[0])) for one in found]
    assert told == [(one["code"], one["severity"], f"{file}:{one['at']}") for one in wanted], "\n".join(
        map(str, found)
    )
    for one, want in zip(found, wanted, strict=True):
        assert want.get("message", "") in one.message
        assert want.get("fix", "") in one.fix
        assert set(want.get("names", ())) <= set(one.parameters)
        assert want.get("never", "\0") not in str(one)


def test_our_own_templates_write_nothing_that_keystone_does_not_know(tmp_path: Path) -> None:
    environment = tmp_path / "env.yaml"
    environment.write_text(NATIVE, encoding="utf-8")
    assert _findings(ROOT / "heat-templates", environment) == []


def test_options_that_an_operator_adds_to_our_own_templates(tmp_path: Path) -> None:
    environment = tmp_path / "env.yaml"
    environment.write_text(
        NATIVE
        + """\
  KeystoneFernetMaxActiveKeys: 0
  KeystoneExtraConfig:
    token: {expiraton: 7200}
    tokn: {expiration: 1}
    DEFAULT: {max_token_size: [1, 2], debug: 2}
    auth: {methods: 'password,token,openid', openid: mapped}
    openid: {remote_id_attribute: HTTP_OIDC_ISS}
""",
        encoding="utf-8",
    )
    found = _findings(ROOT / "heat-templates", environment)
    told = {(one.code, one.locations[0].line, one.locations[0].column) for one in found}
    assert told == {
        ("OPT-004", 6, 3),
        ("OPT-002", 8, 13),
        ("OPT-001", 9, 12),
        ("OPT-003", 10, 15),
        ("OPT-003", 10, 39),
    }
    assert {str(one.severity) for one in found} == {"error"}
    assert {one.locations[0].file for one in found} == {str(environment)}


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case["title"])
def test_values_of_a_type(case: dict[str, Any]) -> None:
    option = _option(case["option"])
    for value in case.get("good", ()):
        assert misfit(option, value) is None, value
    for value, kind in (pair for each in case.get("bad", ()) for pair in each.items()):
        wrong = misfit(option, value)
        assert wrong is not None, value
        assert wrong.kind.value == kind, value


def _option(data: dict[str, Any]) -> Option:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
    }
    if "item" in values:
        values["item"] = _option(values["item"])
    return Option("section", "option", **values)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_every_service_has_its_definitions(path: Path) -> None:
    data = json.loads(path.read_text("utf-8"))
    if path.stem in {"index", "common"}:
        return
    assert all(data["packages"].values()), "the version of every package is kept"
    for place in data["files"]:
        file = definitions.config_file(place)
        assert file is not None
        assert file.service == path.stem
        debug = file.find("DEFAULT", "debug")
        assert debug is not None
        assert debug.type == "boolean"
        for section in file.sections:
            for name in file.names(section):
                option = file.find(section, name)
                assert option is not None
                assert option.min is None or option.max is None or option.min <= option.max
    assert definitions.service_of("/etc/passwd") == ""


@pytest.mark.parametrize("name", definitions.modules())
def test_what_puppet_sets_is_an_option_of_the_service(name: str) -> None:
    """Two sources that know nothing of each other agree: nearly all that a module writes is defined."""
    module = definitions.puppet_module(name)
    assert module is not None
    known, unknown = 0, []
    for key, parameters in module.classes.items():
        for parameter in parameters:
            for path, section, option in module.targets(f"{key}::{parameter}"):
                file = definitions.config_file(path)
                if file is None or file.is_foreign(section):
                    continue
                if file.find(section, option) or file.renamed(section, option):
                    known += 1
                else:
                    unknown.append(f"{path} [{section}] {option}")
    assert known > 20
    assert len(unknown) <= known * 0.06, unknown


def test_the_definitions_stay_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*.json")) < 1_500_000
