"""The playbooks of a deployment file, by real Ansible over SSH on nodes that are there already."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.cloud.cloud import CONTROLLER, NETWORKS, Cloud
from tests.functional.cloud.terminal import Said
from tests.functional.tool import CHECKOUT

pytestmark = pytest.mark.functional

PASSWORD = "a-pin-that-nobody-may-see"
ARGUMENTS = "cli-overcloud-node-kernelargs.yaml"
GRUB = "menuentry 'a node' {\\n  linux /boot/vmlinuz ro\\n}\\n"
PLAYBOOK = """\
- hosts: overcloud
  become: true
  roles: [marked]
"""
TASKS = """\
- name: Leave a mark
  ansible.builtin.template: {src: mark.j2, dest: /root/mark, mode: "0600"}
- name: Say it aloud
  ansible.builtin.debug: {msg: "{{ door_password }}"}
- name: See whether it may be
  ansible.builtin.fail: {msg: "it may not be: {{ door_password }}"}
  when: refused
"""


@pytest.fixture
def operator(cloud: Cloud, tmp_path: Path) -> Cloud:
    """Another operator with the same nodes: nothing of the cloud knows of what he does."""
    made = Cloud(tmp_path, cloud.lab)
    made.home.mkdir()
    made.prepare()
    made.write("play/mark.yaml", PLAYBOOK)
    made.write("play/roles/marked/tasks/main.yml", TASKS)
    made.write("play/roles/marked/templates/mark.j2", "{{ ansible_facts.hostname }} {{ door_password }}\n")
    return made


def provision(operator: Cloud, *, refused: bool = False) -> Said:
    """Provision nodes with a playbook of his own and one of ours for the controller."""
    mark = {"playbook": "play/mark.yaml", "extra_vars": {"door_password": PASSWORD, "refused": refused}}
    # There is nothing to reboot for, also not the first time: the kernel has this word.
    had = operator.lab.inside("node1", "cat /proc/cmdline").stdout.split()[0]
    arguments = {"playbook": ARGUMENTS, "extra_vars": {"kernel_args": had, "reboot_wait_timeout": 60}}
    nodes: list[dict[str, Any]] = yaml.safe_load(
        (operator.lab.directory / "baremetal_deployment.yaml").read_text()
    )
    for role in nodes:
        if CONTROLLER in {one["hostname"] for one in role["instances"]}:
            role["ansible_playbooks"] = [arguments, mark]
    file = str(operator.write("nodes.yaml", nodes))
    words = ["--templates", str(CHECKOUT / "heat-templates"), "-n", NETWORKS]
    words += ["-r", str(operator.home / "roles_data.yaml"), "-e", str(operator.home / "cloud.yaml")]
    words += ["--overcloud-ssh-user", "tripleo-admin"]
    words += ["--overcloud-ssh-key", str(operator.lab.directory / "ssh" / "id_ed25519")]
    return operator.openstack("overcloud", "node", "provision", *words, file, check=False)


def boot_of(operator: Cloud, node: str) -> str:
    """When the first process of a node began, in ticks: another one's after a reboot."""
    return operator.lab.inside(node, "cat /proc/1/stat").stdout.rpartition(")")[2].split()[19]


def test_they_run_on_the_nodes_of_their_role(operator: Cloud) -> None:
    operator.lab.inside("node1", f'mkdir -p /boot/grub; printf "{GRUB}" > /boot/grub/grub.cfg')
    booted = boot_of(operator, "node1")
    said = provision(operator)
    assert said.status == 0, said.text
    assert boot_of(operator, "node1") == booted, "it was rebooted"
    assert f"mark.yaml on {CONTROLLER}" in said.text
    assert operator.lab.inside("node1", "cat /root/mark").stdout.split()[1] == PASSWORD
    assert operator.lab.inside("node2", "ls /root/mark", check=False).returncode != 0
    config = operator.lab.inside("node1", "cat /boot/grub/grub.cfg").stdout
    assert config.startswith("set kernel_args='")
    assert "linux /boot/vmlinuz ro $kernel_args\n" in config

    failed = provision(operator, refused=True)
    assert failed.status == 1
    assert "See whether it may be" in failed.text
    assert CONTROLLER in failed.text
    assert operator.lab.inside("node1", "cat /boot/grub/grub.cfg").stdout == config, "again is harmless"
    assert boot_of(operator, "node1") == booted, "it was rebooted"
    seen = [operator.log, *(operator.state / "stacks").rglob("*"), *operator.state.glob("*.db*")]
    told = [file for file in seen if file.is_file() and PASSWORD.encode() in file.read_bytes()]
    assert told == [], "neither files of ours nor what was said"
