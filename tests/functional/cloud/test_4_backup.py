"""A backup of the running cloud, what is lost afterwards, and how it comes back."""

import pytest

from tests.functional.cloud.cloud import BACKEND, CONTROLLER, Cloud

pytestmark = pytest.mark.functional

CLOUD = ("--os-cloud", "overcloud")
CONFIGURATION = "/var/lib/config-data/keystone/etc/keystone/keystone.conf"


def projects(cloud: Cloud) -> set[str]:
    said = cloud.openstack(*CLOUD, "project", "list", "-f", "value", "-c", "Name", timeout=60)
    return set(said.stdout.split())


def test_what_was_lost_comes_back(deployed: Cloud) -> None:
    deployed.deploy()  # as the plan says, whatever a test before this one asked for
    deployed.openstack(*CLOUD, "project", "create", "precious", timeout=60)
    backup = deployed.home / "backup"
    made = deployed.openstack("overcloud", "backup", "--directory", str(backup), "-f", "json")
    assert made.document["deployment"]["status"] == "succeeded"
    assert made.document["deployment"]["directory"] == str(backup)
    kept = {str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file()}
    assert kept == {
        "SHA256SUMS",
        "manifest.json",
        f"{CONTROLLER}/files.tar.gz",
        f"{BACKEND}/files.tar.gz",
        f"{BACKEND}/databases.sql.gz",
        f"{BACKEND}/users.sql.gz",
    }
    assert not [path for path in (backup, *backup.rglob("*")) if path.stat().st_mode & 0o077]
    for node in ("node1", "node2"):
        assert deployed.lab.inside(node, "ls -d /var/tmp/undercloud-* 2>/dev/null || true").stdout == ""

    deployed.openstack(*CLOUD, "project", "delete", "precious", timeout=60)
    deployed.openstack(*CLOUD, "project", "create", "later", timeout=60)
    before = deployed.lab.inside("node1", f"sha256sum {CONFIGURATION}").stdout
    deployed.lab.inside("node1", f"echo broken > {CONFIGURATION}")
    restored = deployed.openstack("overcloud", "restore", "--yes", "--directory", str(backup))
    assert restored.status == 0

    assert deployed.lab.inside("node1", f"sha256sum {CONFIGURATION}").stdout == before
    deployed.openstack("overcloud", "validator", "run")
    deployed.token()
    assert "precious" in projects(deployed)
    assert "later" not in projects(deployed)
    again = deployed.deploy("--dry-run", "-f", "json").document["changes"]
    assert [change for change in again if change["kind"] != "task"] == [], "the nodes are as the plan says"


def test_a_damaged_backup_touches_nothing(deployed: Cloud) -> None:
    backup = deployed.home / "backup"
    file = backup / BACKEND / "databases.sql.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    before = deployed.all_containers()
    refused = deployed.openstack(
        "overcloud", "restore", "--yes", "--directory", str(backup), "-f", "json", check=False
    )
    file.write_bytes(whole)
    assert refused.status == 1
    (failure,) = refused.document["failures"]
    assert (failure["task"], failure["finding"]["code"]) == (
        "See that nothing of it is damaged or missing",
        "DEP-035",
    )
    assert deployed.all_containers() == before
    nowhere = deployed.openstack("overcloud", "restore", "--yes", "--directory", "/nowhere", check=False)
    assert (nowhere.status, "DEP-035" in nowhere.text) == (2, True)


def test_a_node_without_logical_volumes_has_no_snapshots(deployed: Cloud) -> None:
    refused = deployed.openstack("overcloud", "backup", "snapshot", "-f", "json", check=False)
    assert refused.status == 1
    assert {failure["host"] for failure in refused.document["failures"]} == {CONTROLLER, BACKEND}
    assert "no logical volume" in refused.text
