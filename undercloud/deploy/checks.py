"""Checking a deployed cloud on its nodes: nothing is written there, only the record is kept."""

from __future__ import annotations

from dataclasses import replace

from undercloud.deploy import skipping, stages
from undercloud.deploy.requests import CheckRequest
from undercloud.deploy.work import Stage, Turns, Work
from undercloud.diagnostics import UndercloudError, internal

PLAYBOOK = "checks_playbook.yaml"


def check_nodes(work: Work, turns: Turns) -> None:
    """See that every node lets us in and is who it was."""
    _ = turns
    skipping.leave_out_gone(work)
    work.report_failures(stages.look_at_nodes(work))


def run_checks(work: Work, turns: Turns) -> None:
    """Run what is asked for on all nodes; what is wrong on one does not keep the others."""
    if not isinstance(work.request, CheckRequest):
        raise internal(f"{work.operation} is no check")
    if PLAYBOOK not in work.result().files:
        raise UndercloudError.of(
            "DEP-038",
            f"{work.stack} was deployed by a version that knew no checks",
            fix="Deploy it again, then check.",
        )
    run = stages.run_of(work, PLAYBOOK, "checks")
    asked = {"groups": list(work.request.groups), "names": list(work.request.names)}
    run = replace(run, variables={**run.variables, "undercloud_checks": asked})
    run = replace(run, limit=skipping.all_but(work.skipped))
    stages.run_playbook(work, turns, run)


CHECK = (
    Stage(("preflight",), check_nodes),
    Stage(("directory",), stages.write_directory),
    Stage(("checks",), run_checks),
)
