"""The compiler: a plan, its state and entropy in; a playbook directory, secrets and the new state out.

Pure: the same plan, state and entropy give the same bytes. What is made of a plan depends on the contract
that its root template keeps (:class:`Contract`).
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity, UndercloudError
from undercloud.hot.stack import KeptStrings, ResourceNode, Stack, StackRequest, evaluate
from undercloud.plan import passwords
from undercloud.plan.collecting import uncollected
from undercloud.plan.entropy import Entropy
from undercloud.plan.loader import Plan
from undercloud.plan.state import State
from undercloud.playbooks.desired import DesiredState
from undercloud.playbooks.endpoint_map import OUTPUT as ELSEWHERE
from undercloud.playbooks.endpoints import PublicFront
from undercloud.playbooks.given import set_at, with_places, with_secrets
from undercloud.playbooks.lower import Lowered, lower
from undercloud.playbooks.native import PlaybookFile, directory
from undercloud.playbooks.public_tls import OUTPUT as PUBLIC_TLS
from undercloud.playbooks.public_tls import PublicTls, settle
from undercloud.playbooks.role_data import CONTRACT, ServiceData, read
from undercloud.playbooks.upstream.compiling import compile_upstream
from undercloud.topology.hosts import PlaceRequest, place
from undercloud.topology.model import CTLPLANE, Topology

CHAIN = "OS::Heat::ResourceChain"


class Contract(enum.StrEnum):
    """What a stack's role data are: our own, TripleO's, or none at all (any other HOT template)."""

    NATIVE = "native"
    UPSTREAM = "upstream"
    NONE = "none"


@dataclasses.dataclass(frozen=True)
class Compilation:
    """What became of a plan.

    ``files`` is the playbook directory by relative path, ``secrets`` reference → value, ``state`` the state
    to keep, ``findings`` everything that was found. With an error among them there are no files and no
    secrets, and ``lowered`` and ``topology`` are as far as it came. ``public_tls`` is what clients are served
    with; None is plain HTTP.
    """

    plan: Plan = dataclasses.field(repr=False)
    contract: Contract
    stack: Stack = dataclasses.field(repr=False)
    state: State = dataclasses.field(repr=False)
    findings: tuple[Finding, ...]
    topology: Topology | None = None
    public_tls: PublicTls | None = dataclasses.field(default=None, repr=False)
    lowered: Lowered | None = dataclasses.field(default=None, repr=False)
    files: Mapping[str, PlaybookFile] = dataclasses.field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a deployment."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def ok(self) -> bool:
        """Whether it can be deployed."""
        return not self.errors

    @property
    def desired(self) -> DesiredState:
        """The desired state; raises UndercloudError as :meth:`raise_for_undeployable` does."""
        self.raise_for_undeployable()
        assert self.lowered is not None, "a compilation without errors is whole"
        return self.lowered.desired

    def raise_for_errors(self) -> Compilation:
        """The compilation itself; raises UndercloudError with all errors if there are any."""
        if self.errors:
            raise UndercloudError(*self.errors)
        return self

    def raise_for_undeployable(self) -> Compilation:
        """The compilation itself, if it can be deployed.

        Raises UndercloudError with all errors, or ROLE-004 for a stack that does not keep our contract.
        """
        self.raise_for_errors()
        if self.contract is not Contract.NATIVE:
            raise UndercloudError(_foreign(self.plan, _REFUSED[self.contract]))
        return self


def compile(  # noqa: A001 - the room's one verb
    plan: Plan,
    state: State,
    entropy: Entropy,
    reserved: Mapping[str, Mapping[str, str]] | None = None,
) -> Compilation:
    """Compile a plan; all mistakes of the operator are findings of the result.

    ``reserved`` is network → address → owner of what other stacks hold. Codes: HOT-, TOP-, ROLE-; ROLE-004 a
    stack of another contract.
    """
    with uncollected():
        return _compile(plan, state, entropy, reserved or {})


def _compile(
    plan: Plan, state: State, entropy: Entropy, reserved: Mapping[str, Mapping[str, str]]
) -> Compilation:
    contract = contract_of(plan)
    if contract is Contract.NATIVE:
        return _native(plan, state, entropy, reserved)
    report = Report(plan.findings)
    if contract is Contract.UPSTREAM:
        made = compile_upstream(plan, state, entropy, reserved, report)
        return Compilation(
            plan, contract, made.stack, made.state, report.findings, made.topology, files=made.files
        )
    strings = KeptStrings(state.random_strings, entropy)
    stack = evaluate(StackRequest(plan.tree, plan.root, plan.environment, strings, plan.name))
    report.extend(with_places(stack.findings, plan.roles, plan.environment))
    return Compilation(plan, contract, stack, state.with_random_strings(strings.strings), report.findings)


def contract_of(plan: Plan) -> Contract:
    """What the outputs of the root template say; NONE also where it cannot be read."""
    try:
        value = plan.tree.document(plan.root).value
    except UndercloudError:
        return Contract.NONE  # told by the evaluation
    outputs = value.get("outputs") if isinstance(value, Mapping) else None
    if not isinstance(outputs, Mapping):
        return Contract.NONE
    if "RoleDataContract" in outputs:
        return Contract.NATIVE
    return Contract.UPSTREAM if "RoleData" in outputs else Contract.NONE


def _native(
    plan: Plan, state: State, entropy: Entropy, reserved: Mapping[str, Mapping[str, str]]
) -> Compilation:
    given = {**plan.environment.parameter_defaults, **plan.environment.parameters}
    state = passwords.complete(state, given, entropy)
    environment = with_secrets(plan.environment.with_generated(passwords.parameters(state, given)))
    strings = KeptStrings(state.random_strings, entropy)
    stack = evaluate(StackRequest(plan.tree, plan.root, environment, strings, plan.name))
    if strings.strings != state.random_strings:
        state = state.with_random_strings(strings.strings)
    report = Report((*plan.findings, *with_places(stack.findings, plan.roles, environment)))
    if not _is_known(plan, stack, report):
        return Compilation(plan, Contract.NATIVE, stack, state, report.findings)
    public, here = _public_network(stack), functools.partial(set_at, environment)
    placement = place(
        PlaceRequest(
            stack=plan.name,
            roles=plan.roles,
            networks=plan.networks,
            vips=plan.vips,
            deployment=plan.baremetal,
            parameters=collections.ChainMap(stack.parameters, environment.parameter_defaults),
            locate=here,
            declared=stack.declared_at,
            state=state,
            public_network=public,
            reserved=reserved,
        ),
        report,
    )
    topology, state = placement.topology, placement.state
    public_tls = None
    titled = (vip for name, vip in topology.vips.items() if public in {name, topology.networks[name].title})
    if vip := next(titled, None):
        wanted = stack.outputs.get(PUBLIC_TLS)
        public_tls, state = settle(wanted, vip, state, entropy, locate=here, report=report)
    role_data = _role_data(plan, stack)
    if report.errors:
        # With nodes or services missing, what refers to them would be told as well: only the form is checked.
        read(role_data, report)
        return Compilation(plan, Contract.NATIVE, stack, state, report.findings, topology)
    front = PublicFront(public, public_tls)
    elsewhere = stack.outputs.get(ELSEWHERE)
    lowered = lower(topology, role_data, report, front, stack.hidden, elsewhere=elsewhere)
    made = Compilation(
        plan, Contract.NATIVE, stack, state, report.findings, topology, public_tls, lowered=lowered
    )
    if report.errors:
        return made
    files = directory(lowered, topology)
    return dataclasses.replace(made, files=files, secrets=lowered.secrets)


def _is_known(plan: Plan, stack: Stack, report: Report) -> bool:
    """Whether it is the version of our contract that we read; another is reported."""
    contract = stack.outputs.get("RoleDataContract")
    if contract == CONTRACT:
        return True
    if contract is not None or not report.errors:
        report.add(_foreign(plan, f"the role_data contract {contract!r} is not known"))
    return False


def _foreign(plan: Plan, text: str) -> Finding:
    """That a stack cannot be deployed, for its contract is not ours."""
    fix = f"Use templates whose root has the output RoleDataContract: {CONTRACT}, as those that come with us."
    return Finding("ROLE-004", text, fix, locations=(Location(plan.tree.shown(plan.root)),))


_REFUSED = {
    Contract.UPSTREAM: "the templates keep TripleO's own role_data contract: they are compiled, not deployed",
    Contract.NONE: "the root template keeps no role_data contract: there is nothing to deploy",
}


def _public_network(stack: Stack) -> str:
    """Where clients come in: ServiceNetMap's PublicNetwork, as TripleO calls it."""
    for value in (stack.outputs.get("ServiceNetMap"), stack.parameters.get("ServiceNetMap")):
        if isinstance(value, Mapping) and isinstance(value.get("PublicNetwork"), str):
            return str(value["PublicNetwork"])
    return CTLPLANE


def _role_data(plan: Plan, stack: Stack) -> dict[str, list[ServiceData]]:
    """Role → services in order, each with the template that its chain made it from."""
    outputs = stack.outputs.get("RoleData")
    chains = {name: list(_chain(node)) for name, node in stack.resources().items()}
    result: dict[str, list[ServiceData]] = {}
    for role, items in (outputs if isinstance(outputs, Mapping) else {}).items():
        members = [node for node in chains.get(f"{role}ServiceChain", ()) if node.template]
        services = [item for item in items or () if isinstance(item, Mapping) and item]
        matched = members if len(members) == len(services) else [None] * len(services)
        result[role] = [
            _service(plan, str(role), data, node) for data, node in zip(services, matched, strict=True)
        ]
    return result


def _chain(node: ResourceNode) -> Iterator[ResourceNode]:
    """The members of the first resource chain below a resource, in their order."""
    if node.type == CHAIN:
        yield from sorted(node.children.values(), key=lambda child: (len(child.name), child.name))
        return
    for child in node.children.values():
        yield from _chain(child)


def _service(plan: Plan, role: str, data: Mapping[str, Any], node: ResourceNode | None) -> ServiceData:
    if node is None:
        return ServiceData(role, data)
    document = plan.tree.document(node.template) if node.template in plan.tree else None
    return ServiceData(role, data, node.template, document, node.type)
