"""The Engine interface over HTTP, against the real server; then the command line through it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.api.conftest import BUNDLE, PASSWORD, Client
from tests.unit.api.test_api_deployments import prepared
from undercloud.client.remote import RemoteEngine
from undercloud.client.settings import Remote
from undercloud.deploy.engine import Engine, Status, follow
from undercloud.deploy.requests import DeleteRequest, DeployRequest, PlanPaths, PlanRef, SshAccess
from undercloud.deploy.runner import Ending
from undercloud.diagnostics import UndercloudError


def remote(client: Client, **changes: str) -> Remote:
    whole = Remote("prod", client.running.address, "admin", PASSWORD, "", client.authority)
    return dataclasses.replace(whole, **changes)


@pytest.fixture
def engine(client: Client) -> Iterator[Engine]:
    made = RemoteEngine(remote(prepared(client)))
    yield made
    made.close()


def code(error: pytest.ExceptionInfo[UndercloudError]) -> str:
    return error.value.findings[0].code


def test_all_that_the_local_engine_says_the_remote_one_says(client: Client, engine: Engine) -> None:
    local = client.running.service.engine
    started = engine.deploy(DeployRequest("overcloud", PlanPaths(""), version=1))
    events = list(follow(engine, started.id))
    ended = engine.wait(started.id, 60)
    assert ended.status is Status.SUCCEEDED
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert tuple(events) == local.events(started.id)
    assert ended == local.deployment(started.id)
    assert engine.hosts(started.id) == local.hosts(started.id) != ()
    assert engine.stack_hosts("overcloud") == local.stack_hosts("overcloud") != ()
    assert engine.deployments("overcloud") == local.deployments("overcloud")
    assert engine.stacks() == local.stacks()
    assert engine.status("overcloud") == local.status("overcloud")
    assert engine.plans() == local.plans()
    assert engine.changes(started.id) == local.changes(started.id)
    assert engine.failures("overcloud") == ()
    assert engine.credentials("overcloud") == local.credentials("overcloud")
    assert engine.validate_plan("overcloud").findings == ()
    assert engine.forget_host_key("192.0.2.11")
    assert not engine.forget_host_key("192.0.2.11")
    with pytest.raises(UndercloudError) as caught:
        engine.delete_plan("overcloud")
    assert code(caught) == "DEP-006"
    assert engine.wait(engine.delete(DeleteRequest("overcloud")).id, 60).status is Status.SUCCEEDED
    engine.delete_plan("overcloud")
    with pytest.raises(UndercloudError) as caught:
        engine.status("overcloud")
    assert code(caught) == "DEP-003"


def test_an_older_undercloud_does_not_tell_the_hosts(client: Client, engine: Engine) -> None:
    started = engine.deploy(DeployRequest("overcloud", PlanPaths(""), version=1))
    engine.wait(started.id, 60)
    routes = client.running.service.document._routes
    routes[:] = [route for route in routes if not route[0].fullmatch("/v1/deployments/x/hosts")]
    assert engine.hosts(started.id) == ()


def test_the_hosts_of_no_deployment_are_refused(engine: Engine) -> None:
    with pytest.raises(UndercloudError) as caught:
        engine.hosts("0" * 32)
    assert code(caught) == "DEP-004"


def test_a_deployment_is_cancelled_and_goes_on(client: Client, engine: Engine) -> None:
    client.world.runner.hold = threading.Event()
    started = engine.deploy(DeployRequest("overcloud", PlanPaths(""), version=1))
    with pytest.raises(UndercloudError) as caught:
        engine.deploy(DeployRequest("overcloud", PlanPaths(""), version=1))
    assert code(caught) == "DEP-001"
    engine.cancel(started.id, "enough")
    assert engine.wait(started.id, 60).status is Status.INTERRUPTED
    client.world.runner.hold = None
    client.world.runner.ending = Ending.FAILED
    engine.resume(started.id)
    assert engine.wait(started.id, 60).status is Status.FAILED
    (failure,) = engine.failures("overcloud")
    assert failure.deployment == started.id


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"password": "wrong"}, "API-005"),
        ({"username": "", "password": ""}, "API-005"),
        ({"cacert": ""}, "CLI-043"),
        ({"url": "https://127.0.0.1:9"}, "CLI-043"),
    ],
)
def test_who_is_not_let_in(client: Client, changes: dict[str, str], wanted: str) -> None:
    made = RemoteEngine(remote(client, **changes))
    with pytest.raises(UndercloudError) as caught:
        made.cancel("0" * 32)
    assert code(caught) == wanted
    assert PASSWORD not in str(caught.value)
    made.close()


def test_what_only_this_machine_has_is_refused(engine: Engine, tmp_path: Path) -> None:
    asked = DeployRequest("overcloud", PlanPaths(""), version=1)
    for request in (
        dataclasses.replace(asked, ssh=SshAccess(private_key="/home/me/.ssh/id")),
        dataclasses.replace(asked, registry="192.0.2.1:8787"),
    ):
        with pytest.raises(UndercloudError) as caught:
            engine.deploy(request)
        assert code(caught) == "CLI-045"
    with pytest.raises(UndercloudError) as caught:
        engine.compare_plans(PlanRef("overcloud"), PlanRef("overcloud", request=asked))
    assert code(caught) == "CLI-045"
    with pytest.raises(UndercloudError) as caught:
        engine.deploy(DeployRequest("overcloud", PlanPaths(str(tmp_path / "none"))))
    assert code(caught).startswith("PLAN-05"), "the operator's files are read here"


def test_a_plan_is_kept_without_a_deployment_and_comes_back_as_it_was(client: Client, engine: Engine) -> None:
    local = client.running.service.engine
    changed = dataclasses.replace(BUNDLE, name="lab")
    assert engine.keep_plan(changed) == 1
    assert engine.keep_plan(changed) == 1, "equal files are no new version"
    files = {**BUNDLE.files, "/home/me/site.yaml": b"parameter_defaults: {}\n"}
    assert engine.keep_plan(dataclasses.replace(changed, files=files)) == 2
    for number, wanted in ((1, BUNDLE.files), (2, files), (0, files)):
        for one in (engine, local):
            found = one.plan_files("lab", number)
            assert dict(found.files) == dict(wanted)
            assert (found.named, found.environments) == (BUNDLE.named, BUNDLE.environments)
    for missing, expected in ((("lab", 7), "DEP-028"), (("nobody", 0), "DEP-003")):
        for one in (engine, local):
            with pytest.raises(UndercloudError) as error:
                one.plan_files(*missing)
            assert code(error) == expected
