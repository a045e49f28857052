"""A compiled plan as it is compared: out of a compilation, or out of the files that ``plan compile`` wrote."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from undercloud.diagnostics import UndercloudError
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.stack import ResourceNode, Stack
from undercloud.plan.environment import Environment, Origin
from undercloud.plan.secrets import Secret, masked
from undercloud.playbooks import desired
from undercloud.playbooks.compiler import Compilation, Contract
from undercloud.playbooks.desired import DesiredState
from undercloud.topology.model import Topology
from undercloud.validation.composition import Composition
from undercloud.validation.diff.hushed import digest, digests, hidden, hushed

FILE = "snapshot.json"
"""The name of the file among the output of ``plan compile``."""
VERSION = 1
DIRECTORY = "config-download/"
_NEEDED = "plan.json"


@dataclasses.dataclass(frozen=True, slots=True)
class ParameterState:
    """A parameter's value (hushed), and where files set it, the place that counts last."""

    value: Any
    places: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceState:
    """What a resource is made of."""

    type: str
    template: str = ""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One plan, compiled. Values are hushed (see ``hushed``).

    ``files`` is the playbook directory as it is written, ``secrets`` reference → digest of its value,
    ``known`` the digests of texts in ``files`` that are secret. ``partial``: it is of a version of ``plan
    compile`` that wrote no snapshot; parameters and hosts' addresses are missing.
    """

    name: str
    contract: str
    parameters: Mapping[str, ParameterState]
    resources: Mapping[str, ResourceState]
    outputs: Mapping[str, Any]
    hosts: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    desired: DesiredState | None = None
    secrets: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    known: frozenset[str] = dataclasses.field(default_factory=frozenset, repr=False)
    partial: bool = False


def of_compilation(
    compilation: Compilation, composition: Composition | None = None, *, with_parameters: bool = True
) -> Snapshot:
    """The snapshot of a compilation, as far as it came.

    Whoever changed a parameter to see what follows can do without the parameters.
    """
    composition = composition or Composition(compilation.plan, compilation.stack, compilation.topology)
    native = compilation.contract is Contract.NATIVE
    outputs = compilation.stack.outputs
    return Snapshot(
        name=compilation.plan.name,
        contract=compilation.contract.value,
        parameters=_parameters(composition) if with_parameters else {},
        resources=_resources(compilation.stack.resources()),
        # As stack.json has them: of our own contract secrets are told apart by their references.
        outputs=masked(dict(outputs)) if native else hushed(dict(outputs)),  # type: ignore[arg-type]
        hosts=_hosts(compilation.topology),
        files={path: file.text for path, file in compilation.files.items()},
        desired=compilation.lowered.desired if compilation.lowered else None,
        secrets={name: digest(_revealed(value)) for name, value in compilation.secrets.items()},
        known=frozenset() if native else secret_digests(compilation.stack),
    )


def facts(composition: Composition) -> dict[str, Any]:
    """What ``plan compile`` keeps for a later comparison besides what it writes anyway, fit for JSON."""
    return {
        "version": VERSION,
        "parameters": {
            name: {"value": state.value, "places": list(state.places)}
            for name, state in _parameters(composition).items()
        },
        "hosts": dict(_hosts(composition.topology)),
        "secrets": sorted(secret_digests(composition.stack)),
    }


def secret_digests(stack: Stack) -> frozenset[str]:
    """The digests of all secret texts that may stand in a playbook directory in the clear."""
    deployed = [[each.config, dict(each.inputs)] for each in stack.deployments()]
    return frozenset({digest(text) for text in stack.hidden} | digests(stack.outputs, deployed))


def of_files(files: Mapping[str, str]) -> Snapshot:
    """The snapshot of what ``plan compile`` wrote; ``files`` are its texts by path.

    Raises UndercloudError DIFF-001 for files that are no such output.
    """
    try:
        plan, stack = json.loads(files[_NEEDED]), json.loads(files["stack.json"])
        kept = json.loads(files[FILE]) if FILE in files else None
        if kept is not None and kept["version"] != VERSION:
            raise ValueError(f"version {kept['version']} of {FILE} is not known")
        state = files.get("desired_state.json")
        known = frozenset(kept["secrets"]) if kept else frozenset[str]()
        secrets = json.loads(files.get(f"{DIRECTORY}secrets.json", "{}"))
        return Snapshot(
            name=plan["name"],
            contract=plan["contract"],
            parameters={
                name: ParameterState(each["value"], tuple(each["places"]))
                for name, each in (kept or {"parameters": {}})["parameters"].items()
            },
            resources=_named(stack["resources"]),
            outputs=hushed(stack["outputs"], known),
            hosts=kept["hosts"] if kept else {},
            files={
                path.removeprefix(DIRECTORY): text
                for path, text in files.items()
                if path.startswith(DIRECTORY)
            },
            desired=desired.from_dict(json.loads(state)) if state else None,
            secrets={name: digest(str(value)) for name, value in secrets.items()},
            known=known,
            partial=kept is None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        raise UndercloudError.of(
            "DIFF-001",
            f"this is no output of plan compile, or one of another version ({problem!r})",
            fix="name a directory that `openstack overcloud plan compile` wrote with --output-dir",
        ) from problem


def _parameters(composition: Composition) -> dict[str, ParameterState]:
    environment = composition.environment
    found = {}
    for name in sorted(_free(composition)):
        value = composition.values.get(name, composition.given.get(name))
        secret = composition.is_hidden(name) or name in environment.encrypted
        found[name] = ParameterState(hidden(value) if secret else hushed(value), places(environment, name))
    return found


def _free(composition: Composition) -> set[str]:
    """The parameters that an environment may set: those that some stack is not given by the one around it."""
    stack = composition.stack
    names = {name for name in composition.given if isinstance(name, str)}
    names.update(stack.root.template.parameters if stack.root else ())
    seen: set[tuple[str, frozenset[str]]] = set()
    for member in stack.walk():
        if isinstance(member, TemplateResource):
            key = (member.nested_template.base, frozenset(member.definition.properties))
            if key not in seen:
                seen.add(key)
                names.update(member.nested_template.parameters.keys() - key[1])
    return names


def places(environment: Environment, name: str) -> tuple[str, ...]:
    """Where an operator's files set a parameter, as FILE:LINE:COLUMN; the place that counts last."""
    return tuple(
        str(one.location)
        for one in environment.history(name)
        if one.layer.origin is Origin.OPERATOR and one.layer.document.text
    )


def _hosts(topology: Topology | None) -> dict[str, dict[str, Any]]:
    return {
        host.name: {"role": host.role, "address": host.address, "ips": dict(host.ips)}
        for host in (topology.hosts if topology else ())
    }


def _resources(nodes: Mapping[str, ResourceNode], above: str = "") -> dict[str, ResourceState]:
    found = {}
    for name, node in nodes.items():
        path = f"{above}{name}"
        found[path] = ResourceState(node.type, node.template)
        found |= _resources(node.children, f"{path}/")
    return found


def _named(nodes: Mapping[str, Any], above: str = "") -> dict[str, ResourceState]:
    """The same out of ``stack.json``."""
    found = {}
    for name, node in nodes.items():
        path = f"{above}{name}"
        found[path] = ResourceState(node["type"], node.get("template", ""))
        found |= _named(node.get("resources", {}), f"{path}/")
    return found


def _revealed(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)
