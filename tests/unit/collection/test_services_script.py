"""services.sh, which stops and starts a stack's containers for a restore; podman keeps a record."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = (
    Path(__file__).parents[3] / "ansible/ansible_collections/undercloud/deploy/playbooks/files/services.sh"
)
PODMAN = """#!/bin/bash
case "$1" in
ps) [ ! -e broken ] || exit 125; echo haproxy keystone keystone_bootstrap glance nova ;;
container)
  for name; do :; done
  case $name in
    keystone_bootstrap) echo no keystone ;;
    *) echo always "$name" ;;
  esac ;;
*) echo "$1 $2" >> done; [ "$2" != glance ] ;;
esac
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A directory with a podman in it."""
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    return tmp_path


def services(node: Path, action: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), action, "overcloud", "chrony", "haproxy"],
        cwd=node,
        env={"PATH": f"{node}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_that_does_not_start_keeps_no_other(node: Path) -> None:
    said = services(node, "start")
    assert (node / "done").read_text().splitlines() == ["start keystone", "start glance", "start nova"]
    assert (said.returncode, said.stderr) == (1, "podman could not start: glance\n")


def test_a_podman_that_does_not_answer_is_no_node_without_containers(node: Path) -> None:
    (node / "broken").touch()
    assert services(node, "stop").returncode != 0
    assert not (node / "done").exists()
