"""The playbook of snapshots with real Ansible; LVM's programs are scripts that write down their words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.functional.collection import real_ansible
from tests.functional.collection.conftest import CHECKOUT

pytestmark = pytest.mark.functional

PLAYBOOK = CHECKOUT / "ansible/ansible_collections/undercloud/deploy/playbooks/snapshot.yaml"
LVS = """#!/bin/sh
case "$*" in
  *" /dev/vg/root") echo "  vg/root" ;;
  *" /dev/vg/var") echo "  vg/var" ;;
  */dev/*) exit 5 ;;
  *vg_free*) echo "  vg $FREE 4194304 10737418240" ;;
  *lv_tags={undercloud}*) cat "$SNAPSHOTS" ;;
  *lv_tags=*) ;;
  *) exit 5 ;;
esac
"""
FINDMNT = """#!/bin/sh
case "$*" in
  *" /") echo /dev/vg/root ;;
  *) printf '/dev/vg/root\\n/dev/vg/var\\n/dev/sda1\\ntmpfs\\n' ;;
esac
"""
TAGS = "--addtag undercloud --addtag undercloud_by_hand"
RECORD = '#!/bin/sh\necho "$(basename "$0") $*" >> "$RECORD"\n'


class Node:
    """This machine, as a node with logical volumes."""

    def __init__(self, directory: Path) -> None:
        self.record, self.snapshots = directory / "record", directory / "snapshots"
        self.snapshots.touch()
        self.programs = directory / "bin"
        self.programs.mkdir()
        for name, text in {"lvs": LVS, "findmnt": FINDMNT}.items():
            self.program(name, text)
        for name in ("lvcreate", "lvremove", "lvconvert"):
            self.program(name, RECORD)
        node = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {"overcloud": {"hosts": {"node-0": {**node, "ansible_become": False}}}}
        self.inventory = directory / "inventory.yaml"
        self.inventory.write_text(yaml.safe_dump(hosts))

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def play(self, action: str, free: int = 1 << 40) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        told = {"RECORD": str(self.record), "SNAPSHOTS": str(self.snapshots), "FREE": str(free)}
        words = ["-i", str(self.inventory), str(PLAYBOOK), "-e", f"undercloud_snapshot={action}"]
        return real_ansible.play(*words, environment={"PATH": path, "ANSIBLE_NOCOLOR": "1", **told})

    def done(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_each_volume_that_is_mounted_has_a_snapshot(node: Node) -> None:
    made = node.play("create")
    assert made.returncode == 0, made.stdout + made.stderr
    assert node.done() == [
        f"lvcreate --snapshot --extents 20%ORIGIN {TAGS} --name root_undercloud vg/root",
        f"lvcreate --snapshot --extents 20%ORIGIN {TAGS} --name var_undercloud vg/var",
    ]


def test_without_room_for_all_of_them_there_is_none(node: Node) -> None:
    refused = node.play("create", free=3 << 30)
    assert (refused.returncode, node.done()) == (2, [])
    assert "the volume group vg has 3072 MiB free, the snapshots need 4104 MiB" in refused.stdout


def test_there_is_one_at_a_time_and_it_goes_or_comes_back(node: Node) -> None:
    assert "no snapshot to go back to" in node.play("revert").stdout
    node.snapshots.write_text("  vg/root_undercloud\n")
    assert "a snapshot already (vg/root_undercloud)" in node.play("create").stdout
    assert node.done() == []
    assert node.play("remove").returncode == 0
    assert node.play("revert").returncode == 0
    assert node.done() == ["lvremove --yes vg/root_undercloud", "lvconvert --yes --merge vg/root_undercloud"]


def test_without_logical_volumes_nothing_is_done(node: Node) -> None:
    node.program("lvs", "#!/bin/sh\nexit 5\n")
    refused = node.play("create")
    assert (refused.returncode, node.done()) == (2, [])
    assert "the root of this node is on no logical volume" in refused.stdout
