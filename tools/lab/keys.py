"""SSH keys: the lab's own, each node's host key made before the node, and the known_hosts file."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.lab.commands import run
from tools.lab.model import SSH_USER, Lab, Node

HOST_KEY = "ssh_host_ed25519_key"


def ensure_key(path: Path, comment: str) -> None:
    """Make an ed25519 key pair without passphrase unless it is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def host_key(lab: Lab, node: Node) -> Path:
    """Where the host keeps the node's private host key."""
    return lab.node_directory(node) / HOST_KEY


def renew_host_key(lab: Lab, node: Node) -> None:
    """Make another host key for the node; the node and known_hosts do not know it yet."""
    key = host_key(lab, node)
    for path in (key, public(key)):
        path.unlink(missing_ok=True)
    ensure_key(key, node.name)


def public(key: Path) -> Path:
    """The public half's file."""
    return key.with_name(key.name + ".pub")


def known_hosts_line(node: Node, public_key: str) -> str:
    """One line of known_hosts (sshd(8)): names and addresses, key type, key."""
    kind, key = public_key.split()[:2]
    return f"{','.join([node.name, *node.addresses.values()])} {kind} {key}\n"


def write_known_hosts(lab: Lab, nodes: Iterable[Node]) -> None:
    """Write known_hosts from the host keys the lab made."""
    text = "".join(known_hosts_line(node, public(host_key(lab, node)).read_text()) for node in nodes)
    temporary = lab.known_hosts.with_suffix(".new")
    temporary.write_text(text)
    temporary.rename(lab.known_hosts)


def host_key_files(lab: Lab, node: Node) -> dict[str, tuple[bytes, int]]:
    """The node's host key as files of the node: path → content, mode."""
    key = host_key(lab, node)
    return {
        f"etc/ssh/{HOST_KEY}": (key.read_bytes(), 0o600),
        f"etc/ssh/{HOST_KEY}.pub": (public(key).read_bytes(), 0o644),
    }


def personal_files(lab: Lab, node: Node) -> dict[str, tuple[bytes, int]]:
    """What a new node has of its own: host key, the lab's key as the one it lets in, its names."""
    return {
        **host_key_files(lab, node),
        "etc/machine-id": (f"{machine_id(lab, node)}\n".encode(), 0o444),
        "etc/hostname": (f"{node.name}\n".encode(), 0o644),
        "etc/hosts": (hosts(node).encode(), 0o644),
        "etc/ssh/lab_authorized_keys": (public(lab.private_key).read_bytes(), 0o644),
    }


def machine_id(lab: Lab, node: Node) -> str:
    """The node's machine-id(5); one that is missing would make systemd take its presets anew."""
    return hashlib.md5(f"{lab.directory}/{node.name}".encode(), usedforsecurity=False).hexdigest()


def hosts(node: Node) -> str:
    """The node's /etc/hosts, as Debian's installer leaves it; a deployment writes the rest."""
    return f"127.0.0.1 localhost\n127.0.1.1 {node.name}\n::1 localhost ip6-localhost ip6-loopback\n"


def pack(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """A tar file of root's files: path → content, mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def ssh_command(lab: Lab, address: str, command: Iterable[str], *, user: str = SSH_USER) -> list[str]:
    """The ssh command to a node: the lab's key, and only host keys the lab made."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "5",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(lab.known_hosts),
    }
    flags = [f"-o{name}={value}" for name, value in options.items()]
    return ["ssh", "-F", "none", "-i", str(lab.private_key), *flags, f"{user}@{address}", *command]
