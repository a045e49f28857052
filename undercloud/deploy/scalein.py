"""Taking a stack off nodes that left the plan: they leave first, and are cleaned when all else is well.

Between the two the cloud is changed. An error there leaves them stopped and whole: put back into the plan,
they go on with what they have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from undercloud import durable
from undercloud.deploy import compiled, leaving, stages
from undercloud.deploy.engine import Failure, Operation
from undercloud.deploy.leaving import Leaving
from undercloud.deploy.masking import Masker
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.work import CancelledError, Turns, Work
from undercloud.deploy.workspace import write_tree
from undercloud.diagnostics import Finding, Severity

PLAYBOOK = "scale_playbook.yaml"
_FULL_DISK = "DEP-013"


def needed(work: Work) -> bool:
    """Whether nodes leave; never in a deployment of some nodes only."""
    if isinstance(work.request, DeployRequest) and work.request.limit:
        return False
    return bool(_leaving(work))


def leave(work: Work, turns: Turns) -> None:
    """Let the services of leaving nodes say goodbye, and stop them; nothing of theirs is removed."""
    take_leave(work, turns, _leaving(work), _left_alone)


def take_leave(
    work: Work, turns: Turns, nodes: Sequence[Leaving], untaken: Callable[[Failure], Finding]
) -> None:
    """Let the services of nodes say goodbye, and stop them; ``untaken`` words who cannot be reached."""
    reachable, silent = _look(work, nodes)
    for failure in silent:
        work.recorder.finding(untaken(failure))
    _run(work, turns, reachable, "leave")


def clean(work: Work, turns: Turns) -> None:
    """Remove everything of the stack from leaving nodes; those that do not answer wait for the next time."""
    reachable, silent = _look(work, _leaving(work))
    if work.operation is not Operation.DEPLOY:  # which has told of them when they were to leave
        for failure in silent:
            work.recorder.finding(_left_alone(failure))
    _run(work, turns, reachable, "clean")
    if not work.short_lived:
        with work.database.write() as session:
            work.lease.assert_held(session)
            leaving.cleaned(session, work.compilation, reachable)


def _leaving(work: Work) -> tuple[Leaving, ...]:
    with work.database.read() as session:
        if work.compilation:
            return leaving.kept(session, work.compilation)
        return leaving.of(session, work.stack, work.result()) if work.compiled else ()


def _look(work: Work, found: Sequence[Leaving]) -> tuple[list[Leaving], list[Failure]]:
    """The nodes that can be cleaned, and why the others cannot; a full disk is no hindrance."""
    access = work.access
    nodes = [
        replace(one.node, user=access.user or one.node.user, port=access.port or one.node.port)
        for one in found
    ]
    preflight = stages.preflight_of(work)
    names = {node.name for node in nodes}
    strangers = preflight.trust([*work.nodes(), *nodes], pin=not work.short_lived)
    mute = {failure.host for failure in strangers}
    silent = [failure for failure in strangers if failure.host in names]
    silent += preflight.look([node for node in nodes if node.name not in mute])
    if work.lease.cancelled:
        raise CancelledError
    silent = [failure for failure in silent if failure.finding.code != _FULL_DISK]
    left_alone = {failure.host for failure in silent}
    return [one for one in found if one.node.name not in left_alone], silent


def _run(work: Work, turns: Turns, nodes: Sequence[Leaving], tag: str) -> None:
    """Run the part ``tag`` of the playbook that each node's own compilation has for it."""
    for compilation in sorted({one.compilation for one in nodes}):
        old = compiled.read(work.database, compilation)
        root = work.workspace.root if work.short_lived else work.stack_dir
        directory = root / f"leaving-{compilation}"
        write_tree(directory, old.files)
        run = stages.run_of(work, PLAYBOOK, f"{tag}-{compilation}")
        secrets = work.workspace.root / f"secrets-{compilation}.json"
        durable.write(secrets, json.dumps(dict(old.secrets)).encode())
        work.recorder.masker = Masker(work.result().sensitive | old.sensitive)
        run = replace(
            run,
            directory=directory,
            variables={**run.variables, "undercloud_secrets_file": str(secrets)},
            mask=work.recorder.masker.text,
            tags=(tag,),
            limit=":".join(one.node.name for one in nodes if one.compilation == compilation),
            check=work.short_lived,
        )
        stages.run_playbook(work, turns, run, [one.node for one in nodes])


def _left_alone(failure: Failure) -> Finding:
    return Finding(
        "DEP-030",
        f"{failure.host} is not in the plan any more and cannot be cleaned: {failure.finding.message}",
        "The next deployment tries again. If it never comes back, nothing else is to be done; if it does, do "
        "not use it for anything else before it is clean.",
        Severity.WARNING,
    )
