"""What would keep a deployment from working is found on the nodes before anything is written, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.functional.cloud.cloud import BACKEND, CONTROLLER, Cloud, replaced
from tests.functional.cloud.terminal import Said

pytestmark = pytest.mark.functional

LISTEN = """
cat > /run/taken.py <<'END'
import socket, time
door = socket.create_server(("0.0.0.0", 4444))
time.sleep(900)
END
systemd-run --quiet --unit taken python3 /run/taken.py
"""
ELSEWHERE = "172.17.0.11/32"


@pytest.fixture
def mended(deployed: Cloud) -> Iterator[Cloud]:
    """The deployed cloud; before and afterwards nothing of these tests is left on its nodes."""
    mend(deployed)
    yield deployed
    mend(deployed)


def mend(deployed: Cloud) -> None:
    """Undo what any of these tests does to the nodes."""
    deployed.lab.inside(
        "node2", f"systemctl stop taken || true; ip address del {ELSEWHERE} dev eth1", check=False
    )
    deployed.lab.inside("node1", "ip link set eth1 mtu 1500; podman start memcached || true", check=False)
    for node in ("node1", "node2"):
        deployed.lab("mend", node)
        deployed.lab.inside(node, "ip neighbour flush dev eth1")


def told(said: Said) -> dict[str, set[str]]:
    """The codes of all failures by host."""
    found: dict[str, set[str]] = {}
    for failure in said.document["failures"]:
        assert failure["finding"]["fix"], failure
        found.setdefault(failure["host"], set()).add(failure["finding"]["code"])
    return found


def test_all_that_is_wrong_with_all_nodes_at_once(mended: Cloud) -> None:
    """A port, an MTU, an address, an image: named with their nodes, nothing written, nothing restarted."""
    before, nodes = mended.all_containers(), mended.on_nodes()
    mended.lab.inside("node2", f"{LISTEN}\nip address add {ELSEWHERE} dev eth1")
    mended.lab.inside("node1", "ip link set eth1 mtu 1400")
    registry = mended.openstack(
        "undercloud", "registry", "show", "-f", "value", "-c", "registry"
    ).stdout.strip()
    image = f"{registry}/undercloud/memcached:nosuchtag"
    wrong = mended.parameters("image", ContainerMemcachedImage=image)
    report = mended.home / "report.json"

    said = mended.deploy("-f", "json", *wrong, "--report", f"json={report}", check=False)

    assert said.status == 1
    assert said.document["deployment"]["stage"] == "node-checks"
    assert told(said) == {CONTROLLER: {"NODE-112", "NODE-115", "NODE-119"}, BACKEND: {"NODE-117"}}
    messages = " | ".join(failure["finding"]["message"] for failure in said.document["failures"])
    assert "eth1 has the MTU 1400" in messages
    assert "52:54:00:" in messages
    assert image in messages
    assert "of taken.service" in messages
    assert {"NODE-117", "NODE-119"} <= {one["code"] for one in json.loads(report.read_text())["findings"]}
    assert replaced(before, mended.all_containers()) == set()
    assert mended.on_nodes() == nodes


def test_what_is_forced_passes_and_is_recorded(mended: Cloud) -> None:
    mended.lab.inside("node2", LISTEN)

    mended.deploy("--force", "NODE-117")

    (forced,) = mended.status()["deployment"]["forced"]
    assert (forced["code"], forced["host"]) == ("NODE-117", BACKEND)
    assert "@" in forced["operator"]
    assert f"NODE-117 on {BACKEND} by" in mended.openstack("overcloud", "status").stdout


def test_a_switch_that_takes_only_small_packets(mended: Cloud) -> None:
    mended.lab.inside("node2", "ip link set eth1 mtu 1400")
    try:
        said = mended.openstack(
            "overcloud", "validator", "run", "--group", "pre-deployment", "-f", "json", check=False
        )
    finally:
        mended.lab.inside("node2", "ip link set eth1 mtu 1500")

    assert said.status == 1
    assert told(said) == {CONTROLLER: {"NODE-113"}, BACKEND: {"NODE-112", "NODE-113"}}


def test_a_cloud_that_stands_is_checked(mended: Cloud) -> None:
    good = mended.openstack("overcloud", "validator", "run")
    assert "nothing is wrong" in good.stdout
    mended.lab.inside("node1", "podman stop memcached")

    said = mended.openstack("overcloud", "validator", "run", "-f", "json", check=False)

    assert said.status == 1
    found = told(said)
    assert set(found) == {CONTROLLER}
    assert {"NODE-203", "NODE-208"} <= found[CONTROLLER], "without its cache Keystone may be slow, too"
    assert mended.status()["status"] == "deployed", "a check is no deployment"
    one = mended.openstack("overcloud", "validator", "run", "--validation", "NODE-205")
    assert "nothing is wrong" in one.stdout


def test_a_kept_plan_is_validated(mended: Cloud) -> None:
    said = mended.openstack("overcloud", "plan", "validate", "overcloud", "-f", "json")
    assert [one for one in said.document["findings"] if one["severity"] == "error"] == []


def test_an_error_of_the_plan_stops_before_the_nodes(mended: Cloud) -> None:
    said = mended.deploy(*mended.parameters("typo", MemcachedMaxMemori="64"), "-f", "json", check=False)

    assert said.status == 1
    assert said.document["deployment"]["stage"] == "validate"
    (failure,) = said.document["failures"]
    assert "MemcachedMaxMemori" in failure["finding"]["message"]
    assert "MemcachedMaxMemory" in failure["finding"]["fix"]
