"""Nodes that a plan does not have any more, remembered until they are clean.

What was compiled last says where the stack may be; what is compiled next says where it shall be. The nodes in
between are kept with what is compiled, and with the older compilation that knows how they are left. A node
that could not be reached stays there, and the next deployment tries again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from undercloud.db import deployments
from undercloud.db.models import Compilation
from undercloud.db.vault import Vault
from undercloud.deploy import holding, wire
from undercloud.deploy.compiling import Compiled, Node
from undercloud.deploy.engine import WRITING, Operation, Status
from undercloud.deploy.holding import Holder
from undercloud.diagnostics import Finding, Severity

KEY = "leaving"
"""Where they stand in a compilation's facts; not at all when there are none."""


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
    told = sorted({*holding.gone(session, row.id), *was})
    row.facts = {**facts, "nodes": nodes, holding.GONE: told, **({KEY: left} if left else {})}


def cleaned(session: Session, compilation: int, done: Iterable[Leaving]) -> None:
    """Forget nodes that are clean."""
    row = session.get(Compilation, compilation)
    if row is None:
        return
    over = set(done)
    left = [wire.to_plain(one) for one in _left(row) if one not in over]
    facts = {key: value for key, value in row.facts.items() if key != KEY}
    row.facts = {**facts, KEY: left} if left else facts


def judge(session: Session, vault: Vault, stack: str, leaving: Sequence[Leaving]) -> list[Finding]:
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
    sure = holding.sure(session, vault, stack) if leaving else frozenset()
    for compilation in sorted({one.compilation for one in leaving}):
        names = {one.node.name for one in leaving if one.compilation == compilation}
        findings += _lost(holding.holders(session, vault, compilation), names, sure)
    return findings


def _lost(
    found: Mapping[str, Sequence[Holder]], names: set[str], sure: Collection[tuple[str, str]]
) -> list[Finding]:
    """DEP-029 for each service of which nobody who stays has the data, or surely has it as who goes does."""
    findings = []
    for service, holders in sorted(found.items()):
        going = [one for one in holders if one.host in names]
        staying = [one for one in holders if one.host not in names]
        known = {one.host for one in holders if (service, one.address) in sure}
        if not going or known & {one.host for one in staying}:
            continue
        doubt = ""
        if staying:
            if not known:
                continue
            doubt = f": no deployment succeeded since {_listed(one.host for one in staying)} came"
        findings.append(
            Finding(
                "DEP-029",
                f"with {_listed(one.host for one in going)} the only data of {service} leaves "
                f"({_listed(one.directory for one in going)}){doubt}",
                "Keep one of these nodes in the plan until the data is on another one; or, where it may be "
                "lost, go on with --force DEP-029.",
            )
        )
    return findings


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _left(row: Compilation) -> tuple[Leaving, ...]:
    return wire.from_plain(tuple[Leaving, ...], row.facts.get(KEY) or [])
