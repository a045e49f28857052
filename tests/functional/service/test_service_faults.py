"""Faults in the middle of a deployment, with the service's real programs and real servers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.service.site import Site, until
from tests.unit.db import servers
from tests.unit.deploy import rabbit
from undercloud.db import sessions

pytestmark = pytest.mark.functional
COUNT = int(os.environ.get("UNDERCLOUD_STACKS") or 12)
_WHOLE = [f"{step} 1" for step in range(6)]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Site]:
    """One process, SQLite."""
    site = Site(tmp_path, tmp_path / "state")
    yield site
    site.close()


@pytest.fixture
def grown(tmp_path: Path, postgres: servers.Server, broker: rabbit.Rabbit) -> Iterator[Site]:
    """An API and two engines, RabbitMQ, PostgreSQL."""
    with growing(tmp_path, postgres, broker) as site:
        yield site


@contextlib.contextmanager
def growing(
    directory: Path, database: servers.Server, broker: rabbit.Rabbit, workers: int = 2
) -> Iterator[Site]:
    """An API and some engines over servers of their own."""
    site = Site(directory, directory / "state", database.new_database(), broker.url)
    try:
        engines = site.start("engine", "--workers", str(workers))
        for _ in range(workers):
            engines.line("answers")
        site.start("api")
        yield site
    finally:
        site.close()


def whole(site: Site, deployment: str, done: list[str] | None = None) -> dict[str, Any]:
    """The deployment ended well, each task ran and is told of once."""
    found: dict[str, Any] = site.ended(deployment)
    assert found["status"] == "succeeded", found["findings"]
    assert site.done() == (done or _WHOLE)
    results = [event["step"] for event in site.events(deployment) if event["kind"] == "result"]
    assert results == list(range(6))
    assert site.changed(deployment) == {"ctl-0": 6}
    assert site.get("/v1/locks")["locks"] == {}
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_service_ends_and_starts_again(embedded: Site, how: signal.Signals) -> None:
    service = embedded.start("api")
    deployment = embedded.deploy_to_step_2()
    assert service.end(how) == (-how if how is signal.SIGKILL else 0)
    embedded.go_on()
    until(lambda: embedded.done() == _WHOLE)  # without any engine
    embedded.start("api")
    whole(embedded, deployment)


def test_the_service_is_killed_in_every_step(embedded: Site) -> None:
    """In one deployment, each time while Ansible works."""
    for step in range(6):
        embedded.hold(step)
    service = embedded.start("api")
    deployment = embedded.deploy()
    for step in range(6):
        until(lambda now=step: len(embedded.done()) == now + 1)  # type: ignore[misc]
        service.end(signal.SIGKILL)
        service = embedded.start("api")
        embedded.go_on(step)
    whole(embedded, deployment)


def test_the_service_is_killed_again_and_again(embedded: Site) -> None:
    """A third time in one stage, and nobody would go on with it."""
    service = embedded.start("api")
    deployment = embedded.deploy_to_step_2()
    for _ in range(2):
        service.end(signal.SIGKILL)
        service = embedded.start("api")
        assert embedded.get(f"/v1/deployments/{deployment}")["status"] == "running"
    embedded.go_on()
    whole(embedded, deployment)


def test_a_second_deployment_is_refused_by_name(embedded: Site) -> None:
    service = embedded.start("api")
    deployment = embedded.deploy_to_step_2()
    answer = embedded.ask("POST", "/v1/deployments", json={"stack": "overcloud", "version": 1})
    assert answer.status_code == 409
    assert f"pid {service.process.pid} (deployment {deployment})" in answer.json()["title"]
    embedded.go_on()
    whole(embedded, deployment)


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small disk is mounted, which needs root")
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(state)], check=True)
    site = Site(tmp_path, state)
    try:
        site.start("api")
        deployment = site.deploy_to_step_2()
        filler = state / "filler"
        with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1 << 20)) or pytest.fail("nothing was written")
        site.go_on()
        until(lambda: site.done() == _WHOLE)
        log = tmp_path / "api.log"
        until(lambda: "DB-003" in log.read_text())
        filler.unlink()
        whole(site, deployment)
    finally:
        site.close()
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def test_an_engine_is_killed_and_the_other_one_goes_on(grown: Site) -> None:
    deployment = grown.deploy_to_step_2()
    holder = grown.get(f"/v1/deployments/{deployment}")["holder"]
    worker = int(holder.rpartition(" ")[2])
    os.kill(worker, signal.SIGKILL)
    until(lambda: grown.get(f"/v1/deployments/{deployment}")["holder"] != holder)
    grown.go_on()
    whole(grown, deployment)
    again = grown.deploy()
    assert grown.ended(again)["status"] == "succeeded"


def test_the_api_is_killed_and_the_engines_go_on(grown: Site) -> None:
    deployment = grown.deploy_to_step_2()
    grown.programs[-1].end(signal.SIGKILL)
    grown.go_on()
    until(lambda: grown.done() == _WHOLE)
    grown.start("api")
    whole(grown, deployment)


@pytest.mark.long
def test_many_stacks_at_once_and_an_engine_is_killed(
    tmp_path: Path, postgres: servers.Server, broker: rabbit.Rabbit
) -> None:
    """Three engines and COUNT stacks: each step of each once, all told, whoever died."""
    with growing(tmp_path, postgres, broker, workers=3) as site:
        stacks = [f"cloud-{number}" for number in range(COUNT)]
        for stack in stacks:
            site.keep_plan(stack)
        site.hold(2)
        began = time.monotonic()
        deployments = [site.deploy(stack=stack) for stack in stacks]
        until(lambda: len(site.done()) == 3 * COUNT)
        holders = {site.get(f"/v1/deployments/{one}")["holder"] for one in deployments}
        assert len(holders) > 1, "the work is shared"
        os.kill(int(min(holders).rpartition(" ")[2]), signal.SIGKILL)
        site.go_on()
        for deployment in deployments:
            assert site.ended(deployment)["status"] == "succeeded"
            told = [event["step"] for event in site.events(deployment) if event["kind"] == "result"]
            assert told == list(range(6))
        assert Counter(site.done()) == {f"{step} 1": COUNT for step in range(6)}
        print(f"\n{COUNT} stacks, three engines, one killed: {time.monotonic() - began:.0f} s")


def test_an_engine_without_work_is_seen_in_the_database(
    tmp_path: Path, postgres: servers.Server, broker: rabbit.Rabbit
) -> None:
    url = postgres.new_database()
    site = Site(tmp_path, tmp_path / "state", url, broker.url)
    try:
        engine = site.start("engine")
        engine.line("answers")
        time.sleep(6)
        assert sessions.others(url, 3) == ("localhost",), "a restore has to know of it"
        engine.end(signal.SIGKILL)
        until(lambda: sessions.others(url, 60) == ())
    finally:
        site.close()


def test_the_broker_starts_anew_in_the_middle(grown: Site, broker: rabbit.Rabbit) -> None:
    deployment = grown.deploy_to_step_2()
    broker.stop()
    assert grown.get(f"/v1/deployments/{deployment}")["status"] == "running"
    grown.go_on()
    broker.start()
    whole(grown, deployment)
    assert grown.ended(grown.deploy())["status"] == "succeeded"


@pytest.mark.parametrize("kind", ["postgres", pytest.param("mariadb", marks=pytest.mark.long)])
def test_the_database_starts_anew_in_the_middle(
    request: pytest.FixtureRequest, tmp_path: Path, broker: rabbit.Rabbit, kind: str
) -> None:
    server: servers.Server = request.getfixturevalue(kind)
    with growing(tmp_path, server, broker) as site:
        deployment = site.deploy_to_step_2()
        server.stop()
        assert site.ask("GET", f"/v1/deployments/{deployment}").status_code == 503
        assert site.ask("GET", "/v1/health").status_code == 503
        site.go_on()
        until(lambda: site.done() == _WHOLE)
        server.start()
        whole(site, deployment)
