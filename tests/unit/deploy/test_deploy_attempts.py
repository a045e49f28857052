"""Attempts that leave something out, and those that take an earlier one back."""

from __future__ import annotations

import time

import pytest

from tests.unit.deploy.world import PLAYS, World, failed, request
from undercloud.deploy.engine import Deployment, EventKind, Stage, Status
from undercloud.deploy.lease import Lease
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.requests import DeleteRequest, RollbackRequest
from undercloud.diagnostics import UndercloudError


def deployed(engine: LocalEngine, world: World, text: str, **changes: object) -> Deployment:
    world.compiler.text = text
    return engine.wait(engine.deploy(request(**changes)).id, 30)


def break_at(world: World, play: str) -> None:
    """From now on every run fails in that play."""
    world.runner.script = lambda name, _run: [failed("db-0", "boom", msg="no")] if name == play else None


def refused(call: object, *arguments: object) -> str:
    with pytest.raises(UndercloudError) as caught:
        call(*arguments)  # type: ignore[operator]
    return f"{caught.value.findings[0].code} {caught.value.findings[0].message}"


def by_name(found: Deployment) -> dict[str, Stage]:
    return {stage.name: stage for stage in found.stages}


def test_skipped_stages_are_recorded_and_do_not_run(world: World) -> None:
    engine = world.engine()
    ended = deployed(engine, world, "one", skip=("final-checks", "step-3"))
    assert ended.status is Status.SUCCEEDED
    assert world.runner.plays == [play for play in PLAYS if play not in {"Step 3", "Final checks"}]
    stages = by_name(engine.deployment(ended.id))
    assert {name for name, stage in stages.items() if stage.status is Status.SKIPPED} == {
        "step-3",
        "final-checks",
    }
    told = [(e.stage, e.status) for e in engine.events(ended.id) if e.kind is EventKind.STAGE]
    assert ("step-3", "skipped") in told


@pytest.mark.parametrize("stage", ["plan", "validate", "compile", "provision", "directory", "step-9"])
def test_what_cannot_be_left_out(world: World, stage: str) -> None:
    engine = world.engine()
    assert refused(engine.deploy, request(skip=(stage,))).startswith("DEP-033")
    assert engine.deployments() == ()


def test_a_dry_run_leaves_nothing_out(world: World) -> None:
    assert refused(world.engine().deploy, request(skip=("step-1",), dry_run=True)).startswith("DEP-033")


def test_nodes_that_did_not_leave_are_not_cleaned(world: World) -> None:
    engine = world.engine()
    deployed(engine, world, "one")
    world.compiler.nodes = world.compiler.nodes[:1]
    world.runner.plays.clear()
    ended = deployed(engine, world, "two", skip=("scale-in",))
    stages = by_name(engine.deployment(ended.id))
    assert (stages["scale-in"].status, stages["clean"].status) == (Status.SKIPPED, Status.SKIPPED)
    assert not {"Leave", "Clean"} & set(world.runner.plays)
    deployed(engine, world, "two")
    assert {"Leave", "Clean"} <= set(world.runner.plays), "the next deployment tries again"


def test_a_failed_one_is_tried_again_on_some_nodes_without_a_stage(world: World) -> None:
    engine = world.engine()
    break_at(world, "Step 2")
    first = deployed(engine, world, "one")
    assert (first.status, first.stage) == (Status.FAILED, "step-2")
    world.runner.script = None
    world.runner.plays.clear()
    again = engine.wait(engine.resume(first.id, "db-*", ("finish",)).id, 30)
    assert (again.status, again.limit) == (Status.SUCCEEDED, "db-*")
    assert world.runner.runs[-1].limit == "db-*"
    assert world.runner.plays == ["Step 2", "Step 3", "Step 4", "Step 5", "Final checks"]


def test_one_that_goes_on_before_its_last_attempt_has_quite_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = world.engine()
    break_at(world, "Step 2")
    stop = Lease.stop

    def slowly(lease: Lease) -> None:
        time.sleep(0.5)
        stop(lease)

    monkeypatch.setattr(Lease, "stop", slowly)
    first = deployed(engine, world, "one")
    world.runner.script = lambda _play, _run: time.sleep(0.3)
    assert engine.wait(engine.resume(first.id).id, 30).status is Status.SUCCEEDED


def test_a_limit_that_means_no_node_is_told_when_going_on(world: World) -> None:
    engine = world.engine()
    break_at(world, "Step 2")
    first = deployed(engine, world, "one")
    world.runner.script = None
    again = engine.wait(engine.resume(first.id, "nobody").id, 30)
    assert (again.status, again.findings[-1].code) == (Status.FAILED, "DEP-025")
    third = engine.wait(engine.resume(first.id, "*").id, 30)
    assert third.status is Status.SUCCEEDED


def test_a_deletion_is_not_limited(world: World) -> None:
    engine = world.engine()
    deployed(engine, world, "one")
    break_at(world, "Delete everything")
    gone = engine.wait(engine.delete(DeleteRequest("overcloud")).id, 30)
    assert gone.status is Status.FAILED
    assert refused(engine.resume, gone.id, "db-0").startswith("DEP-033")
    assert engine.deployment(gone.id).status is Status.FAILED, "a refusal changes nothing"
    assert engine.status("overcloud").lock is None


def test_rolled_back_to_the_last_good_version(world: World) -> None:
    engine = world.engine()
    good = deployed(engine, world, "one", force=("NET-014",))
    break_at(world, "Step 4")
    bad = deployed(engine, world, "two")
    world.runner.script = None
    back = engine.wait(engine.rollback(RollbackRequest("overcloud", operator="anna")).id, 30)
    assert (back.status, back.version, back.rollback_of) == (Status.SUCCEEDED, good.version, bad.id)
    assert (world.stack_dir / "config-download/site/plan.txt").read_text() == "one"
    assert world.compiler.made == 1, "the passwords stay"
    assert world.runner.runs[-1].variables["undercloud_gate"]["force"] == ["NET-014"]
    assert "version 2" in refused(engine.rollback, RollbackRequest("overcloud", version=bad.version))


def test_what_is_no_good_version(world: World) -> None:
    engine = world.engine()
    assert refused(engine.rollback, RollbackRequest("overcloud")).startswith("DEP-003")
    deployed(engine, world, "one", limit="db-0")
    deployed(engine, world, "two", skip=("step-5",))
    deployed(engine, world, "three")
    assert refused(engine.rollback, RollbackRequest("overcloud")).startswith("DEP-034")
    break_at(world, "Step 1")
    deployed(engine, world, "three")
    assert "which failed, is the last good" in refused(engine.rollback, RollbackRequest("overcloud"))
    world.runner.script = None
    world.compiler.error = UndercloudError.of("HOT-001", "no")
    deployed(engine, world, "four")
    assert "before it touched a node" in refused(engine.rollback, RollbackRequest("overcloud"))
    world.compiler.error = None
    engine.wait(engine.delete(DeleteRequest("overcloud")).id, 30)
    assert "is not deployed" in refused(engine.rollback, RollbackRequest("overcloud"))
    deployed(engine, world, "five")
    assert "version 3" in refused(engine.rollback, RollbackRequest("overcloud", version=3)), (
        "it was taken off"
    )


def test_a_failure_on_nodes_is_rolled_back_when_asked_for(world: World) -> None:
    engine = world.engine()
    deployed(engine, world, "one")
    world.runner.script = lambda name, run: (
        [failed("db-0", "boom", msg="no")]
        if name == "Step 3" and (run.directory / "site/plan.txt").read_text() == "two"
        else None
    )
    bad = deployed(engine, world, "two", rollback_on_failure=True)
    assert bad.status is Status.FAILED
    back, *_ = engine.deployments("overcloud")
    assert back.rollback_of == bad.id
    assert engine.wait(back.id, 30).status is Status.SUCCEEDED
    assert (world.stack_dir / "config-download/site/plan.txt").read_text() == "one"


def test_nothing_is_rolled_back_that_touched_no_node(world: World) -> None:
    engine = world.engine()
    deployed(engine, world, "one")
    world.compiler.error = UndercloudError.of("HOT-001", "no")
    bad = deployed(engine, world, "two", rollback_on_failure=True)
    assert engine.deployments("overcloud")[0].id == bad.id


def test_a_first_deployment_has_nothing_to_go_back_to(world: World) -> None:
    engine = world.engine()
    break_at(world, "Step 3")
    bad = deployed(engine, world, "one", rollback_on_failure=True)
    assert engine.deployments("overcloud")[0].id == bad.id
    assert engine.events(bad.id)[-1].message.startswith("not rolled back: there is nothing")


def test_history_is_read_page_by_page(world: World) -> None:
    engine = world.engine()
    ids = [deployed(engine, world, f"{n}", dry_run=True).id for n in range(5)][::-1]
    first = engine.deployments(limit=2)
    second = engine.deployments(limit=2, marker=first[-1].id)
    third = engine.deployments(limit=2, marker=second[-1].id)
    assert [one.id for one in (*first, *second, *third)] == ids
    assert refused(engine.deployments, "", 2, "f" * 32).startswith("DEP-004")
