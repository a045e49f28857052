"""The engine behind oslo.messaging: in memory, and with a real RabbitMQ where its package is installed."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.rabbit import Rabbit, installed
from tests.unit.deploy.world import PASSWORD, World, make_world, request
from undercloud.db.database import open_database
from undercloud.deploy import rpc
from undercloud.deploy.engine import Engine, Exported, Status, follow
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import Discovered, DiscoverRequest
from undercloud.deploy.requests import DeleteRequest
from undercloud.diagnostics import UndercloudError


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    if not installed():
        pytest.skip("the package rabbitmq-server is not installed (tools/bootstrap.sh --host)")
    server = Rabbit()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["memory", "rabbitmq"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "memory" else str(request.getfixturevalue("rabbit").url)


def client(world: World, transport: Any, **changes: int) -> rpc.RpcEngine:
    paths = world.settings.paths
    database = open_database("", paths.database, paths.key_file)
    messaging = dataclasses.replace(world.settings.messaging, **changes)  # type: ignore[arg-type]
    settings = dataclasses.replace(world.settings, messaging=messaging)
    return rpc.RpcEngine(settings, database, transport, database.close)


def transport_of(world: World, url: str) -> Any:
    messaging = dataclasses.replace(world.settings.messaging, transport_url=url)
    world.settings = dataclasses.replace(world.settings, messaging=messaging)
    return rpc.open_transport(world.settings)


@pytest.fixture
def engine(world: World, url: str) -> Iterator[Engine]:
    transport = transport_of(world, url)
    server = rpc.Server(world.settings, transport, world.engine(), "first")
    server.start()
    made = client(world, transport)
    yield made
    made.close()
    server.stop()
    transport.cleanup()


def code(error: pytest.ExceptionInfo[UndercloudError]) -> str:
    return error.value.findings[0].code


def test_calls_go_there_and_answers_and_errors_come_back(world: World, engine: Engine) -> None:
    world.runner.hold = threading.Event()
    started = engine.deploy(request())
    with pytest.raises(UndercloudError) as caught:
        engine.deploy(request())
    assert code(caught) == "DEP-001"
    assert caught.value.findings[0].fix
    world.runner.hold.set()
    assert [event.seq for event in follow(engine, started.id)][-1] > 10
    assert engine.wait(started.id, 30).status is Status.SUCCEEDED
    assert engine.validate_plan("overcloud").version == 1
    assert engine.forget_host_key("192.0.2.11") is True
    assert engine.forget_host_key("192.0.2.11") is False
    with pytest.raises(UndercloudError) as caught:
        engine.resume(started.id)
    assert code(caught) == "DEP-007"
    assert engine.wait(engine.delete(DeleteRequest("overcloud")).id, 30).status is Status.SUCCEEDED
    engine.delete_plan("overcloud")
    with pytest.raises(UndercloudError) as caught:
        engine.delete_plan("overcloud")
    assert code(caught) == "DEP-003"


def test_no_password_travels_in_the_clear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def export_stack(_engine: LocalEngine, stack: str) -> Exported:
        return Exported(stack, {"AdminPassword": PASSWORD})

    monkeypatch.setattr(LocalEngine, "export_stack", export_stack)
    transport = transport_of(world, "")
    server = rpc.Server(world.settings, transport, world.engine(), "first")
    server.start()
    caller = client(world, transport)
    send, wire = transport._send, []

    def listen(target: Any, context: Any, message: Any, **options: Any) -> Any:
        answer = send(target, context, message, **options)
        wire.append(f"{message} {answer}")
        return answer

    monkeypatch.setattr(transport, "_send", listen)
    try:
        assert caller.export_stack("overcloud").parameters == {"AdminPassword": PASSWORD}
        asked = DiscoverRequest(("http://127.0.0.1:9",), (f"root:{PASSWORD}",))
        assert caller.discover_machines(asked) == Discovered()
    finally:
        caller.close()
        server.stop()
        transport.cleanup()
    assert [method in said for method, said in zip(("export", "discover"), wire, strict=True)] == [True] * 2
    assert not any(PASSWORD in said or "AdminPassword" in said or "root" in said for said in wire)


def test_who_has_another_key_is_refused(world: World, tmp_path: Path) -> None:
    transport = transport_of(world, "")
    server = rpc.Server(world.settings, transport, world.engine(), "first")
    server.start()
    strange = make_world(tmp_path / "elsewhere")
    strange_paths = strange.settings.paths
    database = open_database("", strange_paths.database, strange_paths.key_file)
    caller = rpc.RpcEngine(world.settings, database, transport, database.close)
    with pytest.raises(UndercloudError) as caught:
        caller.forget_host_key("192.0.2.1")
    assert code(caught) == "VAULT-004"
    caller.close()
    server.stop()
    transport.cleanup()


def test_a_fault_of_the_engine_is_told_and_it_lives_on(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undercloud.deploy.local.locks.release", lambda *_: 1 / 0)
    engine.wait(engine.deploy(request(dry_run=True)).id, 5)
    with pytest.raises(UndercloudError) as caught:
        engine.delete_plan("overcloud")
    assert code(caught) in {"INT-001", "DEP-001"}
    assert engine.forget_host_key("192.0.2.99") is False


def test_no_engine_at_all(world: World) -> None:
    transport = transport_of(world, "")
    lonely = client(world, transport, timeout=1)
    with pytest.raises(UndercloudError) as caught:
        lonely.forget_host_key("192.0.2.1")
    assert code(caught) == "DEP-031"
    assert lonely.plans() == ()
    lonely.close()


def test_a_url_that_names_no_driver(world: World) -> None:
    with pytest.raises(UndercloudError) as caught:
        transport_of(world, "smoke://signals")
    assert code(caught) == "DEP-032"


def test_a_broker_that_starts_anew_loses_no_call(world: World, rabbit: Rabbit) -> None:
    transport = transport_of(world, rabbit.url)
    server = rpc.Server(world.settings, transport, world.engine(), "first")
    server.start()
    made = client(world, transport)
    try:
        first = made.wait(made.deploy(request()).id, 60)
        rabbit.stop()
        assert made.status("overcloud").status == "deployed", "reads need no broker"
        rabbit.start()
        second = made.wait(made.deploy(request()).id, 60)
        assert (first.status, second.status) == (Status.SUCCEEDED, Status.SUCCEEDED)
        assert len(made.deployments("overcloud")) == 2
    finally:
        made.close()
        server.stop()
        transport.cleanup()


def test_two_engines_share_the_work(world: World, rabbit: Rabbit, tmp_path: Path) -> None:
    _ = tmp_path
    transport = transport_of(world, rabbit.url)
    servers = [rpc.Server(world.settings, transport, world.engine(), name) for name in ("one", "two")]
    for server in servers:
        server.start()
    made = client(world, transport)
    try:
        world.runner.hold = threading.Event()
        started = made.deploy(request())
        # Whichever engine gets the call: the lock is the database's.
        for _ in range(6):
            with pytest.raises(UndercloudError) as caught:
                made.deploy(request())
            assert code(caught) == "DEP-001"
        made.cancel(started.id, "by whichever engine")
        assert made.wait(started.id, 30).status is Status.INTERRUPTED
    finally:
        made.close()
        for server in servers:
            server.stop()
        transport.cleanup()
