"""Software deployments of a stack, as TripleO hands them to Ansible: a file for each, and when each runs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.software import SoftwareDeployment

MARKER = "TripleODeployment"
"""The resource that TripleO's templates keep a deployment's name and server in."""
_RESOURCE = "TripleOSoftwareDeployment"
_CREATE = "CREATE"
_OWN_INPUTS = {
    "deploy_server_id": "ID of the server being deployed to",
    "deploy_action": "Name of the current action being deployed",
    "deploy_stack_id": "ID of the stack this deployment belongs to",
    "deploy_resource_name": "Name of this deployment resource in the stack",
    "deploy_signal_transport": "How the server should signal to heat with the deployment output values.",
}
"""The inputs that Heat adds to every deployment, with their descriptions."""
_UNDECLARED = {"description": "None"}
"""An input that the configuration does not declare: Heat's lack of a description becomes this word."""

PHASES = ("pre_network", "pre_deployments", "post_deployments")


@dataclasses.dataclass(frozen=True)
class HostDeployment:
    """One deployment on one server; ``phase`` is one of :data:`PHASES`, ``text`` the file's."""

    server: str
    name: str
    phase: str
    text: str


def deployments(resources: Iterable[Resource]) -> Iterator[HostDeployment]:
    """The deployments that run when the stack is created. Raises Fault or Reported for one that is wrong."""
    for marker in resources:
        if marker.name != MARKER:
            continue
        deployment = marker.scope.resource(_RESOURCE, marker.definition.site)
        if isinstance(deployment, SoftwareDeployment) and _CREATE in deployment.property("actions"):
            yield _host_deployment(marker, deployment)


def _host_deployment(marker: Resource, deployment: SoftwareDeployment) -> HostDeployment:
    value = marker.attribute("value", (), marker.definition.site)
    name, server = value.get("name") or _owner(marker.path), value["server"]
    return HostDeployment(server, name, _phase(marker.path), _file(name, server, deployment))


def _owner(path: tuple[str, ...]) -> str:
    """What a deployment without a name is called after: the resource around it, above a group's members."""
    return next((name for name in reversed(path[:-1]) if not name.isdecimal()), path[-1])


def _phase(path: tuple[str, ...]) -> str:
    """When a deployment runs, by the names of TripleO's hooks on the way to it."""
    way = "-".join(path)
    if "ExtraConfigPost" in way or "PostConfig" in way:
        return "post_deployments"
    return "pre_network" if "PreNetworkConfig" in way else "pre_deployments"


def _file(name: str, server: str, deployment: SoftwareDeployment) -> str:
    """The file: YAML laid out so that a template may fill in its ``config`` on the node's side."""
    made = deployment.deployment()
    config = made.config
    if isinstance(config, str):
        with contextlib.suppress(ValueError):
            config = json.loads(config)
    if not isinstance(config, str):
        config = json.dumps(config, indent=2)
    structured = made.group == "hiera"
    lines = [
        f"{name}:",
        "  config:" if structured else "  config: |",
        *_indented(config, 4),
        '  creation_time: ""',
        f"  deployment_name: {name}",
        f"  group: {made.group}",
        f"  id: {deployment.reference(deployment.definition.site)}",
        "  inputs:",
        *(line for each in _inputs(server, deployment) for line in _input(*each)),
        f"  name: {made.name}",
        f"  options: {dict(made.options)}",
        "  outputs:",
        *(line for output in made.outputs for line in _output(output)),
    ]
    return "\n".join(lines) + "\n"


def _inputs(server: str, deployment: SoftwareDeployment) -> Iterator[tuple[str, str, str, Any]]:
    """Name, description, type and value of every input."""
    made = deployment.deployment()
    declared = {each["name"]: each for each in deployment.source().get("inputs", ())}
    for name, value in made.inputs.items():
        if name in _OWN_INPUTS:
            yield name, _OWN_INPUTS[name], "String", server if name == "deploy_server_id" else value
        else:
            known = declared.get(name, _UNDECLARED)
            yield name, known.get("description") or "", known.get("type") or "String", value


def _input(name: str, description: str, kind: str, value: Any) -> Iterator[str]:
    yield f"    - name: {name}"
    yield f"      description: {description}"
    yield f"      type: {kind}"
    yield "      value: |-"
    yield from _indented(str(value), 8)


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    yield f"    - name: {output['name']}"
    yield f"      description: {output.get('description') or ''}"
    yield f"      type: {output.get('type') or 'String'}"


def _indented(text: str, width: int) -> Iterator[str]:
    return (" " * width + line if line.strip() else line for line in text.split("\n"))
