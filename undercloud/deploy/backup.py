"""Backups and snapshots of a deployed cloud, by the playbooks of our collection."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from undercloud.conf.paths import Paths
from undercloud.db import deployments
from undercloud.deploy import checks, skipping, stages
from undercloud.deploy.engine import Operation
from undercloud.deploy.failures import NodesError
from undercloud.deploy.requests import BackupRequest
from undercloud.deploy.work import CancelledError, Stage, Turns, Work
from undercloud.diagnostics import Finding, Severity, UndercloudError, internal

SUMS = "SHA256SUMS"
"""Written last: a directory without it holds no whole backup."""
MANIFEST = "manifest.json"
"""Of which stack and nodes a backup is, and which of them had the databases."""


@dataclass(frozen=True)
class Action:
    """What can be asked for: the operation, its playbook, and what a playbook of several things shall do."""

    operation: Operation
    playbook: str
    snapshot: str = ""


ACTIONS: Mapping[str, Action] = {
    "backup": Action(Operation.BACKUP, "backup.yaml"),
    "restore": Action(Operation.RESTORE, "restore.yaml"),
    "snapshot": Action(Operation.SNAPSHOT, "snapshot.yaml", "create"),
    "remove-snapshot": Action(Operation.SNAPSHOT, "snapshot.yaml", "remove"),
    "revert-snapshot": Action(Operation.SNAPSHOT, "snapshot.yaml", "revert"),
}


def placed(request: BackupRequest, paths: Paths) -> BackupRequest:
    """The request with the directory that it means.

    Raises DEP-035 there is no backup to be put back, or the place for a new one is taken.
    """
    if request.action not in ACTIONS:
        raise internal(f"{request.action} is no action of a backup")
    operation = ACTIONS[request.action].operation
    if operation is Operation.SNAPSHOT:
        return request
    if operation is Operation.RESTORE:
        directory = Path(request.directory) if request.directory else _newest(request.stack, paths)
        missing = " and no ".join(name for name in (SUMS, MANIFEST) if not (directory / name).is_file())
        if missing:
            raise _unfit(f"{directory} holds no whole backup: it has no {missing}", "Name another directory.")
        return replace(request, directory=str(directory))
    now = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    directory = Path(request.directory) if request.directory else paths.backups_dir(request.stack) / now
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise _unfit(f"{directory} is not empty", "Name a new directory.")
    return replace(request, directory=str(directory))


def _newest(stack: str, paths: Paths) -> Path:
    """The last whole backup that was made without naming a directory."""
    whole = sorted(file.parent for file in paths.backups_dir(stack).glob(f"*/{SUMS}"))
    if not whole:
        raise _unfit(
            f"there is no backup of {stack} in {paths.backups_dir(stack)}",
            "Name its directory (--directory).",
        )
    return whole[-1]


def _unfit(why: str, fix: str) -> UndercloudError:
    return UndercloudError.of("DEP-035", why, fix=fix)


def run(work: Work, turns: Turns) -> None:
    """Run the playbook on all nodes but those that were given back."""
    request = work.request
    if not isinstance(request, BackupRequest):
        raise internal(f"{work.operation} is no backup")
    action = ACTIONS[request.action]
    wanted = stages.run_of(work, stages.playbook_of_ours(action.playbook), request.action)
    variables = {}
    if action.snapshot:
        # The run's name on a snapshot lets it know its own when it goes on.
        variables = {"undercloud_snapshot": action.snapshot, "undercloud_snapshot_run": work.deployment}
    if request.directory:
        variables["undercloud_backup"] = request.directory
        # Made here, so that a wrong place is told as this machine's, and nobody else ever sees into it.
        Path(request.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        _remember(work, request.directory)
    skipping.leave_out_gone(work)  # the look at the nodes may have been an earlier attempt's
    wanted = replace(wanted, variables={**wanted.variables, **variables})
    try:
        stages.run_playbook(work, turns, replace(wanted, limit=skipping.all_but(work.skipped)))
    except CancelledError:
        _tell_of_services(work)
        raise
    except NodesError as error:
        # Without a node's name: the playbook itself was ended, by its timeout.
        if any(not failure.host for failure in error.failures):
            _tell_of_services(work)
        raise


def _tell_of_services(work: Work) -> None:
    """A restore that was stopped did not come to the task that starts the services."""
    if work.operation is not Operation.RESTORE or work.lease.leaving:
        return
    text = (
        f"the restore of {work.stack} was stopped before its end: its databases may be put back in part, and "
        "the services that it stopped stand still"
    )
    fix = (
        f"Go on: openstack overcloud resume {work.stack}; or restore again (openstack overcloud restore). "
        "The services start at its end."
    )
    work.recorder.finding(Finding("DEP-036", text, fix, Severity.WARNING))


def _remember(work: Work, directory: str) -> None:
    """Where it lies, in the record."""
    with work.database.write() as session:
        work.lease.assert_held(session)
        row = deployments.find(session, work.deployment)
        if row is not None:
            row.directory = directory


BACKUP = (
    Stage(("preflight",), checks.check_nodes),
    Stage(("directory",), stages.write_directory),
    Stage(("nodes",), run),
)
"""The stages of a backup, a restore and a snapshot."""
