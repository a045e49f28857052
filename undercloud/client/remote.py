"""The Engine interface over the REST API. The operator's files are read here and sent as they are."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from undercloud.client import sending
from undercloud.client.http import Http
from undercloud.client.machines import RemoteMachines
from undercloud.client.refusals import not_over_there
from undercloud.client.settings import Remote
from undercloud.deploy import wire
from undercloud.deploy.engine import (
    Change,
    Credentials,
    Deployment,
    Event,
    Explained,
    Exported,
    Failure,
    HostCounts,
    PlanInfo,
    StackHost,
    StackInfo,
    Validated,
)
from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanRef,
    RollbackRequest,
    SshAccess,
)
from undercloud.diagnostics import Finding, UndercloudError
from undercloud.plan import archive
from undercloud.plan.bundle import Bundle

_LONGEST_WAIT = 20  # seconds that the API waits for an event
_POLL = 1.0  # seconds between two looks at long work
_SAME = (
    "stack",
    "dry_run",
    "limit",
    "rollback_on_failure",
    "errors_pass",
    "warnings_stop",
    "timeout",
    "verbosity",
)


class RemoteEngine(RemoteMachines):
    """Implements ``machines.WholeEngine``."""

    def __init__(self, remote: Remote) -> None:
        super().__init__(Http(remote))

    def deploy(self, request: DeployRequest) -> Deployment:
        """Send the plan's files, unless it asks for a kept version, and start."""
        if request.registry:
            raise not_over_there("--registry", "The undercloud adds where its images are.")
        body = {name: getattr(request, name) for name in _SAME} | sending.way_in(request.ssh)
        body |= {
            "version": sending.version_of(self._http, request),
            "force": list(request.force),
            "skip": list(request.skip),
            "given": wire.to_plain(request.given),
        }
        return self._http.post(Deployment, "/v1/deployments", body)

    def delete(self, request: DeleteRequest) -> Deployment:
        """Start to undo a stack on its nodes, entered as the last deployment did."""
        if request.ssh != SshAccess():
            raise _own_way_in()
        query = {
            "abandon": str(request.abandon).lower(),
            "timeout": request.timeout,
            "verbosity": request.verbosity,
        }
        answer = self._http.ask("DELETE", f"/v1/stacks/{quote(request.stack, safe='')}", params=query)
        return wire.from_plain(Deployment, answer.json())

    def check(self, request: CheckRequest) -> Deployment:
        """Start the checks of a deployed cloud."""
        if request.ssh != SshAccess():
            raise _own_way_in()
        body = {
            "groups": list(request.groups),
            "names": list(request.names),
            "timeout": request.timeout,
            "verbosity": request.verbosity,
        }
        return self._http.post(Deployment, f"/v1/stacks/{quote(request.stack, safe='')}/checks", body)

    def backup(self, request: BackupRequest) -> Deployment:
        """Start to copy what a deployed cloud cannot be made again without, or to put it back."""
        if request.ssh != SshAccess():
            raise _own_way_in()
        body = wire.to_plain(request)
        del body["ssh"], body["stack"]
        answer = self._http.ask("POST", f"/v1/stacks/{quote(request.stack, safe='')}/backups", json=body)
        return wire.from_plain(Deployment, answer.json())

    def resume(self, deployment: str, limit: str = "", skip: tuple[str, ...] = ()) -> Deployment:
        """Go on with an interrupted or failed deployment at its first unfinished stage."""
        body = {"limit": limit, "skip": list(skip)}
        return self._http.post(Deployment, f"{_place(deployment)}/resume", body)

    def rollback(self, request: RollbackRequest) -> Deployment:
        """Start to deploy the last good version again, or an earlier one."""
        body = {"version": request.version, "timeout": request.timeout, "verbosity": request.verbosity}
        return self._http.post(Deployment, f"/v1/stacks/{quote(request.stack, safe='')}/rollback", body)

    def cancel(self, deployment: str, reason: str = "") -> None:
        """Ask a running deployment to stop."""
        self._http.post(Deployment, f"{_place(deployment)}/cancel", {"reason": reason})

    def deployment(self, deployment: str) -> Deployment:
        """One deployment as it stands."""
        return self._http.get(Deployment, _place(deployment))

    def hosts(self, deployment: str) -> tuple[HostCounts, ...]:
        """The hosts that a deployment's tasks ran on, by name; none if the undercloud is too old to tell."""
        try:
            return self._http.named(HostCounts, f"{_place(deployment)}/hosts", "hosts", "name")
        except UndercloudError as error:
            if error.findings[0].code == "API-003":  # an older one does not know the path
                return ()
            raise

    def deployments(self, stack: str = "", limit: int = 100, marker: str = "") -> tuple[Deployment, ...]:
        """Deployments, newest first; at most 1000."""
        query = {"stack": stack, "limit": min(limit, 1000), "marker": marker}
        return self._http.get(tuple[Deployment, ...], "/v1/deployments", "deployments", **query)

    def events(
        self, deployment: str, after: int = 0, limit: int = 1000, wait: float = 0
    ) -> tuple[Event, ...]:
        """Events with a ``seq`` above ``after``; waits up to ``wait`` seconds for the first one."""
        query = {
            "after": after,
            "limit": min(limit, 1000),
            "wait": min(math.ceil(wait), _LONGEST_WAIT),
        }
        return self._http.get(tuple[Event, ...], f"{_place(deployment)}/events", "events", **query)

    def wait(self, deployment: str, timeout: float | None = None) -> Deployment:
        """Wait until a deployment's status is final, or ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            found = self.deployment(deployment)
            left = _POLL if deadline is None else deadline - time.monotonic()
            if found.status.final or left <= 0:
                return found
            time.sleep(min(_POLL, left))

    def failures(self, stack: str, deployment: str = "") -> tuple[Failure, ...]:
        """Failures of a deployment, the stack's last one unless said."""
        whose = _place(deployment) if deployment else f"/v1/stacks/{quote(stack, safe='')}"
        return self._http.get(tuple[Failure, ...], f"{whose}/failures", "failures")

    def changes(self, deployment: str) -> tuple[Change, ...]:
        """What a dry run would change, or what a run changed."""
        return self._http.numbered(Change, f"{_place(deployment)}/changes", "changes")

    def status(self, stack: str) -> StackInfo:
        """One stack."""
        return self._http.get(StackInfo, f"/v1/stacks/{quote(stack, safe='')}")

    def stack_hosts(self, stack: str) -> tuple[StackHost, ...]:
        """The nodes that were compiled last for a stack, by name."""
        return self._http.named(StackHost, f"/v1/stacks/{quote(stack, safe='')}/hosts", "hosts", "name")

    def stacks(self) -> tuple[StackInfo, ...]:
        """All stacks by name."""
        return self._http.named(StackInfo, "/v1/stacks", "stacks", "name")

    def plans(self) -> tuple[PlanInfo, ...]:
        """All plans by name."""
        return self._http.named(PlanInfo, "/v1/plans", "plans", "name")

    def keep_plan(self, bundle: Bundle) -> int:
        """Send a plan's files; the number of the version they are."""
        return sending.keep_plan(self._http, bundle)

    def plan_files(self, stack: str, version: int = 0) -> Bundle:
        """The files of a version (0: the newest), as they were handed over."""
        number = version or self._newest(stack)
        answer = self._http.ask("GET", f"/v1/plans/{quote(stack, safe='')}/versions/{number}/archive")
        return archive.unpack(io.BytesIO(answer.content), stack)

    def validate_plan(self, stack: str, version: int = 0, given: GivenFiles | None = None) -> Validated:
        """Validate a version of a plan; the files that findings point into stay where they are."""
        body = {"plan": stack, "version": version, "given": wire.to_plain(given or GivenFiles())}
        place = self._http.ask("POST", "/v1/validations", json=body).headers["Location"]
        while True:
            found: dict[str, Any] = self._http.ask("GET", place).json()
            if found["status"] != "running":
                break
            time.sleep(_POLL)
        if found["status"] == "interrupted":
            raise UndercloudError.of("CLI-046", "the undercloud ended while it validated", fix="Ask again.")
        return Validated(stack, found["version"], wire.from_plain(tuple[Finding, ...], found["findings"]))

    def compare_plans(self, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
        """What differs between two kept plans."""
        if before.request or after.request:
            raise not_over_there(
                "a comparison with files", "Compare kept versions, or here without --undercloud."
            )
        body = {name: _plain(reference) for name, reference in (("before", before), ("after", after))}
        found: Mapping[str, Any] = self._http.ask("POST", "/v1/comparisons", json=body).json()
        return found

    def explain_plan(
        self, plan: PlanRef, name: str, *, effects: bool = True, everything: bool = False
    ) -> Explained:
        """Where a value of a kept plan comes from and what it leads to."""
        version = plan.version or self._newest(plan.stack)
        path = f"/v1/plans/{quote(plan.stack, safe='')}/versions/{version}/explanation"
        asked = {"effects": str(effects).lower(), "everything": str(everything).lower()}
        return self._http.get(Explained, path, name=name, **asked)

    def _newest(self, plan: str) -> int:
        """The number of a plan's newest version."""
        return self._http.get(PlanInfo, f"/v1/plans/{quote(plan, safe='')}").version

    def delete_plan(self, stack: str) -> None:
        """Forget a plan with its versions and passwords."""
        self._http.ask("DELETE", f"/v1/plans/{quote(stack, safe='')}")

    def credentials(self, stack: str) -> Credentials:
        """How to use a deployed cloud."""
        return self._http.get(Credentials, f"/v1/stacks/{quote(stack, safe='')}/credentials")

    def export_stack(self, stack: str) -> Exported:
        """What another plan needs of a deployed stack."""
        return self._http.get(Exported, f"/v1/stacks/{quote(stack, safe='')}/export")

    def forget_host_key(self, address: str, port: int = 22) -> bool:
        """Let the next contact with an address be the first one; False when it was never met."""
        try:
            self._http.ask("DELETE", f"/v1/host-keys/{quote(address, safe='')}", params={"port": port})
        except UndercloudError as error:
            if error.findings[0].code == "API-010":
                return False
            raise
        return True

    def close(self) -> None:
        """Close the connections; what runs there goes on."""
        self._http.close()


def _place(deployment: str) -> str:
    return f"/v1/deployments/{quote(deployment, safe='')}"


def _plain(reference: PlanRef) -> dict[str, Any]:
    return {"stack": reference.stack, "version": reference.version, "deployed": reference.deployed}


def _own_way_in() -> UndercloudError:
    """What another machine's undercloud does not take."""
    return not_over_there("a way into the nodes of its own", "The undercloud takes that of the deployment.")
