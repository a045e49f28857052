"""A dry run: the same playbooks in check mode; nothing is written on the nodes, only the record is kept."""

from __future__ import annotations

from dataclasses import replace

from undercloud.db import plans, states
from undercloud.deploy import stages
from undercloud.deploy.engine import EventKind, ResultStatus
from undercloud.deploy.masking import Masker
from undercloud.deploy.stages import PLAYBOOK, STEP_STAGES
from undercloud.deploy.work import Stage, Turns, Work

FREE_TASK = {"kind": "task", "action": "run", "reason": "effect unknown"}


def compile_only(work: Work, turns: Turns) -> None:
    """Read and compile with the plan's state, as a deployment would; what is generated is dropped."""
    _ = turns
    vault = work.database.vault
    work.loaded = work.borders.compiler().load(stages.deploy_request(work))
    work.report(work.loaded.findings)
    with work.database.read() as session:
        plan = plans.find(session, work.stack)
        state = states.current(session, plan.id) if plan else None
        value = vault.open_json(state.sealed) if state else None
        held = stages.reserved(work, session)
    work.compiled = work.borders.compiler().compile(work.loaded, value, held)
    work.recorder.masker = Masker(work.compiled.sensitive)
    work.report(work.compiled.findings)


def check_steps(work: Work, turns: Turns) -> None:
    """Ask every node what would change, and list what cannot be asked."""
    run = replace(stages.run_of(work, PLAYBOOK), limit=stages.deploy_request(work).limit, check=True)
    stages.run_playbook(work, turns, run)
    for task in work.result().tasks:
        action = {**FREE_TASK, "name": task.name}
        work.recorder.emit(
            EventKind.RESULT,
            "",
            host=task.host,
            step=task.step,
            status=str(ResultStatus.SKIPPED),
            data={"task": task.name, "actions": [action]},
        )
    work.recorder.flush()


DRY_RUN = (
    Stage(("compile",), compile_only),
    Stage(("preflight",), stages.check_nodes),
    Stage(("directory",), stages.write_directory),
    Stage(STEP_STAGES, check_steps),
)
