"""Keys: host keys known beforehand, an ssh command that checks them."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools.lab import keys
from tools.lab.model import NETWORKS, Lab, Node


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def node(lab: Lab) -> Node:
    node = Node.numbered(1, NETWORKS)
    keys.ensure_key(keys.host_key(lab, node), node.name)
    keys.ensure_key(lab.private_key, "lab")
    return node


def test_a_key_is_made_once(lab: Lab, node: Node) -> None:
    before = keys.host_key(lab, node).read_bytes()
    keys.ensure_key(keys.host_key(lab, node), node.name)
    assert keys.host_key(lab, node).read_bytes() == before
    assert keys.host_key(lab, node).stat().st_mode & 0o077 == 0


def test_ssh_finds_every_name_of_a_node_in_known_hosts(lab: Lab, node: Node) -> None:
    keys.write_known_hosts(lab, [node])
    public = keys.public(keys.host_key(lab, node)).read_text().split()[1]
    for name in ("node1", "192.168.24.11", "172.17.0.11"):
        found = subprocess.run(
            ["ssh-keygen", "-F", name, "-f", str(lab.known_hosts)], capture_output=True, text=True, check=True
        )
        assert public in found.stdout


def test_a_renewed_host_key_is_another_one_and_not_yet_known(lab: Lab, node: Node) -> None:
    keys.write_known_hosts(lab, [node])
    keys.renew_host_key(lab, node)
    assert keys.public(keys.host_key(lab, node)).read_text().split()[1] not in lab.known_hosts.read_text()


def test_a_nodes_files_as_a_tar(lab: Lab, node: Node) -> None:
    with tarfile.open(fileobj=io.BytesIO(keys.pack(keys.personal_files(lab, node)))) as tar:
        entries = {entry.name: entry for entry in tar}
        hosts = tar.extractfile("etc/hosts")
        assert hosts
        assert "127.0.1.1 node1" in hosts.read().decode()
    assert entries["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}


def test_machine_ids_differ_and_stay(lab: Lab) -> None:
    ids = [keys.machine_id(lab, Node.numbered(number, NETWORKS)) for number in (1, 2)]
    assert len(set(ids)) == 2
    assert all(len(bytes.fromhex(one)) == 16 for one in ids)
    assert keys.machine_id(lab, Node.numbered(1, NETWORKS)) == ids[0]


def test_ssh_trusts_only_what_the_lab_knows(lab: Lab) -> None:
    command = keys.ssh_command(lab, "192.168.24.11", ["true"])
    assert "-oStrictHostKeyChecking=yes" in command
    assert f"-oUserKnownHostsFile={lab.known_hosts}" in command
    assert "-oGlobalKnownHostsFile=/dev/null" in command
    assert command[-2:] == ["tripleo-admin@192.168.24.11", "true"]
    assert "root@192.168.24.11" in keys.ssh_command(lab, "192.168.24.11", [], user="root")
