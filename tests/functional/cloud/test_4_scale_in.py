"""A node comes into the plan and leaves it: with a goodbye, and without one."""

from collections.abc import Iterator

import pytest

from tests.functional.cloud.cloud import HOSTS, ROLES, Cloud
from tests.functional.lab.tool import SUBNETS

pytestmark = [pytest.mark.functional, pytest.mark.long]

NEWCOMER, NODE = "messaging-0", "node3"
MEMBERS = "podman exec rabbitmq rabbitmqctl -q eval 'lists:sort(rabbit_mnesia:cluster_nodes(all)).'"
LEFT = """
podman ps --all --quiet; podman images --quiet; podman volume ls --quiet
ls -d /var/lib/config-data /var/lib/undercloud /var/lib/rabbitmq /etc/undercloud 2>/dev/null || true
grep -n undercloud /etc/hosts || true
nft list tables | grep undercloud || true
"""


@pytest.fixture
def larger(deployed: Cloud) -> Iterator[Cloud]:
    """The cloud with a second node for the message bus; afterwards its files are as they were."""
    plan = deployed.lab.directory / "baremetal_deployment.yaml"
    roles = {**ROLES, "Messaging": NODE}
    before = plan.read_text()
    words = [word for role, node in roles.items() for word in ("--role", f"{role}={node}")]
    deployed.lab("up", "--nodes", "3", *SUBNETS, "--network", "internal_api", *words)
    generate = ("overcloud", "roles", "generate", "-o", str(deployed.home / "roles_data.yaml"))
    deployed.openstack(*generate, *roles)
    deployed.deploy()
    assert deployed.lab.inside("node2", MEMBERS).stdout.count("rabbit@") == 2
    plan.write_text(before)  # the role stays, without a node
    yield deployed
    deployed.openstack(*generate, *ROLES)
    deployed.deploy()
    deployed.token()


def test_it_says_goodbye_and_is_clean(larger: Cloud) -> None:
    dry = larger.deploy("--dry-run", "-f", "json").document["changes"]
    would = {(one["kind"], one["name"], one["action"]) for one in dry if one["host"] == NEWCOMER}
    assert ("container", "rabbitmq", "remove") in would

    said = larger.deploy()

    assert "DEP-024" in said.text
    assert larger.lab.inside(NODE, LEFT).stdout == ""
    assert larger.lab.inside("node2", MEMBERS).stdout.count("rabbit@") == 1
    assert larger.unhealthy() == []
    assert set(larger.status()["hosts"]) == set(HOSTS)
    assert "DEP-024" not in larger.deploy().text


def test_one_that_died_is_forgotten_by_the_others_but_not_by_us(larger: Cloud) -> None:
    larger.lab("kill", NODE)

    said = larger.deploy()

    assert "DEP-030" in said.text
    assert f"{NEWCOMER} is not in the plan any more and cannot be cleaned" in said.text
    assert larger.lab.inside("node2", MEMBERS).stdout.count("rabbit@") == 1
    assert larger.unhealthy() == []

    larger.lab("start", NODE)
    larger.deploy()

    assert larger.lab.inside(NODE, LEFT).stdout == ""
