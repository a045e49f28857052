"""The module as a whole on a simulated node: dry runs, errors, secrets, the fence, the lock."""

from __future__ import annotations

import errno
import fcntl
import json
import threading
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils import errors, planner, work
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import Store

from tests.unit.collection.collection_node import Json, SimulatedNode
from tests.unit.collection.collection_states import (
    SECRETS,
    World,
    broken,
    first,
    nothing,
    prepared,
    second,
)
from tests.unit.collection.collection_world import whole


@pytest.fixture
def node(quick_path: Path) -> SimulatedNode:
    return prepared(quick_path / "node", first)


def edited_by_hand(node: SimulatedNode) -> None:
    (node.root / "etc" / "app.conf").write_text("mine\n")
    (node.root / "data").chmod(0o777)
    node.podman.stop("db")


def half_replaced(node: SimulatedNode) -> None:
    node.podman.rename("app", "app-previous")


def untouched(node: SimulatedNode) -> None:
    pass


@pytest.mark.parametrize("meddle", [untouched, edited_by_hand, half_replaced])
@pytest.mark.parametrize(
    ("before", "after"), [(nothing, first), (first, first), (first, second), (second, first)]
)
def test_dry_run_tells_exactly_what_the_real_run_does(
    before: World, after: World, meddle: Callable[[SimulatedNode], None], quick_path: Path
) -> None:
    node = prepared(quick_path / "node", before)
    if before is first:
        meddle(node)
    there, calls = node.summary(), list(node.podman.calls)

    told = node.deploy(after(node.root), SECRETS, check=True)

    assert (node.summary(), node.podman.calls) == (there, calls), "a dry run writes nothing"
    assert not [path for path in (quick_path / "node").rglob("lock") if before is nothing]
    real = node.deploy(after(node.root), SECRETS)
    assert [result["actions"] for result in told] == [result["actions"] for result in real]
    assert [result["changed"] for result in told] == [result["changed"] for result in real]
    assert [result["diff"] for result in told] == [result["diff"] for result in real]


def test_second_run_changes_nothing_and_asks_little(node: SimulatedNode) -> None:
    there = node.summary()
    node.podman.calls.clear()
    with mock.patch.object(Store, "save", wraps=None) as save:
        results = node.deploy(first(node.root), SECRETS)
    assert [result["changed"] for result in results] == [False] * 7
    assert node.podman.calls == []
    assert node.summary() == there
    assert save.call_count <= 14


def test_unhealthy_container_goes_back_with_its_files(node: SimulatedNode) -> None:
    result = node.deploy(broken(node.root), SECRETS)[-1]

    assert result["failed"]
    assert result["finding"]["code"] == "NODE-009"
    assert result["finding"]["container"] == "app"
    assert "The one before is back and healthy, and so are " in result["finding"]["message"]
    assert result["finding"]["log"] == ["app says what it sees: a=bad\npw=<<secret:app/pw>>"]
    assert (node.root / "etc" / "app.conf").read_text() == "a=1\npw=correct horse\n"
    app = node.podman.there["app"]
    assert (app.state, app.sees) == (
        "running",
        {str(node.root / "etc" / "app.conf"): "a=1\npw=correct horse\n"},
    )
    assert "app-previous" not in node.podman.there

    # The operator takes the change back: nothing is left to do but to run the job again that had seen it.
    results = node.deploy(first(node.root), SECRETS)
    assert [(one["action"], one["name"]) for result in results for one in result["actions"]] == [
        ("run", "db_init")
    ]


def test_failed_creation_of_the_new_container_leaves_the_old_running(node: SimulatedNode) -> None:
    steps = first(node.root)
    steps["3"]["containers"]["app"]["image"] = "img:2"
    with mock.patch.object(node.podman, "create", side_effect=errors.disk_full("podman cannot create")):
        result = node.deploy(steps, SECRETS)[-1]
    assert result["finding"]["code"] == "NODE-010"
    assert "The one before is back and healthy" in result["finding"]["message"]
    assert node.podman.there["app"].starts == 1, "it was never stopped"


def test_once_that_fails_tells_its_log_and_runs_again(quick_path: Path) -> None:
    node = prepared(quick_path / "node", nothing)
    job = {"kind": "once", "command": ["once", "bad"]}
    result = node.deploy(whole({"3": {"containers": {"job": job}}}))[-1]
    assert result["finding"]["code"] == "NODE-008"
    assert "exit status 3" in result["finding"]["message"]
    assert "podman logs job" in result["finding"]["fix"]
    again = node.deploy(whole({"3": {"containers": {"job": job}}}))[-1]
    assert again["failed"]
    mended = node.deploy(whole({"3": {"containers": {"job": {**job, "command": ["once"]}}}}))
    assert [one["reason"] for result in mended for one in result["actions"]] == ["it failed before"]


def test_missing_image_is_told_before_anything_is_stopped(node: SimulatedNode) -> None:
    steps = first(node.root)
    steps["2"]["containers"]["db"]["image"] = "img:none"
    result = node.deploy(steps, SECRETS)[-1]
    assert result["finding"]["code"] == "NODE-007"
    assert node.podman.there["db"].state == "running"


def test_all_that_fail_side_by_side_are_told(quick_path: Path) -> None:
    node = prepared(quick_path / "node", nothing)
    bad = {"command": ["bad"], "healthcheck": {"command": ["true"]}, "timeout": 0.005}
    result = node.deploy(whole({"2": {"containers": {"a": bad, "b": bad, "good": {}}}}))[-1]
    assert sorted(finding["container"] for finding in result["findings"]) == ["a", "b"]
    assert [one["name"] for one in result["actions"] if one["kind"] == "container"] == ["good"]
    assert result["changed"]


def test_full_disk_leaves_every_file_whole(node: SimulatedNode) -> None:
    there = node.summary()["paths"]
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch("os.fsync", side_effect=full), node.patched(), mock.patch("os.rename", side_effect=full):
        result = node.task(second(node.root), SECRETS, step=2, fence=1)
    assert result["finding"]["code"] == "NODE-010"
    assert "Free space" in result["finding"]["fix"]
    assert node.summary()["paths"] == there
    assert not node.deploy(second(node.root), SECRETS)[-1].get("failed")


def test_secrets_are_in_no_result(quick_path: Path) -> None:
    node = prepared(quick_path / "node", nothing)
    secret = "correct horse"
    steps = first(node.root)
    steps["3"]["containers"]["app"]["environment"] = {"PW": "<<secret:app/pw>>"}
    steps["3"]["validations"] = [
        {"name": "v", "command": ["/bin/sh", "-c", "echo <<secret:app/pw>>; false"], "retries": 0}
    ]
    results = [*node.deploy(steps, SECRETS, check=True), *node.deploy(steps, SECRETS)]
    results += node.deploy(broken(node.root), SECRETS)
    assert results[-1]["failed"]
    assert secret not in json.dumps(results)
    assert secret not in (node.root / "state" / "manifest.json").read_text()
    assert secret in (node.root / "etc" / "app.conf").read_text()
    validated = next(one for one in results if (one.get("finding") or {}).get("code") == "NODE-015")
    assert validated["finding"]["log"] == ["<<secret:app/pw>>"]


def test_changed_secret_shows_that_it_changed_and_not_what(node: SimulatedNode) -> None:
    results = node.deploy(first(node.root), {"app/pw": "battery staple"}, check=True)
    shown = next(
        one for result in results for one in result["diff"] if one["before_header"].endswith("app.conf")
    )
    assert shown["before"] == "a=1\npw=<<secret:app/pw>>\n"
    assert shown["after"] == "a=1\npw=<<secret:app/pw>>\n# (the value of a secret in it changes)\n"


def test_file_with_secrets_that_was_edited_by_hand_is_not_shown(node: SimulatedNode) -> None:
    (node.root / "etc" / "app.conf").write_text("pw=theirs\n")
    results = node.deploy(first(node.root), SECRETS, check=True)
    assert "theirs" not in json.dumps(results)
    shown = next(
        one for result in results for one in result["diff"] if one["before_header"].endswith("app.conf")
    )
    assert shown["before"] == "(not shown: it may hold secrets)\n"


def test_diff_of_a_file_without_secrets(node: SimulatedNode) -> None:
    steps = first(node.root)
    steps["0"]["files"][str(node.root / "etc" / "motd")]["content"] = "new\n"
    shown = node.task(steps, SECRETS, step=0, fence=1)["diff"]
    path = str(node.root / "etc" / "motd")
    assert shown == [{"before_header": path, "after_header": path, "before": "ours\n", "after": "new\n"}]


def test_fence_is_remembered_and_a_lower_one_refused(node: SimulatedNode) -> None:
    assert not node.task(first(node.root), SECRETS, step=2, fence=7).get("failed")
    there = node.summary()
    result = node.task(second(node.root), SECRETS, step=2, fence=6)
    assert result["finding"]["code"] == "NODE-001"
    assert node.summary() == there
    assert not node.task(second(node.root), SECRETS, step=2, fence=7).get("failed")


def test_validations_run_when_containers_are_healthy(node: SimulatedNode) -> None:
    steps = first(node.root)
    steps["3"]["validations"] = [
        {"name": "app answers", "command": ["true"], "container": "app"},
        {"name": "nobody answers", "command": ["true"], "container": "nobody", "retries": 1, "delay": 0},
    ]
    result = node.deploy(steps, SECRETS)[-1]
    assert result["finding"]["code"] == "NODE-015"
    assert "'nobody answers' failed in the container 'nobody', tried 2 times" in result["finding"]["message"]
    assert len(result["findings"]) == 1
    assert not node.deploy(steps, SECRETS, check=True)[-1].get("failed"), "a dry run runs no checks"


def test_broken_manifest_is_told_and_not_touched(node: SimulatedNode) -> None:
    manifest = node.root / "state" / "manifest.json"
    for text in ("", "{", "[]", '{"version": 99}', '{"version": 1, "stack": "x"}'):
        manifest.write_text(text)
        result = node.task(first(node.root), SECRETS, step=2, fence=1)
        assert result["finding"]["code"] == "NODE-002"
        assert manifest.read_text() == text


def test_lost_manifest_takes_over_what_is_there(node: SimulatedNode) -> None:
    (node.root / "state" / "manifest.json").unlink()
    results = node.deploy(first(node.root), SECRETS)
    done = [(one["action"], one["name"]) for result in results for one in result["actions"]]
    assert done == [], "containers are known by their labels, files by their content"
    again = node.deploy(first(node.root), SECRETS)
    assert not any(result["changed"] for result in again)


def test_other_run_is_waited_for_and_named(node: SimulatedNode) -> None:
    lock = node.root / "state" / "lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        dry = node.task(first(node.root), SECRETS, step=2, check=True)
        assert dry["warnings"] == ["another run works on this node now; what is reported may not last"]
        late = node.task(first(node.root), SECRETS, step=2, fence=1, lock_timeout=0.01)
        assert late["finding"]["code"] == "NODE-004"
        assert "process" in late["finding"]["message"]
        waiting: list[Json] = []
        thread = threading.Thread(
            target=lambda: waiting.append(node.task(first(node.root), SECRETS, step=2, fence=1))
        )
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        fcntl.flock(held, fcntl.LOCK_UN)
        thread.join(10)
    assert waiting[0]["changed"] is False


def test_defect_is_told_as_a_finding_without_secrets(node: SimulatedNode) -> None:
    with mock.patch.object(planner, "plan", side_effect=RuntimeError("correct horse")):
        result = node.task(first(node.root), SECRETS, step=2, fence=1)
    assert result["finding"]["code"] == "NODE-099"
    assert "<<secret:app/pw>>" in result["finding"]["message"]
    assert "correct horse" not in json.dumps(result)


def test_unknown_secret_is_told_before_anything_is_done(node: SimulatedNode) -> None:
    there = node.summary()
    params = {
        "stack": "overcloud",
        "desired": {"files": {"/x": {"content": "<<secret:none>>"}}},
        "secrets": {},
    }
    result = work.reconcile(params, work.Node(Store(str(node.root / "state")), node.podman, node.systemd))
    assert result["finding"]["code"] == "NODE-013"
    assert node.summary() == there
