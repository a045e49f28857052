"""Which nodes have the data of a service: as it was compiled, and how far that is sure.

A node that was compiled is one that shall have it. It is sure only of those that every compilation has had
since the last deployment that succeeded on all nodes: one that came later may not have been reached, and one
that came back may have been cleaned, or made anew, in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import deployments, states
from undercloud.db.models import Compilation
from undercloud.db.vault import Vault
from undercloud.deploy.engine import Operation
from undercloud.deploy.history import good

GONE = "gone"
"""Where a compilation's facts have the hosts whose machines were given back since it was made."""


@dataclass(frozen=True)
class Holder:
    """A node with data of a service; the address is empty where it was given back."""

    host: str
    address: str
    directory: str


def holders(session: Session, vault: Vault, compilation: int) -> dict[str, tuple[Holder, ...]]:
    """Service → the nodes that have its data by a compilation's desired states, without those given back."""
    row = session.get(Compilation, compilation)
    if row is None:
        return {}
    addresses = {node["name"]: node["address"] for node in row.facts["nodes"]}
    without = gone(session, compilation)
    found: dict[str, dict[str, Holder]] = {}
    for content in states.compiled_files(session, vault, compilation, "desired_state/").values():
        hosts: Mapping[str, Any] = json.loads(content)["hosts"]
        for host in hosts.keys() - without:
            for step in hosts[host]["steps"].values():
                for directory, entry in (step.get("directories") or {}).items():
                    holder = Holder(host, addresses.get(host, ""), directory)
                    found.setdefault(entry["origin"]["service"], {})[host] = holder
    return {service: tuple(by_host.values()) for service, by_host in found.items()}


def gone(session: Session, compilation: int) -> frozenset[str]:
    """The hosts of a compilation whose machines were given back since then: nothing is there any more."""
    row = session.get(Compilation, compilation) if compilation else None
    return frozenset(row.facts.get(GONE) or ()) if row is not None else frozenset()


def sure(session: Session, vault: Vault, stack: str) -> frozenset[tuple[str, str]]:
    """Service and address of each node that surely has the service's data.

    Nothing is sure where no deployment succeeded on all nodes yet.
    """
    last = next(iter(good(session, stack)), None)
    if last is None:
        return frozenset()
    since = deployments.compiled_since(session, stack, str(Operation.DEPLOY), last.started)
    return frozenset.intersection(
        *(
            frozenset(
                (service, holder.address)
                for service, listed in holders(session, vault, number).items()
                for holder in listed
            )
            for number in since
        )
    )
