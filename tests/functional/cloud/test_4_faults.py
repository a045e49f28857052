"""What is wrong with nodes, images and changes is told clearly, harms nothing and can be mended."""

import json
from collections.abc import Iterator

import pytest

from tests.functional.cloud import leaks
from tests.functional.cloud.cloud import BACKEND, CONTROLLER, Cloud, replaced

pytestmark = [pytest.mark.functional, pytest.mark.long]


@pytest.fixture
def mended(deployed: Cloud) -> Iterator[Cloud]:
    """The deployed cloud; afterwards its nodes are whole and known, and it is as its files say."""
    yield deployed
    for node in ("node1", "node2"):
        deployed.lab("mend", node)
        deployed.lab("trust", node)
    deployed.deploy()
    deployed.token()


def test_a_change_that_does_not_get_healthy_is_taken_back(mended: Cloud) -> None:
    """Keystone's API fails to start, tells why, and the one before serves on."""
    before = mended.all_containers()
    broken = mended.parameters("broken", KeystoneExtraConfig={"token": {"provider": "no-such-provider"}})

    said = mended.deploy(*broken, check=False)

    assert said.status == 1
    assert f"{CONTROLLER}: stage step-3, step 3" in said.stdout
    assert "container: keystone" in said.stdout
    log = said.stdout.partition("last lines of the log:")[2]
    assert "no-such-provider" in log
    after = mended.all_containers()
    assert after["node1"]["keystone"].id == before["node1"]["keystone"].id
    assert set(after["node1"]) == set(before["node1"])
    mended.token()


def test_an_image_that_is_not_there(mended: Cloud) -> None:
    before = mended.all_containers()
    image = mended.openstack("undercloud", "registry", "show", "-f", "value", "-c", "registry").stdout.strip()
    wrong = mended.parameters("image", ContainerMemcachedImage=f"{image}/undercloud/memcached:nosuchtag")

    said = mended.deploy(*wrong, "--force", "NODE-119", check=False)

    assert said.status == 1
    assert f"{CONTROLLER}: stage step-" in said.stdout
    assert "memcached:nosuchtag" in said.stdout
    assert replaced(before, mended.all_containers()) == set()
    mended.token()


def test_a_wrong_host_key(mended: Cloud) -> None:
    mended.lab("new-hostkey", "node2")

    said = mended.deploy(check=False)

    assert said.status == 1
    assert f"{BACKEND}: stage preflight" in said.stdout
    assert "DEP-011" in said.stdout
    assert CONTROLLER not in said.stdout.partition(f"{BACKEND}: stage preflight")[2].partition("\n\n")[0]
    mended.token()


def test_a_node_that_does_not_answer(mended: Cloud) -> None:
    mended.lab("cut", "node1")

    said = mended.deploy(check=False)

    assert said.status == 1
    assert f"{CONTROLLER}: stage preflight" in said.stdout
    assert "DEP-010" in said.stdout
    assert said.seconds < 60


def test_a_full_disk_is_seen_before_anything_is_written(mended: Cloud) -> None:
    nodes = mended.on_nodes()
    mended.lab("fill-disk", "node1")

    said = mended.deploy(*mended.parameters("longer", TokenExpiration=7200), check=False)

    assert said.status == 1
    assert f"{CONTROLLER}: stage node-checks" in said.stdout
    assert "NODE-105" in said.stdout
    mended.lab("mend", "node1")
    assert mended.on_nodes() == nodes
    mended.token()


def test_a_disk_that_is_full_while_files_are_written(mended: Cloud) -> None:
    """Nothing half-written is left, and what ran runs on."""
    before = mended.all_containers()
    mended.lab("fill-disk", "node1")
    forced = mended.deploy(
        *mended.parameters("longer", TokenExpiration=7200), "--force", "NODE-105", check=False
    )

    assert forced.status == 1
    assert f"{CONTROLLER}: stage step-" in forced.stdout
    assert "No space left on device" in forced.stdout
    assert replaced(before, mended.all_containers()) == set()
    conf = "/var/lib/config-data/keystone/etc/keystone"
    said = mended.lab.inside("node1", f"grep -h ^expiration {conf}/keystone.conf; ls -A {conf}").stdout
    assert "expiration = 3600" in said
    assert "keystone.conf." not in said
    mended.token()

    mended.lab("mend", "node1")
    mended.deploy(*mended.parameters("longer", TokenExpiration=7200))
    assert replaced(before, mended.all_containers()) == {("node1", "keystone")}


def test_a_service_that_goes_and_comes_back(mended: Cloud) -> None:
    config = "/var/lib/config-data/memcached"
    before = mended.all_containers()
    assert "memcached" in before["node1"]

    mended.deploy(*mended.stock("no-cache"))

    without = mended.all_containers()
    assert replaced(before, without) == {("node1", "memcached"), ("node1", "keystone")}
    assert "memcached" not in without["node1"]
    assert mended.lab.inside("node1", f"test ! -e {config}; ss -ltnH sport = :11211").stdout == ""
    manifest = json.loads(mended.lab.inside("node1", "cat /var/lib/undercloud/manifest.json").stdout)
    assert "memcached" not in manifest["containers"]
    assert not any(path.startswith(config) for path in manifest["files"])
    mended.token()

    mended.deploy()

    again = mended.all_containers()
    assert again["node1"]["memcached"].state == "running"
    mended.token()


def test_it_says_nothing_secret_when_it_says_much(mended: Cloud) -> None:
    longer = mended.parameters("longer", TokenExpiration=7201)
    mended.openstack("-vvv", *mended.deploy_words(*longer))
    mended.openstack("-vvv", *mended.deploy_words("--dry-run"))
    values = leaks.generated(mended)
    assert leaks.found_in_files(mended, values) == []
    assert leaks.found_on_nodes(mended, values) == []
