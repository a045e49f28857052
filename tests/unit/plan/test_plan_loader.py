"""From files on a disk to a plan."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.plan import plan_cases
from undercloud.diagnostics import Severity, UndercloudError
from undercloud.plan import files
from undercloud.plan.bundle import Bundle, PlanSource, read
from undercloud.plan.loader import Plan, assemble, load
from undercloud.plan.secrets import masked

STOCK: dict[str, str] = yaml.safe_load((plan_cases.CASES / "stock.yaml").read_text())["files"]


def _write(root: Path, contents: dict[str, str]) -> None:
    for path, text in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a: caf\xe9\n" if text == "@latin1" else text.encode())


def _summary(plan: Plan, root: str) -> dict[str, Any]:
    """What a case says of a plan; the directory of the test is TMP."""
    own = [
        path
        for path in plan.tree
        if path not in plan.bundle.files or path.startswith("/") or plan.bundle.single
    ]
    summary: dict[str, Any] = {
        "root": plan.root,
        "registry_file": plan.registry_file,
        "roles": [role.name for role in plan.roles],
        "networks": [network.name for network in plan.networks],
        "vips": [vip.network for vip in plan.vips],
        "baremetal": plan.baremetal.value if plan.baremetal else None,
        "files": sorted(own),
        "node_playbooks": [
            [one.role, one.name, one.path, sorted(one.files), masked(one.extra_vars)]
            for one in plan.node_playbooks
        ],
        "parameter_defaults": plan.environment.parameter_defaults,
        "resource_registry": plan.environment.resource_registry,
        "capabilities": [
            [each.topic, each.group, each.file, list(each.requires)]
            for each in plan.capabilities.environments
        ],
    }
    named = {
        key: value for key, value in summary.items() if value or key in {"roles", "networks", "vips", "files"}
    }
    found: dict[str, Any] = json.loads(json.dumps(named).replace(f"{root}/", "TMP/"))
    return {**found, "files": sorted(found["files"])}


@pytest.mark.parametrize("case", plan_cases.load("plans"))
def test_case(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, {**(STOCK if case.get("tree") == "stock" else {}), **case["files"]})
    given: dict[str, Any] = dict(case["source"])
    monkeypatch.chdir(tmp_path / given.pop("cwd", "."))
    tuples = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    source = PlanSource(**{**given, **tuples})
    if "value" not in case:
        with pytest.raises(UndercloudError) as raised:
            load(source)
        assert plan_cases.shown(raised.value.findings, str(tmp_path)) == case["findings"]
        plan_cases.explained(raised.value.findings, case)
        return
    plan = load(source)
    assert _summary(plan, str(tmp_path)) == {**case["value"], "files": sorted(case["value"]["files"])}
    assert plan_cases.shown(plan.findings, str(tmp_path)) == case.get("findings", [])


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    _write(tmp_path, STOCK)
    return tmp_path


def test_same_files_same_digest(stock: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = PlanSource(templates=str(stock / "templates"))
    other = tmp_path_factory.mktemp("other")
    _write(other, STOCK)
    plan = load(source)
    assert plan.digest == load(source).digest == load(PlanSource(templates=str(other / "templates"))).digest
    (stock / "templates" / "overcloud.j2.yaml").write_text("heat_template_version: wallaby\n")
    assert load(source).digest != plan.digest
    assert load(PlanSource(templates=str(other / "templates"), generated={"A": 1})).digest != plan.digest
    assert len(plan.sources["roles_data.yaml"]) == 64


def test_a_kept_bundle_needs_no_disk(stock: Path) -> None:
    (stock / "env.yaml").write_text("parameter_defaults: {Own: mine}\n")
    bundle = read(PlanSource(templates=str(stock / "templates"), environments=(str(stock / "env.yaml"),)))
    kept = json.loads(json.dumps(bundle.source()))
    for path in stock.rglob("*.yaml"):
        path.unlink()
    again = Bundle(root=bundle.root, files=bundle.files, **kept)
    plan = assemble(again)
    assert plan.environment.parameter_defaults == {"Own": "mine"}
    assert plan.digest == bundle.digest


def test_templates_through_a_link(stock: Path) -> None:
    (stock / "link").symlink_to(stock / "templates")
    env = stock / "env.yaml"
    env.write_text(f"resource_registry: {{A::B: {stock}/templates/puppet/controller-role.yaml}}\n")
    plan = load(PlanSource(templates=str(stock / "link"), environments=(str(env),)))
    assert plan.environment.resource_registry["A::B"] == "puppet/controller-role.yaml"


def test_links_in_a_circle_are_read_once(stock: Path) -> None:
    (stock / "templates" / "puppet" / "up").symlink_to(stock / "templates")
    plan = load(PlanSource(templates=str(stock / "templates")))
    assert sum(path.endswith("roles_data.yaml") for path in plan.tree) == 1


def test_hidden_files_and_caches_are_not_templates(stock: Path) -> None:
    _write(
        stock / "templates",
        {".git/x.j2.yaml": "{{ no }}", ".y.j2.yaml": "{{ no }}", "__pycache__/z.yaml": ""},
    )
    paths = set(load(PlanSource(templates=str(stock / "templates"))).tree)
    assert not {path for path in paths if path.startswith((".", "__"))}


def test_names_that_are_no_text(stock: Path) -> None:
    (Path(os.fsdecode(os.fsencode(stock / "templates") + b"/odd-\xff.yaml"))).write_text("x")
    plan = load(PlanSource(templates=str(stock / "templates")))
    assert not any("odd" in path for path in plan.tree)
    with pytest.raises(UndercloudError) as raised:
        read(PlanSource(templates=str(stock / "templates"), roles_file=os.fsdecode(b"none-\xff.yaml")))
    assert str(raised.value).encode("utf-8")


def test_digest_of_any_values(stock: Path) -> None:
    odd = {"A": {1: "x", "b": [None, 1.5]}, "B": {True: 1, None: 2}}
    assert len(load(PlanSource(templates=str(stock / "templates"), generated=odd)).digest) == 64


def test_unreadable_file(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = stock / "env.yaml"
    env.write_text("")
    real = io.FileIO

    def refuse(path: str) -> Any:
        if str(path) == str(env):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(io, "FileIO", refuse)
    with pytest.raises(UndercloudError, match="PLAN-051: the file cannot be read: Permission denied"):
        read(PlanSource(templates=str(stock / "templates"), environments=(str(env),)))


def test_size_and_number_of_files_are_limited(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 3)
    with pytest.raises(UndercloudError, match="PLAN-053"):
        read(PlanSource(templates=str(stock / "templates")))
    monkeypatch.setattr(files, "MAX_FILES", 300)
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    with pytest.raises(UndercloudError, match="PLAN-053"):
        read(PlanSource(templates=str(stock / "templates")))


def test_a_pipe_can_be_an_environment(stock: Path) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"parameter_defaults: {Own: piped}\n")
        os.close(writer)
        plan = load(PlanSource(templates=str(stock / "templates"), environments=(f"/dev/fd/{reader}",)))
    finally:
        os.close(reader)
    assert plan.environment.parameter_defaults["Own"] == "piped"


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/x", "x" * 5000])
def test_odd_paths_are_told(stock: Path, path: str) -> None:
    with pytest.raises(UndercloudError, match="PLAN-050"):
        read(PlanSource(templates=str(stock / "templates"), environments=(path,), roles_file=path))


def test_locations_name_the_template(stock: Path) -> None:
    plan = load(PlanSource(templates=str(stock / "templates")))
    (setting,) = plan.environment.history("Own")
    assert str(setting.location) == f"{stock}/templates/overcloud-resource-registry.j2.yaml:6"
    assert setting.layer.origin == "templates"


def test_what_was_read_before_playbooks_went_with_plans_is_a_plan_still(stock: Path) -> None:
    nodes = stock / "nodes.yaml"
    (stock / "own.yaml").write_text("- hosts: all")
    listed = [{"playbook": "own.yaml"}, {"playbook": "cli-overcloud-node-kernelargs.yaml"}]
    nodes.write_text(yaml.safe_dump([{"name": "Compute", "ansible_playbooks": listed}]))
    bundle = read(PlanSource(templates=str(stock / "templates"), baremetal_deployment=str(nodes)))
    source = json.loads(json.dumps({"root": bundle.root, **bundle.source()}))
    kept = {path: data for path, data in bundle.files.items() if path != str(stock / "own.yaml")}
    assert source.pop("playbooks_read") is True
    old = Bundle.restored(kept, source)
    assert json.loads(json.dumps({"root": old.root, **old.source()})) == source, "it keeps its digest"
    plan = assemble(old)
    assert [one.name for one in plan.node_playbooks] == ["cli-overcloud-node-kernelargs.yaml"]
    told = [(finding.code, finding.severity) for finding in plan.findings if finding.code == "PLAN-110"]
    assert told == [("PLAN-110", Severity.WARNING)]
    lost = assemble(Bundle.restored(kept, {**source, "playbooks_read": True}))
    assert [finding.severity for finding in lost.findings if finding.code == "PLAN-110"] == [Severity.ERROR]
