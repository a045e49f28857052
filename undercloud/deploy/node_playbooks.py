"""The stage of the operator's own playbooks: on the nodes of a role, once they answer SSH, before all steps.

They run whenever the stage does: what a playbook did to a node nobody knows but itself. Each is a run of its
own, one after the other in the order of the deployment file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from undercloud.deploy import skipping, stages
from undercloud.deploy.compiling import Node, NodePlaybook
from undercloud.deploy.engine import EventKind
from undercloud.deploy.events import NODE_PLAYBOOKS
from undercloud.deploy.work import DIRECTORY, Turns, Work


def needed(work: Work) -> bool:
    """Whether the deployment file names any."""
    return bool(work.result().playbooks)


def planned(work: Work) -> Iterator[tuple[NodePlaybook, list[Node]]]:
    """Each playbook with the nodes that it is for; those without any are left out."""
    for playbook in work.result().playbooks:
        nodes = [node for node in work.nodes() if node.role == playbook.role]
        if nodes:
            yield playbook, nodes


def run(work: Work, turns: Turns) -> None:
    """Run them; NodesError names the nodes and tasks of the first that fails, and the others do not begin."""
    skipping.leave_out(work)
    ours = list(planned(work))
    if not ours:
        return
    if not work.workspace.found:  # else a playbook may run still, with what it was given
        nodes = dict.fromkeys(node for _, members in ours for node in members)
        work.report_failures(stages.preflight_of(work).trust(list(nodes), pin=True))
    purposes = [f"{NODE_PLAYBOOKS}-{number}" for number in range(1, len(ours) + 1)]
    for purpose, (playbook, members) in list(zip(purposes, ours, strict=True))[_done(work, purposes) :]:
        hosts = [node.name for node in members]
        text = f"{playbook.name} on {', '.join(hosts[:5])}{' …' if len(hosts) > 5 else ''} ({playbook.role})"
        work.recorder.emit(EventKind.TASK, text)
        file = playbook.file or stages.playbook_of_ours(playbook.name)
        # Not the stack's directory: what a deployment that stopped goes on with may be of another version.
        wanted = stages.run_of(work, file, purpose, work.workspace.root / DIRECTORY)
        wanted = replace(wanted, limit=",".join(hosts), extra_vars=playbook.extra_vars, operators=True)
        stages.run_playbook(work, turns, wanted)
    work.workspace.known_hosts.unlink(missing_ok=True)  # it has only these nodes; the steps are for all


def _done(work: Work, purposes: list[str]) -> int:
    """How many runs an earlier engine saw to their ends: all before the one that it followed last."""
    keys = [work.run_key(purpose) for purpose in purposes]
    followed = work.followed.get("run")
    return keys.index(followed) if followed in keys else 0
