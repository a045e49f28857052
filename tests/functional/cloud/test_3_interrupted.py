"""What is cut short goes on: a node that dies, an operator's Ctrl-C, an undercloud that is killed."""

import re
import signal
import time
from collections.abc import Iterator

import pytest

from tests.functional.cloud.cloud import BACKEND, CONTROLLER, SERVICES, Cloud
from tests.functional.cloud.terminal import Command

pytestmark = pytest.mark.functional

_turn = iter(range(310, 1000))


def busy(cloud: Cloud) -> tuple[str, str]:
    """Options that give the second node work in step 2 and the first in step 3.

    Database and message bus start anew; the latter takes long enough on any machine to be met at work.
    """
    number = next(_turn)
    return cloud.parameters(
        "busy", MysqlMaxConnections=number, RabbitTCPBacklog=4096 + number, TokenExpiration=3600 + number
    )


def in_step_2(command: Command) -> None:
    """Wait until the nodes are at work in step 2."""
    command.wait_for("step-2: Step 2")
    time.sleep(1.5)


@pytest.fixture
def mended(deployed: Cloud) -> Iterator[Cloud]:
    """The deployed cloud; afterwards its nodes run again."""
    yield deployed
    for node in ("node1", "node2"):
        deployed.lab("mend", node)


def goes_on(cloud: Cloud, options: tuple[str, ...]) -> None:
    """The same command again ends well, nobody holds the lock, and the cloud answers."""
    cloud.deploy(*options)
    stack = cloud.status()
    assert (stack["status"], stack["lock"]) == ("deployed", None)
    cloud.token()


def test_a_node_that_dies_is_named_and_the_next_run_goes_on(mended: Cloud) -> None:
    options = busy(mended)
    with mended.deploying(*options) as command:
        in_step_2(command)
        mended.lab("kill", "node2")
        said = command.end(timeout=180)

    assert said.status == 1
    assert f"{BACKEND}: stage step-2, step 2" in said.stdout
    assert "DEP-010" in said.stdout
    assert CONTROLLER not in said.stdout.partition("stage step-2, step 2")[2].partition("\n\n")[0]
    assert "DEP-010" in mended.openstack("overcloud", "failures").stdout
    stack = mended.status()
    assert (stack["status"], stack["lock"]) == ("failed", None)

    mended.lab("start", "node2")
    mended.lab.inside("node2", "systemctl is-system-running --wait || true")
    running = {name for name, one in mended.containers("node2").items() if one.state == "running"}
    assert not {"mysql", "mysql-previous"} <= running, "two databases on the same files"
    goes_on(mended, options)


def test_ctrl_c_keeps_the_state_and_frees_the_lock(mended: Cloud) -> None:
    options = busy(mended)
    with mended.deploying(*options) as command:
        in_step_2(command)
        command.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        said = command.end(timeout=60)

    assert said.status == 130, said.text
    assert time.monotonic() - begun < 45
    assert "Go on with the same command" in said.text
    stack = mended.status()
    assert (stack["status"], stack["lock"]) == ("interrupted", None)
    version = stack["version"]

    goes_on(mended, options)
    assert mended.status()["version"] == version, "the plan was kept"


@pytest.mark.long
def test_an_undercloud_that_is_killed_is_taken_over(mended: Cloud) -> None:
    options = busy(mended)
    with mended.deploying(*options) as command:
        in_step_2(command)
        command.process.kill()
        said = command.end()

    assert said.status == -signal.SIGKILL
    stack = mended.status()
    assert stack["status"] == "interrupted"

    resumed = mended.openstack("overcloud", "resume")
    assert "plan: running" not in resumed.stdout, "what was finished is not done again"
    assert "step-2: running" in resumed.stdout
    goes_on(mended, options)


@pytest.mark.long
def test_two_at_once_are_one_too_many(mended: Cloud) -> None:
    options = busy(mended)
    with mended.deploying(*options) as command:
        command.wait_for("step-1: running")
        mended.lab("pause", "node2")
        command.wait_for("step-1: running")
        second = mended.deploy(*options, check=False)
        lock = mended.status()["lock"]
        mended.lab("start", "node2")
        first = command.end()

    assert second.status == 2, second.text
    assert "DEP-001" in second.text
    assert re.search(rf"pid {command.process.pid} \(deployment [0-9a-f]{{32}}\) since 20", second.text)
    assert f"pid {command.process.pid} " in lock["holder"]
    assert first.status == 0, first.text
    goes_on(mended, options)


@pytest.mark.long
def test_after_a_power_failure_everything_comes_back_by_itself(mended: Cloud) -> None:
    mended.deploy()
    before = mended.all_containers()
    for node in SERVICES:
        mended.lab("kill", node)
    for node in SERVICES:
        mended.lab("start", node)

    deadline = time.monotonic() + 180
    while mended.unhealthy() and time.monotonic() < deadline:
        time.sleep(1)

    assert mended.unhealthy() == []
    mended.token()
    said = mended.deploy("-f", "json")
    assert said.document["deployment"]["counts"]["changed"] == 0, said.stdout
    ids = {node: {name: one.id for name, one in of.items()} for node, of in before.items()}
    assert {node: {n: one.id for n, one in of.items()} for node, of in mended.all_containers().items()} == ids
