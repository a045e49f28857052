"""The Engine interface's part about machines, over the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from undercloud.client import sending
from undercloud.client.http import Http
from undercloud.deploy import logins, wire
from undercloud.deploy.engine import Deployment
from undercloud.deploy.machines import (
    Discovered,
    DiscoverRequest,
    MachineDetail,
    MachineInfo,
    MachinesRequest,
    MachineWork,
    ProvisionedNode,
    UnprovisionRequest,
)
from undercloud.deploy.requests import DeployRequest
from undercloud.diskimages.built import Built

_PACE = ("concurrency", "timeout", "retries")
_TARGETS = ("bios", "raid", "power")
"""Parts of work that say by a field of their own name what is wanted."""


class RemoteMachines:
    """Implements ``machines.Machines``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def prepare_machines(self, request: MachinesRequest) -> Deployment:
        """Start work with machines; a file of them is read here and sent whole."""
        body: dict[str, Any] = {name: getattr(request, name) for name in _PACE}
        body["work"] = [str(part) for part in request.work if part is not MachineWork.ENROL]
        if MachineWork.CONFIGURE in request.work:
            body["configuration"] = wire.to_plain(request.configuration)
        if request.file is not None:
            return self._http.post(Deployment, "/v1/nodes", {**body, "file": wire.to_plain(request.file)})
        body |= {name: wire.to_plain(getattr(request, name)) for name in _TARGETS if name in request.work}
        body |= {"nodes": list(request.machines), "soft": request.soft}
        return self._http.post(Deployment, "/v1/nodes/work", body)

    def discover_machines(self, request: DiscoverRequest) -> Discovered:
        """Look for BMCs; the passwords that fitted are put in here."""
        answer = self._http.ask("POST", "/v1/nodes/discovery", json=wire.to_plain(request))
        return logins.restored(answer.json(), request.credentials)

    def machines(self) -> tuple[MachineInfo, ...]:
        """All machines by name."""
        return self._http.named(MachineInfo, "/v1/nodes", "nodes", "title")

    def machine(self, name: str) -> MachineDetail:
        """One machine by name or UUID."""
        return self._http.get(MachineDetail, f"/v1/nodes/{quote(name, safe='')}")

    def disk_images(self) -> tuple[Built, ...]:
        """The images that machines are handed, by name."""
        return self._http.get(tuple[Built, ...], "/v1/disk-images", "images")

    def set_maintenance(self, names: tuple[str, ...], on: bool, reason: str = "") -> None:
        """Put machines into maintenance, or take them out."""
        body = {"nodes": list(names), "on": on, "reason": reason}
        self._http.ask("POST", "/v1/nodes/maintenance", json=body)

    def forget_machines(self, names: tuple[str, ...]) -> None:
        """Let Ironic forget machines."""
        self._http.ask("POST", "/v1/nodes/unregister", json={"nodes": list(names)})

    def provision(self, request: DeployRequest) -> Deployment:
        """Send the plan's files, unless it asks for a kept version, and start to provision its nodes."""
        body = {**sending.way_in(request.ssh), "limit": request.limit}
        body["concurrency"] = request.concurrency
        body["version"] = sending.version_of(self._http, request)
        return self._http.post(Deployment, f"{_stack(request.stack)}/provision", body)

    def unprovision(self, request: UnprovisionRequest) -> Deployment:
        """Start to give machines of a stack back."""
        chosen = {"everything": True} if request.everything else {"hosts": list(request.hosts)}
        body = {
            **chosen,
            **{name: getattr(request, name) for name in ("leave", "sure", "concurrency", "timeout")},
        }
        return self._http.post(Deployment, f"{_stack(request.stack)}/unprovision", body)

    def provisioned(self, stack: str) -> tuple[ProvisionedNode, ...]:
        """The nodes of a stack that have a machine, by name."""
        return self._http.named(ProvisionedNode, f"{_stack(stack)}/nodes", "nodes", "host")

    def allocate(self, request: DeployRequest) -> Deployment:
        """Send the plan's files, unless it asks for a kept version, and start to give it its addresses."""
        sending.way_in(request.ssh)
        body = {"version": sending.version_of(self._http, request)}
        return self._http.post(Deployment, f"{_stack(request.stack)}/addresses", body)

    def addresses(self, stack: str) -> Mapping[str, Mapping[str, str]]:
        """Network → owner → address, as a plan has them."""
        found = self._http.ask("GET", f"{_stack(stack)}/addresses").json()
        given: Mapping[str, Mapping[str, str]] = found["addresses"]
        return given


def _stack(name: str) -> str:
    return f"/v1/stacks/{quote(name, safe='')}"
