"""Plans that the engine keeps, compiled again to be compared: nothing is kept, nothing secret leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import models
from undercloud.db.database import Database
from undercloud.deploy import gate, versions
from undercloud.deploy.compiling import Compiler
from undercloud.deploy.reading import standing
from undercloud.deploy.requests import PlanRef
from undercloud.plan import state as states
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import Plan
from undercloud.plan.state import State
from undercloud.playbooks import compiler as pure
from undercloud.validation.diff.compare import compare as compare_snapshots
from undercloud.validation.diff.snapshot import Snapshot, of_compilation


def compare(database: Database, compiler: Compiler, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
    """What differs between two plans, as ``validation.diff.model.plan_diff`` reads it.

    Raises UndercloudError: DEP-003 an unknown plan or stack, DEP-005 a stack that is not deployed, DEP-028 an
    unknown version. All errors of a plan that cannot be compiled are raised as well.
    """
    (first, one), (second, other) = (compiled(database, compiler, each) for each in (before, after))
    return compare_snapshots(_snapshot(one), _snapshot(other), (first, second)).as_dict()


def _snapshot(made: pure.Compilation) -> Snapshot:
    return of_compilation(made.raise_for_errors())


def compiled(database: Database, compiler: Compiler, wanted: PlanRef) -> tuple[str, pure.Compilation]:
    """What a plan is called, and the plan compiled with the state that goes with it.

    What would be generated has placeholders: nothing is made here. Its errors stay in it.
    """
    vault = database.vault
    with database.read() as session:
        if wanted.request is not None:
            name, version, state = wanted.stack, 0, gate.state_of(session, vault, wanted.stack)
        elif wanted.deployed:
            last = standing(session, wanted.stack)
            name, version = f"{wanted.stack} as deployed (version {last.version})", last.version
            state = _state_of(session, database, last) or gate.state_of(session, vault, wanted.stack)
        else:
            version = wanted.version or versions.find(session, wanted.stack).number
            name, state = f"{wanted.stack}@{version}", gate.state_of(session, vault, wanted.stack)
        held = gate.reserved(session, vault, wanted.stack)
    if wanted.request is not None:
        plan: Plan = compiler.load(wanted.request).plan
    else:
        plan = gate.stored(database, compiler, wanted.stack, version).plan
    value = State() if state is None else states.from_json(json.dumps(state))
    return name, pure.compile(plan, value, SeededEntropy("comparison"), held)


def _state_of(session: Session, database: Database, row: models.Deployment) -> Mapping[str, Any] | None:
    """The state that a deployment was compiled with."""
    kept = session.get(models.Compilation, row.compilation_id) if row.compilation_id else None
    state = session.get(models.State, kept.state_id) if kept else None
    value: Mapping[str, Any] | None = database.vault.open_json(state.sealed) if state else None
    return value
