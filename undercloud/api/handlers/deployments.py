"""Stacks and deployments: started, watched, stopped."""

from __future__ import annotations

from undercloud.api import events, reports
from undercloud.api.answers import kept
from undercloud.api.calls import Answer, Call, Handler, page, started
from undercloud.deploy import wire
from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanPaths,
    RollbackRequest,
    SshAccess,
)

_SAME = (
    *("dry_run", "limit", "rollback_on_failure", "errors_pass", "warnings_stop", "timeout", "verbosity"),
    "concurrency",
)


@kept
def stacks(call: Call) -> Answer:
    """The stacks by name."""
    found = page(call.service.engine.stacks(), lambda stack: stack.name, call)
    return Answer({"stacks": wire.to_plain(found)})


@kept
def stack(call: Call) -> Answer:
    """One stack."""
    return Answer(wire.to_plain(call.service.engine.status(call["stack"])))


def hosts(call: Call) -> Answer:
    """A page of a stack's hosts."""
    found = page(call.service.engine.stack_hosts(call["stack"]), lambda host: host.name, call)
    return Answer({"hosts": wire.to_plain(found)})


def delete_stack(call: Call) -> Answer:
    """Begin to take it off its nodes."""
    request = DeleteRequest(
        call["stack"], abandon=call["abandon"], timeout=call["timeout"], verbosity=call["verbosity"]
    )
    return started(call.service.engine.delete(request))


def check(call: Call) -> Answer:
    """Begin checks of a deployed cloud."""
    request = wire.from_plain(CheckRequest, {**call.body, "stack": call["stack"]})
    return started(call.service.engine.check(request))


def back_up(call: Call) -> Answer:
    """Begin a backup, a restore or a snapshot."""
    request = wire.from_plain(BackupRequest, {**call.body, "stack": call["stack"]})
    return started(call.service.engine.backup(request))


def credentials(call: Call) -> Answer:
    """How to use the cloud."""
    return Answer(wire.to_plain(call.service.engine.credentials(call["stack"])))


def export(call: Call) -> Answer:
    """What another plan needs of the stack."""
    return Answer(wire.to_plain(call.service.engine.export_stack(call["stack"])))


def failures(call: Call) -> Answer:
    """Why a deployment failed."""
    found = call.service.engine.failures(call["stack"], call["deployment"])
    return Answer({"failures": wire.to_plain(found)})


def failures_of(call: Call) -> Answer:
    """Why this one failed."""
    found = call.service.engine.deployment(call["deployment"])
    told = call.service.engine.failures(found.stack, found.id)
    return Answer({"failures": wire.to_plain(told)})


@kept
def listing(call: Call) -> Answer:
    """Deployments, newest first."""
    found = call.service.engine.deployments(call["stack"], call["limit"], call["marker"])
    return Answer({"deployments": wire.to_plain(found)})


def create(call: Call) -> Answer:
    """Begin one."""
    return started(call.service.engine.deploy(deploy_request(call, call.body["stack"])))


def deploy_request(call: Call, stack: str) -> DeployRequest:
    """What a body asks for of a kept version; the nodes are entered with the undercloud's own key.

    DEP-003 for an unknown plan, DEP-028 for an unknown version.
    """
    body = call.body
    call.service.library.exists(stack, body["version"])
    return DeployRequest(
        stack=stack,
        plan=PlanPaths(""),
        version=body["version"],
        force=tuple(body.get("force", ())),
        skip=tuple(body.get("skip", ())),
        operator=call.who,
        given=wire.from_plain(GivenFiles, body.get("given", {})),
        ssh=SshAccess(user=body.get("ssh_user", ""), port=body.get("ssh_port", 0)),
        **{name: body[name] for name in _SAME if name in body},
    )


@kept
def show(call: Call) -> Answer:
    """One deployment."""
    return Answer(wire.to_plain(call.service.engine.deployment(call["deployment"])))


@kept
def hosts_of(call: Call) -> Answer:
    """A page of the hosts of one deployment."""
    found = page(call.service.engine.hosts(call["deployment"]), lambda host: host.name, call)
    return Answer({"hosts": wire.to_plain(found)})


def resume(call: Call) -> Answer:
    """Go on with it; who may not begin such a thing may not go on with it either."""
    _may_begin(call)
    limit, skip = call.body.get("limit", ""), tuple(call.body.get("skip", ()))
    return started(call.service.engine.resume(call["deployment"], limit, skip))


def _may_begin(call: Call) -> None:
    """API-006 for who may not begin what the deployment does."""
    found = call.service.engine.deployment(call["deployment"])
    call.require(call.service.document.beginning(found.operation))


def rollback(call: Call) -> Answer:
    """Begin to deploy the last good version again, or an earlier one."""
    request = wire.from_plain(RollbackRequest, {**call.body, "stack": call["stack"], "operator": call.who})
    return started(call.service.engine.rollback(request))


def cancel(call: Call) -> Answer:
    """Ask it to stop; who may not begin such a thing may not stop it either."""
    _may_begin(call)
    reason = call.body.get("reason", "") or f"cancelled by {call.who}"
    call.service.engine.cancel(call["deployment"], reason)
    return started(call.service.engine.deployment(call["deployment"]))


def read_events(call: Call) -> Answer:
    """A page of events."""
    return _events(call) if call["wait"] else _events_so_far(call)


def _events(call: Call) -> Answer:
    found = call.service.engine.events(call["deployment"], call["after"], call["limit"], call["wait"])
    return Answer({"events": wire.to_plain(found)})


_events_so_far = kept(_events)


def stream_events(call: Call) -> Answer:
    """Events as they happen."""
    call.service.engine.deployment(call["deployment"])
    seen = call["Last-Event-ID"]
    after = call["after"] if seen is None else seen
    stream = events.Stream(call.service, call["deployment"], after)
    return Answer(stream=stream, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def report(call: Call) -> Answer:
    """What was found before and on the nodes, as a report."""
    found = call.service.engine.deployment(call["deployment"])
    title = f"{found.operation} of {found.stack} ({found.status})".capitalize()
    return reports.answer(call["format"], title, found.findings)


def changes(call: Call) -> Answer:
    """A page of changes."""
    found = call.service.engine.changes(call["deployment"])
    return Answer({"changes": wire.to_plain(found[call["offset"] : call["offset"] + call["limit"]])})


def log(call: Call) -> Answer:
    """Events as lines."""
    call.service.engine.deployment(call["deployment"])
    lines = events.lines(call.service.engine, call["deployment"], call["after"])
    return Answer(stream=lines, content_type="text/plain")


OPERATIONS: dict[str, Handler] = {
    "listStacks": stacks,
    "getStack": stack,
    "listHosts": hosts,
    "deleteStack": delete_stack,
    "createCheck": check,
    "createBackup": back_up,
    "createRollback": rollback,
    "getCredentials": credentials,
    "exportStack": export,
    "listFailures": failures,
    "listDeployments": listing,
    "createDeployment": create,
    "getDeployment": show,
    "listDeploymentHosts": hosts_of,
    "resumeDeployment": resume,
    "cancelDeployment": cancel,
    "listEvents": read_events,
    "streamEvents": stream_events,
    "listDeploymentFailures": failures_of,
    "getDeploymentReport": report,
    "listChanges": changes,
    "getLog": log,
}
