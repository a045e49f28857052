"""Taking a stack off its nodes, also when some of them are gone for good."""

from __future__ import annotations

from dataclasses import replace

from undercloud.deploy import scalein, skipping, stages
from undercloud.deploy.engine import Failure
from undercloud.deploy.requests import DeleteRequest
from undercloud.deploy.work import Stage, Turns, Work
from undercloud.diagnostics import Finding, Severity

PLAYBOOK = "delete_playbook.yaml"


def check_nodes(work: Work, turns: Turns) -> None:
    """As for a deployment; when abandoning, nodes that are not as they must be are left out and told of."""
    if not work.compilation:
        return
    _ = turns
    skipping.leave_out_gone(work)
    found = stages.look_at_nodes(work)
    if not (isinstance(work.request, DeleteRequest) and work.request.abandon):
        work.report_failures(found)
        return
    work.skipped |= {failure.host for failure in found}
    for failure in found:
        work.recorder.finding(_abandoned(failure))


def write_directory(work: Work, turns: Turns) -> None:
    """Write the playbook directory of the last deployment again."""
    if work.compilation:
        stages.write_directory(work, turns)


def clean_nodes(work: Work, turns: Turns) -> None:
    """Run the directory's delete playbook on the nodes that are left."""
    if not work.compilation or not work.nodes():
        return
    run = stages.run_of(work, PLAYBOOK, "delete")
    stages.run_playbook(work, turns, replace(run, limit=skipping.all_but(work.skipped)))


def _abandoned(failure: Failure) -> Finding:
    return Finding(
        "DEP-023",
        f"{failure.host} was left as it is: {failure.finding.message}",
        "When it comes back, clean it by hand or install it anew before it is used again.",
        Severity.WARNING,
    )


DELETE = (
    Stage(("preflight",), check_nodes),
    Stage(("directory",), write_directory),
    Stage(("delete",), clean_nodes),
    Stage(("clean",), scalein.clean, scalein.needed),
)
