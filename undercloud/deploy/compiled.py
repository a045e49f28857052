"""Keeping what was compiled, and getting it back: for resume, delete and credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from undercloud.db import states
from undercloud.db.database import Database
from undercloud.db.models import Compilation, PlanVersion, State
from undercloud.db.vault import Vault
from undercloud.deploy import leaving, wire
from undercloud.deploy.compiling import Access, Compiled, FreeTask, Node, NodePlaybook, Wanted
from undercloud.deploy.leaving import Leaving
from undercloud.diagnostics import internal

_DRIVES = "config_drives"  # among the secrets, by host


def keep(
    session: Session,
    vault: Vault,
    version: PlanVersion,
    state: State,
    made: Compiled,
    *,
    left: Sequence[Leaving],
) -> int:
    """Keep it, with the nodes that it leaves; the compilation's id."""
    access = wire.to_plain(made.access)
    password = access.pop("password")
    machines = [wire.to_plain(replace(one, config_drive={})) for one in made.machines]
    facts = {
        "nodes": wire.to_plain(made.nodes),
        "access": access,
        "tasks": wire.to_plain(made.tasks),
        "described": wire.to_plain(made.described),
        **({"machines": machines} if machines else {}),
        **({leaving.KEY: [wire.to_plain(one) for one in left]} if left else {}),
    }
    row = states.keep_compilation(
        session,
        vault,
        version=version,
        state=state,
        files=made.files,
        facts=facts,
        secrets={
            "references": dict(made.secrets),
            "sensitive": sorted(made.sensitive),
            "password": password,
            "playbooks": wire.to_plain(made.playbooks),
            # What an operator gives cloud-init may hold passwords under any name.
            _DRIVES: {one.host: one.config_drive for one in made.machines if one.config_drive},
        },
    )
    return row.id


def read(database: Database, compilation: int) -> Compiled:
    """What was kept; the state stays where it is."""
    with database.read() as session:
        row = session.get(Compilation, compilation)
        if row is None:
            raise internal(f"compilation {compilation} is gone")
        facts, sealed = row.facts, database.vault.open_json(row.sealed)
        machines = wire.from_plain(tuple[Wanted, ...], facts.get("machines") or [])
        drives = sealed.get(_DRIVES) or {}
        return Compiled(
            files=states.compiled_files(session, database.vault, compilation),
            secrets=sealed["references"],
            state={},
            sensitive=frozenset(sealed["sensitive"]),
            nodes=wire.from_plain(tuple[Node, ...], facts["nodes"]),
            access=wire.from_plain(Access, {**facts["access"], "password": sealed["password"]}),
            tasks=wire.from_plain(tuple[FreeTask, ...], facts["tasks"]),
            described=facts.get("described") or {},
            machines=tuple(
                replace(one, config_drive=drives.get(one.host, one.config_drive)) for one in machines
            ),
            playbooks=wire.from_plain(tuple[NodePlaybook, ...], sealed.get("playbooks") or []),
        )


def seal_drives(database: Database) -> int:
    """Seal what operators gave cloud-init where an earlier version kept it plain; in how many compilations.

    Each is sealed in a transaction of its own; ``read`` knows both forms.
    """
    # One that is not empty, in whichever way a database keeps JSON: none of them leaves the space out.
    plain = cast(Compilation.facts, Text).contains('"config_drive": {"', autoescape=True)
    with database.read() as session:
        found = session.scalars(select(Compilation.id).where(plain)).all()
    for compilation in found:
        with database.write() as session:
            row = session.get(Compilation, compilation, with_for_update=True)
            if row is not None:
                _seal_drives(database.vault, row)
    return len(found)


def _seal_drives(vault: Vault, row: Compilation) -> None:
    machines, secrets = row.facts.get("machines") or [], vault.open_json(row.sealed)
    drives = {one["host"]: one["config_drive"] for one in machines if one.get("config_drive")}
    row.facts = {**row.facts, "machines": [{**one, "config_drive": {}} for one in machines]}
    row.sealed = vault.seal_json({**secrets, _DRIVES: (secrets.get(_DRIVES) or {}) | drives})


def described(session: Session, compilation: int | None) -> Mapping[str, Any] | None:
    """What validation compares a later version with; None where nothing was kept."""
    row = session.get(Compilation, compilation) if compilation else None
    return (row.facts.get("described") or None) if row is not None else None


def hosts(session: Session, compilation: int | None) -> tuple[Node, ...]:
    """The nodes by name, without opening a secret."""
    row = session.get(Compilation, compilation) if compilation else None
    found = wire.from_plain(tuple[Node, ...], row.facts["nodes"]) if row is not None else ()
    return tuple(sorted(found, key=lambda node: node.name))


def facts(session: Session, compilation: int | None) -> tuple[int, str]:
    """How many nodes there are, and the public URL of Keystone, without opening a secret."""
    row = session.get(Compilation, compilation) if compilation else None
    if row is None:
        return 0, ""
    return len(row.facts["nodes"]), str(row.facts["access"]["auth_url"])
