"""The compiler's state value and what was compiled with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from undercloud.db.models import Blob, Compilation, CompiledFile, PlanVersion, State
from undercloud.db.plans import keep_blobs, open_blob
from undercloud.db.types import utcnow
from undercloud.db.vault import Vault
from undercloud.diagnostics import internal


def current(session: Session, plan_id: int) -> State | None:
    """The newest state of a plan."""
    return session.scalar(
        select(State).where(State.plan_id == plan_id).order_by(State.number.desc()).limit(1)
    )


def commit(session: Session, vault: Vault, plan_id: int, value: Mapping[str, Any], based_on: int) -> State:
    """Keep a state that was made from number ``based_on`` (0: none); the current one when they are equal.

    Raises INT-001 when another state came in between: the lock of the stack keeps that from happening.
    """
    last = current(session, plan_id)
    if (last.number if last else 0) != based_on:
        raise internal(f"the state of plan {plan_id} changed while its writer worked")
    if last is not None and vault.open_json(last.sealed) == value:
        return last
    state = State(plan_id=plan_id, number=based_on + 1, sealed=vault.seal_json(value), created=utcnow())
    session.add(state)
    session.flush()
    return state


def keep_compilation(
    session: Session,
    vault: Vault,
    *,
    version: PlanVersion,
    state: State,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
    secrets: Mapping[str, Any],
) -> Compilation:
    """Keep a playbook directory, its facts (plain) and secrets (sealed); the last one when it is equal."""
    names = keep_blobs(session, vault, files)
    last = session.scalar(
        select(Compilation)
        .where(Compilation.version_id == version.id, Compilation.state_id == state.id)
        .order_by(Compilation.id.desc())
        .limit(1)
    )
    # A newer compiler may quote a secret in another way: same files, other values behind the references.
    if (
        last is not None
        and last.facts == facts
        and _names(session, last.id) == names
        and vault.open_json(last.sealed) == secrets
    ):
        return last
    compilation = Compilation(
        plan_id=version.plan_id,
        version_id=version.id,
        state_id=state.id,
        facts=dict(facts),
        sealed=vault.seal_json(secrets),
        created=utcnow(),
    )
    session.add(compilation)
    session.flush()
    session.add_all(
        CompiledFile(compilation_id=compilation.id, path=path, sha256=sha) for path, sha in names.items()
    )
    return compilation


def _names(session: Session, compilation_id: int) -> dict[str, str]:
    query = select(CompiledFile.path, CompiledFile.sha256).where(
        CompiledFile.compilation_id == compilation_id
    )
    return {row.path: row.sha256 for row in session.execute(query)}


def compiled_files(session: Session, vault: Vault, compilation_id: int, below: str = "") -> dict[str, bytes]:
    """The files of a playbook directory by path: all, or those whose path begins with ``below``."""
    rows = session.execute(
        select(CompiledFile.path, Blob.sealed)
        .join(Blob, Blob.sha256 == CompiledFile.sha256)
        .where(
            CompiledFile.compilation_id == compilation_id,
            CompiledFile.path.startswith(below, autoescape=True),
        )
        .order_by(CompiledFile.path)
    )
    return {path: open_blob(vault, sealed) for path, sealed in rows}
