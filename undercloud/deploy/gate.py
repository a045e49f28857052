"""The gate: a plan is judged as a whole before anything is kept of it or touches a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import deployments, machines, plans, states
from undercloud.db.database import Database
from undercloud.db.vault import Vault
from undercloud.deploy import compiled, leaving, versions
from undercloud.deploy.compiling import Compiled, Compiler, Judged, Known, Loaded, Reserved
from undercloud.deploy.engine import WRITING, Operation, Status
from undercloud.deploy.masking import Masker
from undercloud.deploy.requests import DeployRequest, GivenFile, GivenFiles
from undercloud.deploy.work import Turns, Work, deploy_request, loaded
from undercloud.diagnostics import Finding, Severity, UndercloudError


def validate_plan(work: Work, turns: Turns) -> None:
    """Judge the plan; what is not forced stops the deployment, all of it told at once."""
    _ = turns
    request = deploy_request(work)
    judged = _judge(work.database, work.borders.compiler(), work.stack, loaded(work), request.given)
    work.recorder.masker = Masker(judged.sensitive)
    if judged.compiled is None:
        raise _not_compiled(judged, request)
    with work.database.read() as session:
        left = leaving.of(session, work.stack, judged.compiled)
        gone = leaving.judge(session, work.database.vault, work.stack, left)
    work.report([*judged.findings, *gone])
    work.compiled = judged.compiled


def compile_anew(work: Work) -> Compiled:
    """What the gate let pass, compiled again: it was an earlier engine's that looked at it."""
    with work.database.read() as session:
        state = state_of(session, work.database.vault, work.stack)
        held = reserved(session, work.database.vault, work.stack)
    made = work.borders.compiler().compile(loaded(work), state, held)
    work.recorder.masker = Masker(made.sensitive)
    return made


def state_of(session: Session, vault: Vault, stack: str) -> Mapping[str, Any] | None:
    """The plan's state as it is now; None before the first compilation."""
    plan = plans.find(session, stack)
    state = states.current(session, plan.id) if plan else None
    value: Mapping[str, Any] | None = vault.open_json(state.sealed) if state else None
    return value


def reserved(session: Session, vault: Vault, stack: str) -> Reserved:
    """The addresses that other stacks hold; those of a deleted one are free again."""
    held: dict[str, dict[str, str]] = {}
    for plan, _, _ in plans.listing(session):
        state = states.current(session, plan.id) if plan.name != stack else None
        last = deployments.last(session, plan.name, WRITING)
        gone = last is not None and (last.operation, last.status) == (Operation.DELETE, Status.SUCCEEDED)
        # Nodes that are installed have their addresses, whatever is deployed on them.
        if state is None or (gone and not machines.placed(session, plan.name)):
            continue
        addresses = vault.open_json(state.sealed).get("addresses", {})
        for network, ports in addresses.items():
            held.setdefault(network, {}).update(dict.fromkeys(ports.values(), plan.name))
    return held


def clash(made: Compiled, held: Reserved) -> bool:
    """Whether what was compiled has an address that another stack holds, whatever it calls the network."""
    addresses: Mapping[str, Mapping[str, str]] = made.state.get("addresses", {})
    ours = {address for ports in addresses.values() for address in ports.values()}
    return any(ours & set(theirs) for theirs in held.values())


def deployed(session: Session, stack: str) -> Mapping[str, Any] | None:
    """What was described of the version that was deployed last; None where nothing is deployed."""
    last = deployments.last(session, stack, WRITING, status=str(Status.SUCCEEDED))
    if last is None or last.operation == Operation.DELETE:
        return None
    return compiled.described(session, last.compilation_id)


def registered(session: Session, stack: str) -> GivenFile | None:
    """The machines that the stack can have or has, as a file of machines; None where none is registered."""
    others = {row.machine for row in machines.placed(session) if row.stack != stack}
    entries = [row.entry for row in machines.all_machines(session) if row.entry and row.uuid not in others]
    return GivenFile("registered machines", json.dumps({"nodes": entries}, indent=1)) if entries else None


def judge_stored(
    database: Database, compiler: Compiler, stack: str, version: int, given: GivenFiles
) -> tuple[Judged, Loaded]:
    """A kept version of a plan judged against what is deployed, and what was loaded of it."""
    read = stored(database, compiler, stack, version)
    return _judge(database, compiler, stack, read, given), read


def _judge(database: Database, compiler: Compiler, stack: str, read: Loaded, given: GivenFiles) -> Judged:
    """A plan judged with its state, what other stacks hold, and what is deployed of it."""
    with database.read() as session:
        state = state_of(session, database.vault, stack)
        held = reserved(session, database.vault, stack)
        known = Known(given, deployed(session, stack), registered(session, stack))
    return compiler.judge(read, state, held, known)


def read_request(work: Work) -> Loaded:
    """The plan that a deployment asks for: a kept version, or the operator's files as they are now."""
    request, compiler = deploy_request(work), work.borders.compiler()
    if request.version:
        return stored(work.database, compiler, work.stack, request.version)
    return compiler.load(request)


def stored(database: Database, compiler: Compiler, stack: str, version: int) -> Loaded:
    """A kept version of a plan; raises as ``versions.find``."""
    with database.read() as session:
        row = versions.find(session, stack, version)
        files = plans.version_files(session, database.vault, row.id)
        source = database.vault.open_json(row.sealed_source)
    return compiler.reload(files, source)


def _not_compiled(judged: Judged, request: DeployRequest) -> UndercloudError:
    """All errors of a plan that cannot be compiled; what was asked to let pass cannot be."""
    errors = [finding for finding in judged.findings if finding.severity is Severity.ERROR]
    asked = sorted({finding.code for finding in errors} & set(request.force))
    if asked or request.errors_pass:
        what = f"--force {', '.join(asked)}" if asked else "--validation-errors-nonfatal"
        fix = "Mend the errors of the templates and of the topology first; --force is for findings of rules."
        errors.append(Finding("DEP-027", f"{what} does not help: the plan cannot be compiled", fix))
    return UndercloudError(*errors)
