"""Plans that the engine keeps are compared: versions, what is deployed, and files that are not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.deploy.test_deploy_compiler import native, paths
from tests.unit.deploy.world import World, request
from undercloud.deploy import wire
from undercloud.deploy.engine import Status
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.requests import DeleteRequest, PlanRef
from undercloud.diagnostics import UndercloudError
from undercloud.validation.diff.model import plan_diff

__all__ = ["native"]


def deploy(engine: LocalEngine, directory: Path, **parameters: Any) -> None:
    """Deploy with these parameters in the site's file."""
    site = directory / "site.yaml"
    known = yaml.safe_load(site.read_text())["parameter_defaults"]
    site.write_text(yaml.safe_dump({"parameter_defaults": known | parameters}))
    ended = engine.wait(engine.deploy(request(plan=paths(directory))).id, 60)
    assert ended.status is Status.SUCCEEDED


def test_versions(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    deploy(engine, tmp_path, MemcachedMaxMemory="64")
    deploy(engine, tmp_path, MemcachedMaxMemory="96", AdminPassword="quite-another-password")
    plain = engine.compare_plans(PlanRef("overcloud", 1), PlanRef("overcloud", 2))
    assert json.loads(json.dumps(plain)) == plain
    found = plan_diff(plain)
    assert (found.before, found.after) == ("overcloud@1", "overcloud@2")
    assert {each.name for each in found.parameters} == {"MemcachedMaxMemory", "AdminPassword"}
    assert "memcached" in {each.name for each in found.containers}
    assert "quite-another-password" not in json.dumps(plain)
    newest = PlanRef("overcloud")
    assert not plan_diff(engine.compare_plans(newest, PlanRef("overcloud", 2)))


def test_what_is_deployed(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    deploy(engine, tmp_path, MemcachedMaxMemory="64")
    deployed = PlanRef("overcloud", deployed=True)
    assert not plan_diff(engine.compare_plans(deployed, PlanRef("overcloud")))
    change = tmp_path / "change.yaml"
    change.write_text("parameter_defaults: {MemcachedMaxMemory: '32'}\n")
    wanted = paths(tmp_path)
    files = request(
        plan=type(wanted)(**{**vars(wanted), "environments": (*wanted.environments, str(change))})
    )
    found = plan_diff(engine.compare_plans(deployed, PlanRef("overcloud", request=files)))
    assert [each.name for each in found.parameters] == ["MemcachedMaxMemory"]
    assert found.parameters[0].places_after[-1] == f"{change}:1:22"
    assert [plan.version for plan in engine.plans()] == [1], "nothing is kept"
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 60)
    with pytest.raises(UndercloudError, match="DEP-005"):
        engine.compare_plans(deployed, PlanRef("overcloud"))


def test_what_is_not_there(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    with pytest.raises(UndercloudError, match="DEP-003"):
        engine.compare_plans(PlanRef("overcloud"), PlanRef("overcloud"))
    with pytest.raises(UndercloudError, match="DEP-003"):
        engine.compare_plans(PlanRef("overcloud", deployed=True), PlanRef("overcloud"))
    deploy(engine, tmp_path)
    with pytest.raises(UndercloudError, match="DEP-028"):
        engine.compare_plans(PlanRef("overcloud"), PlanRef("overcloud", 9))


def test_a_kept_plan_is_explained_and_its_secrets_are_not(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    deploy(engine, tmp_path, MemcachedMaxMemory="64", AdminPassword="quite-a-long-password")
    deploy(engine, tmp_path, MemcachedMaxMemory="96")
    found = engine.explain_plan(PlanRef("overcloud", 1), "MemcachedMaxMemory")
    assert json.loads(json.dumps(wire.to_plain(found))) == wire.to_plain(found)
    assert "site.yaml:" in found.text
    assert "64" in found.text
    (answer,) = found.document["answers"]
    assert answer["to"], "which container reads it"
    assert not engine.explain_plan(PlanRef("overcloud"), "MemcachedMaxMemory", effects=False).document[
        "answers"
    ][0]["to"]
    hidden = engine.explain_plan(PlanRef("overcloud"), "AdminPassword")
    assert "quite-a-long-password" not in json.dumps(wire.to_plain(hidden))
    for wanted, name, code in (
        (PlanRef("none"), "NtpServer", "DEP-003"),
        (PlanRef("overcloud", 9), "NtpServer", "DEP-028"),
        (PlanRef("overcloud"), "NoSuchName", "EXP-001"),
    ):
        with pytest.raises(UndercloudError) as caught:
            engine.explain_plan(wanted, name)
        assert caught.value.findings[0].code == code


def test_a_deployed_stack_is_exported_as_it_stands(native: World, tmp_path: Path) -> None:
    engine = native.engine()
    with pytest.raises(UndercloudError, match="DEP-003"):
        engine.export_stack("overcloud")
    deploy(engine, tmp_path, KeystoneRegion="one", AdminPassword="quite-a-long-password")
    found = engine.export_stack("overcloud")
    assert "quite-a-long-password" not in repr(found)
    parameters = json.loads(json.dumps(wire.to_plain(found)))["parameters"]
    assert parameters["AdminPassword"] == "quite-a-long-password"
    assert parameters["EndpointMapOverride"]["KeystoneInternal"]["host"] == "192.168.24.100"
    kept = json.loads(json.dumps(engine.export_stack("overcloud").parameters))
    assert kept["RabbitPassword"] == parameters["RabbitPassword"], "nothing is made anew"
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 60)
    with pytest.raises(UndercloudError, match="DEP-005"):
        engine.export_stack("overcloud")
