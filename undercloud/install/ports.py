"""Whether an address and a port are free for a process of ours."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from undercloud.diagnostics import Finding


def unusable(address: str, port: int, title: str, kind: int = socket.SOCK_STREAM) -> Iterator[Finding]:
    """INST-003 where nothing can listen there for ``title``; ``kind`` is SOCK_DGRAM for UDP.

    That the address is not this machine's is told once, for all parts (INST-002).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return
            busy = error.errno == errno.EADDRINUSE
            why = "another program listens there" if busy else (error.strerror or str(error))
            yield Finding(
                "INST-003",
                f"{title} cannot listen on {address} port {port}: {why}",
                f"End it; `ss -lptu 'sport = :{port}'` names it." if busy else "Run this as root.",
            )
