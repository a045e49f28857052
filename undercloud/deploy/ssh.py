"""OpenSSH as the engine calls it: reading host keys, and one look at a node before Ansible comes."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from undercloud.deploy.compiling import Node
from undercloud.deploy.engine import SshAccess
from undercloud.deploy.workspace import Workspace

SSH_PORT = 22
_GRACE = 20  # seconds that a node may take for the look, beyond the time to connect

# What a node must have, told in lines of KEY VALUE that any POSIX shell prints.
LOOK = """
echo "python $(command -v python3)"
echo "disk $(df -Pm /var/lib | awk 'NR==2 {print $4}')"
echo "uid $(id -u)"
echo "sudo $(sudo -n true 2>/dev/null && echo yes || echo no)"
"""


@dataclass(frozen=True)
class Answer:
    """What an SSH command gave; ``output`` and ``error`` are text, ``code`` 255 means SSH itself failed."""

    code: int
    output: str
    error: str


class Ssh(Protocol):
    """The border to the nodes before Ansible runs."""

    def scan(self, node: Node, timeout: int) -> dict[str, str]:
        """Key type → key (base64) that the node shows; empty when it does not answer."""
        ...

    def run(self, node: Node, access: SshAccess, workspace: Workspace, script: str) -> Answer:
        """Run a shell script on a node."""
        ...


class OpenSsh:
    """The system's ssh and ssh-keyscan."""

    def scan(self, node: Node, timeout: int) -> dict[str, str]:
        """Ask for all of the node's keys."""
        command = ["ssh-keyscan", "-T", str(timeout), "-p", str(node.port), node.address]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=timeout + _GRACE,
                check=False,
                env=_environment(),
            )
        except subprocess.TimeoutExpired:
            return {}
        keys = {}
        for line in done.stdout.splitlines():
            words = line.split()
            if len(words) >= 3 and not line.startswith("#"):
                keys[words[1]] = words[2]
        return keys

    def run(self, node: Node, access: SshAccess, workspace: Workspace, script: str) -> Answer:
        """Run it with the very options that Ansible will use."""
        command = ["ssh", *options(access, workspace, 0), "-o", "ControlMaster=no", "-T"]
        command += ["-p", str(node.port), *(["-l", node.user] if node.user else [])]
        command += [node.address, "sh", "-s"]
        try:
            done = subprocess.run(
                command,
                input=script,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=access.connect_timeout + _GRACE,
                check=False,
                env=_environment(),
            )
        except subprocess.TimeoutExpired:
            return Answer(255, "", "Connection timed out: it let us in but did not answer")
        return Answer(done.returncode, done.stdout, done.stderr)


def options(access: SshAccess, workspace: Workspace, persist: int) -> list[str]:
    """SSH's options: nothing is asked, and only a key that is known is accepted.

    With ``persist`` seconds, connections are shared and stay open that long when unused.
    """
    known = Path(access.known_hosts) if access.known_hosts else workspace.known_hosts
    chosen = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f'"{known}"',
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ConnectTimeout": str(access.connect_timeout),
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "6",
        "LogLevel": "ERROR",
    }
    if access.private_key:
        chosen |= {"IdentityFile": f'"{access.private_key}"', "IdentitiesOnly": "yes"}
    if persist:
        chosen |= {"ControlMaster": "auto", "ControlPersist": f"{persist}s"}
    return [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]


def known_hosts_line(node: Node, kind: str, key: str) -> str:
    """A line of a known_hosts file (see sshd(8))."""
    name = node.address if node.port == SSH_PORT else f"[{node.address}]:{node.port}"
    return f"{name} {kind} {key}\n"


def _environment() -> dict[str, str]:
    """English messages, and none of the operator's variables but what SSH's agent needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK") if name in os.environ}
    return {**kept, "LC_ALL": "C"}
