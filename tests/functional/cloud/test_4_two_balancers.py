"""Two nodes that balance load: the virtual addresses go from one to the other, and clients notice little."""

import time
from collections.abc import Iterator

import pytest

from tests.functional.cloud.cloud import ROLES, Cloud
from tests.functional.lab.tool import CTLPLANE, SUBNETS

pytestmark = [pytest.mark.functional, pytest.mark.long]

SECOND = "node3"
BOTH = ("node1", SECOND)
LONGEST = 30  # seconds that clients may wait for the other balancer
HOLDS = f"ip -o address show to {CTLPLANE}.100/32"


@pytest.fixture
def two(deployed: Cloud) -> Iterator[Cloud]:
    """The cloud with a second controller; afterwards its files and nodes are as they were."""
    plan = deployed.lab.directory / "baremetal_deployment.yaml"
    before = plan.read_text()
    first, *others = ROLES
    words = ["--role", f"{first}={ROLES[first]},{SECOND}"]
    words += [word for role in others for word in ("--role", f"{role}={ROLES[role]}")]
    deployed.lab("up", "--nodes", "3", *SUBNETS, "--network", "internal_api", *words)
    deployed.deploy()
    yield deployed
    plan.write_text(before)
    deployed.lab("mend", ROLES[first])
    deployed.deploy("--force", "CHG-002")
    deployed.token()


def holders(cloud: Cloud, *nodes: str) -> list[str]:
    """Those of the nodes (without any: of both) that have the public address."""
    return [node for node in nodes or BOTH if cloud.lab.inside(node, HOLDS).stdout.strip()]


def test_the_addresses_move_when_asked_to(two: Cloud) -> None:
    assert len(holders(two)) == 1

    said = two.openstack("overcloud", "validator", "run", "--group", "vip-moves", "-f", "json")

    codes = {finding["code"] for finding in said.document["findings"]}
    assert "NODE-210" in codes, said.text
    assert "NODE-209" not in codes
    assert len(holders(two)) == 1
    assert two.unhealthy() == []


def test_the_other_goes_on_when_one_dies(two: Cloud) -> None:
    (dead,) = holders(two)
    (heir,) = {*BOTH} - {dead}

    two.lab("kill", dead)

    until = time.monotonic() + LONGEST
    while not holders(two, heir) and time.monotonic() < until:
        time.sleep(1)
    two.token()
    two.lab("start", dead)
    two.deploy()
    assert len(holders(two)) == 1
