"""Nodes that a plan does not have any more, remembered until they are clean.

What was compiled last says where the stack may be; what is compiled next says where it shall be. The nodes in
between are kept with what is compiled, and with the older compilation that knows how they are left. A node
that could not be reached stays there, and the next deployment tries again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import deployments, states
from undercloud.db.models import Compilation
from undercloud.db.vault import Vault
from undercloud.deploy import wire
from undercloud.deploy.compiling import Compiled, Node
from undercloud.deploy.engine import WRITING, Operation, Status
from undercloud.diagnostics import Finding, Severity

KEY = "leaving"
"""Where they stand in a compilation's facts; not at all when there are none."""
_GONE = "gone"


@dataclass(frozen=True)
class Leaving:
    """A node on its way out, and the compilation whose playbooks take the stack off it."""

    node: Node
    compilation: int


def of(session: Session, stack: str, made: Compiled) -> tuple[Leaving, ...]:
    """The nodes that the stack may be on and that what was ``made`` does not have.

    A node is its address: one that only has another name stays.
    """
    row = deployed(session, stack)
    if row is None:
        return ()
    present = {(node.address, node.port) for node in made.nodes}
    past = wire.from_plain(tuple[Node, ...], row.facts["nodes"])
    found = [*_left(row), *(Leaving(node, row.id) for node in past)]
    gone = [one for one in found if (one.node.address, one.node.port) not in present]
    return tuple({one.node.address: one for one in gone}.values())


def kept(session: Session, compilation: int) -> tuple[Leaving, ...]:
    """Those that were kept with a compilation and are not clean yet."""
    row = session.get(Compilation, compilation) if compilation else None
    return _left(row) if row is not None else ()


def gone(session: Session, compilation: int) -> frozenset[str]:
    """The hosts of a compilation whose machines were given back since then: nothing is there any more."""
    row = session.get(Compilation, compilation) if compilation else None
    return frozenset(row.facts.get(_GONE) or ()) if row is not None else frozenset()


def deployed(session: Session, stack: str) -> Compilation | None:
    """What the stack is, or shall be, deployed from; None once it was deleted."""
    last = deployments.last(session, stack, WRITING, compiled=True)
    if last is None or (last.operation, last.status) == (Operation.DELETE, Status.SUCCEEDED):
        return None
    return session.get(Compilation, last.compilation_id)


def _current(session: Session, stack: str) -> Compilation | None:
    """What the stack was deployed from last, be it deleted since then."""
    last = deployments.last(session, stack, WRITING, compiled=True)
    return session.get(Compilation, last.compilation_id) if last is not None else None


def installed(session: Session, stack: str) -> frozenset[str]:
    """The addresses of the nodes that we installed for what the stack is deployed from, and that leave it."""
    row = _current(session, stack)
    if row is None:
        return frozenset()
    older = (session.get(Compilation, number) for number in {one.compilation for one in _left(row)})
    facts = [one.facts for one in (row, *older) if one is not None]
    return frozenset(machine["address"] for each in facts for machine in each.get("machines") or ())


def gave_back(session: Session, stack: str, hosts: Collection[str]) -> None:
    """What the stack was deployed on last does not have these hosts any more, nor are they to be cleaned."""
    row = _current(session, stack)
    if row is None:
        return
    left = [wire.to_plain(one) for one in _left(row) if one.node.name not in hosts]
    nodes = [node for node in row.facts["nodes"] if node["name"] not in hosts]
    was = {node["name"] for node in row.facts["nodes"]} & set(hosts)
    facts = {key: value for key, value in row.facts.items() if key != KEY}
    told = sorted({*facts.get(_GONE, ()), *was})
    row.facts = {**facts, "nodes": nodes, _GONE: told, **({KEY: left} if left else {})}


def cleaned(session: Session, compilation: int, done: Iterable[Leaving]) -> None:
    """Forget nodes that are clean."""
    row = session.get(Compilation, compilation)
    if row is None:
        return
    over = set(done)
    left = [wire.to_plain(one) for one in _left(row) if one not in over]
    facts = {key: value for key, value in row.facts.items() if key != KEY}
    row.facts = {**facts, KEY: left} if left else facts


def judge(session: Session, vault: Vault, leaving: Sequence[Leaving]) -> list[Finding]:
    """What to say of the nodes that leave: DEP-024, and DEP-029 where the last copy of some data goes."""
    findings = [
        Finding(
            "DEP-024",
            f"{one.node.name} ({one.node.address}) is not in the plan any more: what the stack has there is "
            "taken away, data included",
            "Put it back into the plan if it is to stay.",
            Severity.WARNING,
        )
        for one in leaving
    ]
    for compilation in sorted({one.compilation for one in leaving}):
        holders = _holders(states.compiled_files(session, vault, compilation), gone(session, compilation))
        names = {one.node.name for one in leaving if one.compilation == compilation}
        findings += _lost(holders, names)
    return findings


def _lost(holders: Mapping[str, Mapping[str, str]], names: set[str]) -> list[Finding]:
    """``holders`` is service → host → the directory that holds its data."""
    lost = {service: hosts for service, hosts in sorted(holders.items()) if set(hosts) <= names}
    return [
        Finding(
            "DEP-029",
            f"with {_listed(hosts)} the only data of {service} leaves ({_listed(hosts.values())})",
            "Keep one of these nodes in the plan until the data is on another one; or, where it may be lost, "
            "go on with --force DEP-029.",
        )
        for service, hosts in lost.items()
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _holders(files: Mapping[str, bytes], without: Collection[str]) -> dict[str, dict[str, str]]:
    """Service → host → directory, out of the desired states in a playbook directory.

    The files still have the hosts that were given back since they were made: ``without`` these.
    """
    found: dict[str, dict[str, str]] = {}
    for path, content in files.items():
        if not path.startswith("desired_state/"):
            continue
        hosts: Mapping[str, Any] = json.loads(content)["hosts"]
        for host, state in hosts.items():
            if host in without:
                continue
            for step in state["steps"].values():
                for directory, entry in (step.get("directories") or {}).items():
                    found.setdefault(entry["origin"]["service"], {})[host] = directory
    return found


def _left(row: Compilation) -> tuple[Leaving, ...]:
    return wire.from_plain(tuple[Leaving, ...], row.facts.get(KEY) or [])
