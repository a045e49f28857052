"""A plan of TripleO's own contract compiled: placed, completed as its client does, evaluated, written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from undercloud.diagnostics import Finding, Report
from undercloud.hot.faults import Fault, Reported
from undercloud.hot.stack import KeptStrings, Stack, StackRequest, evaluate
from undercloud.plan import passwords
from undercloud.plan.entropy import Entropy
from undercloud.plan.loader import Plan
from undercloud.plan.state import State
from undercloud.playbooks.given import set_at, with_places, with_secrets
from undercloud.playbooks.native import PlaybookFile
from undercloud.playbooks.upstream.client import generated, own_undercloud
from undercloud.playbooks.upstream.deployments import HostDeployment, deployments
from undercloud.playbooks.upstream.directory import directory
from undercloud.playbooks.upstream.inventory import LOCAL, Access
from undercloud.playbooks.upstream.planned import Placer, kept
from undercloud.topology.hosts import Placement, PlaceRequest, place
from undercloud.topology.model import Topology

CONTROL_PLANE = "192.168.24.0/24"
"""The provisioning network of TripleO's undercloud where its operator says nothing else."""


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What became of the plan; without files where the report has errors."""

    stack: Stack
    topology: Topology
    state: State
    files: Mapping[str, PlaybookFile]


def compile_upstream(
    plan: Plan,
    state: State,
    entropy: Entropy,
    reserved: Mapping[str, Mapping[str, str]],
    report: Report,
) -> Compiled:
    """Compile a plan; findings go to the report (HOT-, TOP-; ROLE-005 outputs of another form)."""
    given = {**plan.environment.parameter_defaults, **plan.environment.parameters}
    state = passwords.complete(state, given, entropy)
    ports = kept(state)
    taken = {
        name: {**ports.get(name, {}), **reserved.get(name, {})} for name in ports.keys() | reserved.keys()
    }
    placement = _placed(plan, state, taken, report)
    made = generated(plan, placement.topology, passwords.parameters(state, given))
    # An older tree has other templates for ports, or none.
    registry = {name: path for name, path in made.registry.items() if path in plan.tree}
    environment = with_secrets(plan.environment.with_generated(made.parameters, registry))
    state, placer = placement.state, Placer(placement.topology, ports, taken)
    strings = KeptStrings(state.random_strings, entropy)
    request = StackRequest(plan.tree, plan.root, environment, strings, plan.name, allocate=placer)
    stack = evaluate(request)
    report.extend(with_places(stack.findings, plan.roles, environment))
    if strings.strings != state.random_strings:
        state = state.with_random_strings(strings.strings)
    state = placer.state(state)
    files: Mapping[str, PlaybookFile] = {}
    if not report.errors:
        access = Access(variables=dict.fromkeys(own_undercloud(plan.roles, placement.topology), LOCAL))
        files = _written(plan, stack, environment.parameter_defaults, access, report)
    return Compiled(stack, placement.topology, state, files)


def _written(
    plan: Plan, stack: Stack, settings: Mapping[str, Any], access: Access, report: Report
) -> Mapping[str, PlaybookFile]:
    """The directory; outputs of another form than TripleO's are reported: any template may make them."""
    try:
        return directory(plan.name, stack.outputs, found(stack), settings, access)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        text = f"the stack's outputs are not what config-download is made of: {type(error).__name__}: {error}"
        fix = (
            "Give RoleData, RoleNetIpMap, ServerIdData and the others the form that TripleO's templates give."
        )
        place = plan.tree.document(plan.root).locate("outputs")
        report.add(Finding("ROLE-005", text, fix, locations=(place,)))
        return {}


def found(stack: Stack) -> list[HostDeployment]:
    """The software deployments of an evaluated stack; none where it has errors."""
    try:
        return list(deployments(stack.walk()))
    except (Fault, Reported):
        return []


def _placed(plan: Plan, state: State, reserved: Mapping[str, Mapping[str, str]], report: Report) -> Placement:
    environment = plan.environment
    return place(
        PlaceRequest(
            stack=plan.name,
            roles=plan.roles,
            networks=plan.networks,
            vips=plan.vips,
            deployment=plan.baremetal,
            parameters=_readable(plan),
            locate=lambda name: set_at(environment, name),
            state=state,
            reserved=reserved,
            assumed_plane=CONTROL_PLANE,
        ),
        report,
    )


def _readable(plan: Plan) -> dict[str, Any]:
    """The operator's parameters, with counts as numbers and maps as maps where they are written as text."""
    environment = plan.environment
    values = {**environment.parameter_defaults, **environment.parameters}
    maps = ["HostnameMap", "NodePortMap", "DeployedServerPortMap", "CtlplaneNetworkAttributes", "VipPortMap"]
    for name in [*maps, *(f"{role.name}Count" for role in plan.roles)]:
        if isinstance(values.get(name), str):
            try:
                values[name] = json.loads(values[name])
            except ValueError:
                continue  # what it is to be is told when it is used
    return values
