"""What is said when a deployment is over: counts by host, failures with logs, changes with diffs."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Sequence
from typing import Any

from undercloud.cli import progress, rendering
from undercloud.deploy import wire
from undercloud.deploy.engine import Change, Counts, Deployment, Failure, HostCounts, Operation, Status

_COLUMNS = ("ok", "changed", "failed", "unreachable", "skipped")
_DONE = {
    Operation.DEPLOY: "deployed",
    Operation.DRY_RUN: "dry run done, nothing was written",
    Operation.DELETE: "deleted from its nodes",
    Operation.CHECK: "checked, nothing is wrong",
    Operation.BACKUP: "backed up",
    Operation.RESTORE: "put back as it was",
    Operation.SNAPSHOT: "its nodes' snapshots are as asked for",
    Operation.PREPARE: "done",
    Operation.ALLOCATE: "has its addresses",
    Operation.PROVISION: "its nodes are provisioned",
    Operation.UNPROVISION: "its nodes are given back",
}


def deployment_text(deployment: Deployment, hosts: Sequence[HostCounts]) -> str:
    """One line that says how it ended, and the counts by host."""
    took = rendering.duration(progress.seconds_between(deployment.started, deployment.ended))
    version = f" (plan version {deployment.version})" if deployment.version else ""
    if deployment.status is Status.SUCCEEDED:
        head = f"{deployment.stack}: {_DONE[deployment.operation]} in {took}{version}"
    else:
        where = f" in stage {deployment.stage}" if deployment.stage else ""
        head = f"{deployment.stack}: {deployment.operation} {deployment.status}{where} after {took}{version}"
    return head + "\n" + counts_text(hosts)


def counts_text(hosts: Sequence[HostCounts]) -> str:
    """A table of task results by host; empty where no task ran."""
    if not hosts:
        return ""
    widest = max(len(host.name) for host in hosts)
    lines = ["  " + "host".ljust(widest) + "".join(name.rjust(len(name) + 2) for name in _COLUMNS)]
    for host in sorted(hosts, key=lambda host: (_good(host.counts), host.name)):
        numbers = "".join(str(getattr(host.counts, name)).rjust(len(name) + 2) for name in _COLUMNS)
        lines.append("  " + host.name.ljust(widest) + numbers)
    return "\n".join(lines) + "\n"


def deployment_plain(deployment: Deployment, hosts: Sequence[HostCounts]) -> dict[str, Any]:
    """A deployment as data, with the counts by host."""
    fields: dict[str, Any] = wire.to_plain(deployment)
    return fields | {"hosts": {host.name: wire.to_plain(host.counts) for host in hosts}}


def _good(counts: Counts) -> bool:
    return not (counts.failed or counts.unreachable)


def failures_text(failures: Sequence[Failure], *, width: int = 0) -> str:
    """Each failure with host, task, container, the likely cause, how to mend it, and the log's last lines."""
    return "\n".join(_failure_text(failure, width) for failure in failures)


def _failure_text(failure: Failure, width: int) -> str:
    step = f", step {failure.step}" if failure.step >= 0 else ""
    lines = [f"{failure.host or 'undercloud'}: stage {failure.stage}{step}"]
    if failure.task:
        lines.append(f"  task: {failure.task}")
    if failure.container:
        lines.append(f"  container: {failure.container}")
    finding = failure.finding
    if finding.path == (failure.host,):
        finding = dataclasses.replace(finding, path=())  # the host stands above
    lines.append(rendering.indent(rendering.finding_text(finding, width=max(0, width - 2))).rstrip("\n"))
    if failure.log:
        lines.append("  last lines of the log:")
        lines += [f"    | {line}" for line in failure.log]
    return "\n".join(lines) + "\n"


def changes_text(changes: Sequence[Change]) -> str:
    """Changes by host and step, each file with its diff."""
    if not changes:
        return "Nothing would change.\n"
    by_host = sorted(changes, key=lambda change: (change.host, change.step))
    blocks = []
    for host, of_host in itertools.groupby(by_host, key=lambda change: change.host):
        listed = list(of_host)
        known = [change for change in listed if change.kind != "task"]
        blocks.append(f"{host}: {rendering.plural(len(known), 'change')}")
        blocks += [_change_text(change) for change in listed]
    return "\n".join(blocks) + "\n"


def _change_text(change: Change) -> str:
    if change.kind == "task":
        return f"  step {change.step}  task {change.name}: will run, effect unknown"
    reason = f" ({change.reason})" if change.reason else ""
    head = f"  step {change.step}  {change.action} {change.kind} {change.name}{reason}"
    return "\n".join([head, *diff_lines(change)])


def diff_lines(change: Change) -> list[str]:
    """A unified diff of a change's texts, indented; empty where there are none or they are alike."""
    lines = difflib.unified_diff(
        change.before.splitlines(), change.after.splitlines(), "before", "after", lineterm=""
    )
    return [f"    {line}" for line in lines]
