"""The config-download directory of a stack: the files that TripleO writes, from the stack's outputs.

Names and content are those of tripleo-common 18.0.0; files are equal to its by value, not as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from undercloud.playbooks.native import PlaybookFile
from undercloud.playbooks.upstream import hooks, yamltext
from undercloud.playbooks.upstream.deployments import PHASES, HostDeployment
from undercloud.playbooks.upstream.inventory import Access, inventory, short_names
from undercloud.playbooks.upstream.steps import of_step

INVENTORY = "tripleo-ansible-inventory.yaml"
STEPS = 6
_EXTERNAL = ("external_deploy_tasks", "external_deploy_steps_tasks")
_STEPS_OF = {
    "upgrade_tasks": STEPS,
    "deploy_steps_tasks": STEPS,
    "update_tasks": STEPS,
    "post_update_tasks": 4,
}
"""What is written once more for each step, and for how many steps."""


def directory(
    stack: str,
    outputs: Mapping[str, Any],
    deployments: Iterable[HostDeployment],
    settings: Mapping[str, Any],
    access: Access | None = None,
) -> dict[str, PlaybookFile]:
    """All files by relative path; ``settings`` are the environment's parameter_defaults."""
    texts: dict[str, str] = {}
    for role, data in (outputs.get("RoleData") or {}).items():
        texts |= {f"{role}/{name}": text for name, text in _role_files(data)}
    texts |= dict(_config_files(outputs.get("RoleConfig") or {}))
    servers = _servers(outputs)
    texts |= dict(_variables(outputs, servers))
    texts |= dict(_host_files(outputs, servers, list(deployments)))
    texts |= {"templates/heat-config.j2": hooks.LIST_OF_ONE, "deployments.yaml": hooks.tasks()}
    groups = yamltext.dump(inventory(stack, outputs, settings, access or Access()))
    texts |= {INVENTORY: groups, "inventory/tripleo": groups, ".gitignore": "*.tar.gz\n"}
    return {name: PlaybookFile(text) for name, text in sorted(texts.items())}


def _role_files(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if name in _EXTERNAL:
            continue
        if name == "step_config":
            yield "step_config.pp", value
        elif name == "param_config":
            yield "param_config.json", json.dumps(value)
        else:
            for step in range(_STEPS_OF.get(name, 0)):
                yield f"{name}_step{step}.yaml", yamltext.dump(of_step(value, step))
            yield f"{name}.yaml", yamltext.dump(value)


def _config_files(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in config.items():
        if name in _EXTERNAL:
            for step in range(STEPS):
                yield f"{name}_step{step}.yaml", yamltext.dump(of_step(value, step))
        text = yamltext.dump(value) if isinstance(value, list | dict) else str(value or "")
        yield name if "." in name else f"{name}.yaml", text


def _servers(outputs: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Server's identifier → its role and short name."""
    identifiers = (outputs.get("ServerIdData") or {}).get("server_ids") or {}
    return {
        identifiers[role][index]: (role, name)
        for role, names in (outputs.get("RoleNetHostnameMap") or {}).items()
        if names and role in identifiers
        for index, name in enumerate(short_names(names))
        if identifiers[role][index] is not None
    }


def _variables(
    outputs: Mapping[str, Any], servers: Mapping[str, tuple[str, str]]
) -> Iterable[tuple[str, str]]:
    """group_vars of every role that has servers."""
    of_roles = outputs.get("RoleGroupVars") or {}
    for role in dict.fromkeys(role for role, _ in servers.values()):
        yield f"group_vars/{role}", yamltext.dump(of_roles[role])


def _host_files(
    outputs: Mapping[str, Any],
    servers: Mapping[str, tuple[str, str]],
    deployments: Iterable[HostDeployment],
) -> Iterable[tuple[str, str]]:
    """host_vars of every server, and the files of its deployments."""
    names: dict[str, dict[str, list[str]]] = {}
    for deployment in deployments:
        # A server that is left out of the deployment (DeploymentServerBlacklist) is not among them.
        if deployment.server in servers:
            role, host = servers[deployment.server]
            listed = names.setdefault(host, {}).setdefault(deployment.phase, [])
            if deployment.name not in listed:
                listed.append(deployment.name)
            yield f"{role}/{host}/{deployment.name}", deployment.text
    of_hosts = outputs.get("AnsibleHostVarsMap") or {}
    for role, host in servers.values():
        phases: dict[str, Any] = {f"{phase}_{role}": names.get(host, {}).get(phase, []) for phase in PHASES}
        variables = (of_hosts.get(role) or {}).get(host) or {}
        yield f"host_vars/{host}", yamltext.dump(phases | variables)
