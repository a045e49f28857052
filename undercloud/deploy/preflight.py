"""Looking at the nodes before anything is written: who they are, whether they let us in, what they lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from undercloud import durable
from undercloud.db import host_keys
from undercloud.db.database import Database
from undercloud.deploy import failures
from undercloud.deploy.compiling import Node
from undercloud.deploy.engine import Failure
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.ssh import LOOK, Answer, Cancelled, Ssh, known_hosts_line
from undercloud.deploy.workspace import Workspace
from undercloud.diagnostics import Finding

STAGE = "preflight"
_WORKERS = 32
T = TypeVar("T")


@dataclass(frozen=True)
class Preflight:
    """Looks at the nodes of one deployment before Ansible does.

    Where ``cancelled`` says so it ends at once, and what it found means nothing.
    """

    database: Database
    ssh: Ssh
    access: SshAccess
    workspace: Workspace
    deployment: str
    cancelled: Cancelled

    def trust(self, nodes: Sequence[Node], *, pin: bool) -> list[Failure]:
        """Write the run's known_hosts: pinned keys, and those of nodes met for the first time.

        With ``pin`` the new ones are kept in the database. Nodes that show no key are failures.
        """
        if self.access.known_hosts:
            return []
        with self.database.read() as session:
            known = {node: host_keys.known(session, node.address, node.port) for node in nodes}
        strangers = [node for node in nodes if not known[node]]
        scanned = dict(zip(strangers, self._parallel(self._scan, strangers), strict=True))
        if pin:
            with self.database.write() as session:
                for node, keys in scanned.items():
                    # Two stacks may meet a node at the same time; the first one's word stands.
                    if keys and not host_keys.known(session, node.address, node.port):
                        host_keys.pin(session, node.address, node.port, keys.items())
        lines = [
            known_hosts_line(node, kind, key)
            for node, keys in (known | scanned).items()
            for kind, key in sorted(keys.items())
        ]
        durable.write(self.workspace.known_hosts, "".join(dict.fromkeys(lines)).encode())
        silent = [node for node, keys in scanned.items() if not keys]
        return self._parallel(self._silence, silent)

    def look(self, nodes: Sequence[Node]) -> list[Failure]:
        """Log in to every node once and see that it has what we need."""
        found = self._parallel(self._look, nodes)
        return [failure for of_node in found for failure in of_node]

    def _parallel(self, what: Callable[[Node], T], nodes: Sequence[Node]) -> list[T]:
        if not nodes:
            return []
        with ThreadPoolExecutor(min(_WORKERS, len(nodes)), thread_name_prefix=STAGE) as pool:
            return list(pool.map(what, nodes))

    def _scan(self, node: Node) -> dict[str, str]:
        return self.ssh.scan(node, self.access.connect_timeout, self.cancelled)

    def _silence(self, node: Node) -> Failure:
        """Why a node shows no host key, in SSH's words."""
        answer = self.ssh.run(node, self.access, self.workspace, "true", self.cancelled)
        said = failures.shorten(answer.error) or f"{node.address} port {node.port} shows no host key"
        return self._failure(node, failures.explain(node.name, said, address=node.address, unreachable=True))

    def _look(self, node: Node) -> list[Failure]:
        answer = self.ssh.run(node, self.access, self.workspace, LOOK, self.cancelled)
        if answer.code:
            said = answer.error or answer.output or f"ssh ended with {answer.code}"
            return [
                self._failure(node, failures.explain(node.name, said, address=node.address, unreachable=True))
            ]
        return [self._failure(node, finding) for finding in self._lacks(node, answer)]

    def _lacks(self, node: Node, answer: Answer) -> list[Finding]:
        told = dict(line.partition(" ")[::2] for line in answer.output.splitlines())
        found = []
        if not told.get("python"):
            found.append(failures.explain(node.name, "no python interpreter"))
        if told.get("uid") != "0" and told.get("sudo") != "yes":
            found.append(failures.explain(node.name, "a password is required"))
        return found

    def _failure(self, node: Node, finding: Finding) -> Failure:
        return Failure(self.deployment, STAGE, -1, node.name, "", "", finding)
