"""`overcloud backup`, `backup snapshot` and `restore`, through the real shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World
from undercloud.deploy.requests import BackupRequest


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("backup",), BackupRequest("overcloud", "backup")),
        (("backup", "--directory", "/mnt/b", "edge"), BackupRequest("edge", "backup", "/mnt/b")),
        (("backup", "snapshot", "--timeout", "5"), BackupRequest("overcloud", "snapshot", timeout=300)),
        (("backup", "snapshot", "--remove"), BackupRequest("overcloud", "remove-snapshot")),
        (("backup", "snapshot", "--revert"), BackupRequest("overcloud", "revert-snapshot")),
        (("restore", "-y", "--directory", "/mnt/b"), BackupRequest("overcloud", "restore", "/mnt/b")),
    ],
)
def test_what_is_asked_for(
    openstack: Openstack, world: World, words: tuple[str, ...], wanted: BackupRequest
) -> None:
    done = openstack("overcloud", *words)
    assert done.status == 0, done.err
    assert world.asked == [wanted]


def test_a_directory_counts_from_here(
    openstack: Openstack, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert openstack("overcloud", "backup", "--directory", "mine").status == 0
    assert world.asked == [BackupRequest("overcloud", "backup", str(tmp_path / "mine"))]


def test_nothing_is_put_back_unasked(openstack: Openstack, world: World) -> None:
    assert openstack("overcloud", "restore").status == 2
    assert openstack("overcloud", "restore", answer="n\n").status == 2
    assert world.asked == []
    assert openstack("overcloud", "restore", answer="y\n").status == 0


def test_what_rear_did_is_refused_all_at_once(openstack: Openstack, world: World) -> None:
    done = openstack("overcloud", "backup", "--init", "rear", "--setup-nfs", "--inventory", "hosts.yaml")
    assert done.status == 2
    assert done.err.count("CLI-006") == 2
    assert world.asked == []
    noted = openstack("overcloud", "backup", "--inventory", "hosts.yaml")
    assert (noted.status, "--inventory changes nothing" in noted.err) == (0, True)
