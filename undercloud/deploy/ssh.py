"""OpenSSH as the engine calls it: reading host keys, and one look at a node before Ansible comes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from undercloud.deploy.compiling import Node
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.workspace import Workspace

SSH_PORT = 22
_POLL = 0.2  # seconds between two looks at a request to cancel
_GRACE = 20  # seconds that a node may take for the look, beyond the time to connect

# What a node must have, told in lines of KEY VALUE that any POSIX shell prints.
LOOK = """
echo "python $(command -v python3)"
echo "uid $(id -u)"
echo "sudo $(sudo -n true 2>/dev/null && echo yes || echo no)"
"""


@dataclass(frozen=True)
class Answer:
    """What an SSH command gave; ``output`` and ``error`` are text, ``code`` 255 means SSH itself failed."""

    code: int
    output: str
    error: str


Cancelled = Callable[[], bool]


class Ssh(Protocol):
    """The border to the nodes before Ansible runs."""

    def scan(self, node: Node, timeout: int, cancelled: Cancelled) -> dict[str, str]:
        """Key type → key (base64) that the node shows; empty when it does not answer."""
        ...

    def run(
        self, node: Node, access: SshAccess, workspace: Workspace, script: str, cancelled: Cancelled
    ) -> Answer:
        """Run a shell script on a node; ``cancelled`` is asked often, and ends it."""
        ...


class OpenSsh:
    """The system's ssh and ssh-keyscan."""

    def scan(self, node: Node, timeout: int, cancelled: Cancelled) -> dict[str, str]:
        """Ask for all of the node's keys."""
        command = ["ssh-keyscan", "-T", str(timeout), "-p", str(node.port), node.address]
        answer = _call(command, "", timeout + _GRACE, cancelled)
        keys = {}
        for line in answer.output.splitlines():
            words = line.split()
            if len(words) >= 3 and not line.startswith("#"):
                keys[words[1]] = words[2]
        return keys

    def run(
        self, node: Node, access: SshAccess, workspace: Workspace, script: str, cancelled: Cancelled
    ) -> Answer:
        """Run it with the very options that Ansible will use."""
        command = ["ssh", *options(access, workspace, 0), "-o", "ControlMaster=no", "-T"]
        command += ["-p", str(node.port), *(["-l", node.user] if node.user else [])]
        command += [node.address, "sh", "-s"]
        return _call(command, script, access.connect_timeout + _GRACE, cancelled)


def _call(command: Sequence[str], given: str, seconds: float, cancelled: Cancelled) -> Answer:
    """Run a program until it ends, has had its time, or nobody wants its answer any more."""
    deadline = time.monotonic() + seconds
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace", env=_environment()
    ) as process:
        waiting: str | None = given
        while not cancelled() and time.monotonic() < deadline:
            try:
                output, error = process.communicate(waiting, timeout=_POLL)
            except subprocess.TimeoutExpired:
                waiting = None  # it is on its way
            else:
                return Answer(process.returncode, output, error)
        process.kill()
        process.communicate()
    return Answer(255, "", "Connection timed out: it let us in but did not answer")


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
    file = ["-F", str(workspace.ssh_config)] if workspace.ssh_config.exists() else []
    return [*file, *(word for name, value in chosen.items() for word in ("-o", f"{name}={value}"))]


def known_hosts_line(node: Node, kind: str, key: str) -> str:
    """A line of a known_hosts file (see sshd(8))."""
    name = node.address if node.port == SSH_PORT else f"[{node.address}]:{node.port}"
    return f"{name} {kind} {key}\n"


def _environment() -> dict[str, str]:
    """English messages, and none of the operator's variables but what SSH's agent needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK") if name in os.environ}
    return {**kept, "LC_ALL": "C"}
