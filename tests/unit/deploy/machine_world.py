"""For worlds whose plan wants machines: nodes to want, and SSH as freshly installed ones answer it."""

from __future__ import annotations

import time
from typing import Any

from tests.unit.deploy.world import FakeSsh, World
from undercloud.baremetal.network_data import Attachment
from undercloud.db import host_keys
from undercloud.deploy.compiling import Node, Wanted
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.ssh import Cancelled


class _Quick:
    """The module time, but for long naps."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        """A nap."""
        time.sleep(min(seconds, 0.002))


QUICK = _Quick()


def wanted(number: int, **more: Any) -> Wanted:
    """A compute node that a machine is to become."""
    return Wanted(
        host=f"compute-{number}",
        role="Compute",
        domain="localdomain",
        user="tripleo-admin",
        address=f"192.0.2.{20 + number}",
        attachments=(Attachment("ctlplane", f"192.0.2.{20 + number}", "192.0.2.0/24", "192.0.2.1"),),
        image={"href": "http://192.0.2.1/image.raw", "checksum": "0" * 64},
        **more,
    )


def want(world: World, *nodes: Wanted) -> None:
    """Let the plan have these nodes, and no others."""
    world.compiler.machines = nodes
    world.compiler.nodes = tuple(Node(one.host, one.address, one.role, one.user) for one in nodes)


class Answering(FakeSsh):
    """Every node shows the key that is pinned for it, unless it is mute or ``strange``."""

    def __init__(self) -> None:
        super().__init__()
        self.engine: LocalEngine | None = None
        self.mute: set[str] = set()
        self.strange: set[str] = set()

    def scan(self, node: Node, timeout: int, cancelled: Cancelled) -> dict[str, str]:
        """The pinned key, as if cloud-init had taken it from the config drive; of others their own."""
        if node.name in self.mute:
            return {}
        if node.name in self.strange:
            return {"ssh-ed25519": "another"}
        assert self.engine is not None
        with self.engine._database.read() as session:
            return host_keys.known(session, node.address, node.port) or self.keys.get(node.name, {})
