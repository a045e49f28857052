"""The playbook of kernel arguments, with real Ansible on files of the test's: when it reboots."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.collection import real_ansible
from tests.functional.collection.conftest import CHECKOUT

pytestmark = pytest.mark.functional

PLAYBOOK = (
    CHECKOUT / "ansible/ansible_collections/undercloud/deploy/playbooks/cli-overcloud-node-kernelargs.yaml"
)
MODULES = {
    f"ansible.builtin.{name}"
    for name in ("assert", "command", "copy", "lineinfile", "reboot", "replace", "slurp", "stat")
}
GRUB = "menuentry 'a node' {\n  linux /boot/vmlinuz ro\n}\n"
# As Debian's generator does: shell files say what comes behind the kernel's name.
GENERATE = """\
#!/bin/sh -eu
GRUB_CMDLINE_LINUX=console=tty0
. {root}/etc/default/grub.d/zz-undercloud.cfg
echo "set kernel_args='$GRUB_CMDLINE_LINUX'" > {root}/boot/grub/grub.cfg
"""
REBOOT = """\
#!/bin/sh -eu
echo again >> {root}/reboots
sed -n "s/^set kernel_args='\\(.*\\)'$/ro \\1/p" {root}/boot/grub/grub.cfg > {root}/proc/cmdline
"""


class Node:
    """A node below a directory: the playbook's paths lead there, a reboot reads GRUB's configuration."""

    def __init__(self, root: Path, *, generates: bool) -> None:
        self.root = root
        self.write("boot/grub/grub.cfg", GRUB)
        (root / "etc/default/grub.d").mkdir(parents=True)
        self.script("reboot", REBOOT)
        self.script("usr/sbin/update-grub" if generates else "update-grub", GENERATE)
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        self.write("inventory.yaml", yaml.safe_dump({"overcloud": {"hosts": {"node-0": local}}}))
        self.write("playbook.yaml", self._redirected())

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def script(self, path: str, text: str) -> None:
        self.write(path, text.format(root=self.root)).chmod(0o755)

    def apply(self, arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        given = json.dumps({"kernel_args": arguments, **variables})
        return real_ansible.play("-i", "inventory.yaml", "playbook.yaml", "-e", given, cwd=self.root)

    def reboots_for(self, arguments: str, **variables: Any) -> int:
        """How often it was rebooted for these arguments."""
        ran = self.apply(arguments, **variables)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        reboots = self.root / "reboots"
        count = len(reboots.read_text().splitlines()) if reboots.exists() else 0
        reboots.unlink(missing_ok=True)
        return count

    @property
    def runs_with(self) -> list[str]:
        return (self.root / "proc/cmdline").read_text().split()

    def _redirected(self) -> str:
        """The playbook with all its paths below this node's directory: this machine stays as it is."""
        text = re.sub(r"/(?=(boot|etc|proc|usr)/)", f"{self.root}/", PLAYBOOK.read_text())
        (play,) = yaml.safe_load(text)
        del play["become"]
        for task in _tasks(play["tasks"]):
            (module,) = (key for key in task if key.startswith("ansible."))
            assert module in MODULES, "nobody thought of what it does to this machine"
            if module == "ansible.builtin.reboot":
                del task[module]
                task["ansible.builtin.command"] = str(self.root / "reboot")
            elif module == "ansible.builtin.command":
                assert task[module] == "update-grub"
                task[module] = str(self.root / "usr/sbin/update-grub")
        made = json.dumps([play])
        assert all(path.startswith(str(self.root)) for path in re.findall(r"""(?<=["'])/[^"']+""", made))
        return made


def _tasks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All tasks, without the blocks that they stand in."""
    for task in tasks:
        if "block" in task:
            yield from _tasks(task["block"])
        else:
            yield task


@pytest.fixture(params=[True, False], ids=["generated on the node", "of our images"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    made = Node(tmp_path, generates=request.param)
    made.write("proc/cmdline", "ro console=tty0 quiet iommu=pt\n")
    return made


def test_a_kernel_that_has_them_is_left_alone(node: Node) -> None:
    assert node.reboots_for("quiet iommu=pt") == 0, "the first time"
    assert "quiet iommu=pt'" in (node.root / "boot/grub/grub.cfg").read_text(), "the next boot has them"
    assert node.reboots_for("quiet iommu=pt") == 0
    assert node.reboots_for("iommu=pt quiet") == 0


def test_what_is_lacking_or_taken_away_needs_a_reboot(node: Node) -> None:
    assert node.reboots_for("quiet hugepages=4", defer_reboot=True) == 0
    assert "hugepages=4" not in node.runs_with
    assert node.reboots_for("quiet hugepages=4") == 1
    assert {"quiet", "hugepages=4"} <= set(node.runs_with)
    assert node.reboots_for("hugepages=4") == 1
    assert "quiet" not in node.runs_with
    assert node.reboots_for("") == 1
    assert "hugepages=4" not in node.runs_with
    assert node.reboots_for("") == 0


@pytest.mark.parametrize("wrong", ["a`id`", "$(id)", "a'b", 'a"b', "a\\b", "a\nb"])
def test_what_a_shell_would_read_is_refused(tmp_path: Path, wrong: str) -> None:
    node = Node(tmp_path, generates=True)
    node.write("proc/cmdline", "ro\n")
    refused = node.apply(wrong)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "kernel_args may have no quotes" in refused.stdout
    assert list((node.root / "etc/default/grub.d").iterdir()) == []
