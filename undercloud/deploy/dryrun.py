"""A dry run: the same playbooks in check mode; nothing is written on the nodes, only the record is kept."""

from __future__ import annotations

from dataclasses import replace

from undercloud.deploy import gate, node_playbooks, provisioning, scalein, skipping, stages
from undercloud.deploy.compiling import FreeTask
from undercloud.deploy.engine import EventKind, ResultStatus
from undercloud.deploy.events import NODE_PLAYBOOKS
from undercloud.deploy.stages import PLAYBOOK, STEP_STAGES
from undercloud.deploy.work import Stage, Turns, Work

FREE_TASK = {"kind": "task", "action": "run", "reason": "effect unknown"}


def validate_only(work: Work, turns: Turns) -> None:
    """Read, compile with the plan's state and judge, as a deployment would; what is generated is dropped."""
    work.loaded = gate.read_request(work)
    gate.validate_plan(work, turns)


def check_steps(work: Work, turns: Turns) -> None:
    """Ask every node that there is what would change, and list what cannot be asked."""
    if work.nodes():
        run = replace(stages.run_of(work, PLAYBOOK, "steps"), limit=skipping.pattern(work), check=True)
        stages.run_playbook(work, turns, run)
    for task in work.result().tasks:
        _tell_unknown(work, task)
    work.recorder.flush()


def list_playbooks(work: Work, turns: Turns) -> None:
    """Say which playbooks of the operator would run on which nodes, also on those that are not there yet."""
    _ = turns
    skipping.leave_out_by_limit(work)
    for playbook, nodes in node_playbooks.planned(work):
        for node in nodes:
            _tell_unknown(work, FreeTask(node.name, -1, f"playbook {playbook.name}"))


def _tell_unknown(work: Work, task: FreeTask) -> None:
    action = {**FREE_TASK, "name": task.name}
    work.recorder.emit(
        EventKind.RESULT,
        "",
        host=task.host,
        step=task.step,
        status=str(ResultStatus.SKIPPED),
        data={"task": task.name, "actions": [action]},
    )


DRY_RUN = (
    Stage(("validate",), validate_only),
    Stage((provisioning.STAGE,), provisioning.foresee, skipping.machines_needed),
    Stage((NODE_PLAYBOOKS,), list_playbooks, node_playbooks.needed),
    Stage(("preflight",), stages.check_nodes),
    Stage(("directory",), stages.write_directory),
    Stage(STEP_STAGES, check_steps),
    Stage(("clean",), scalein.clean, scalein.needed),
)
