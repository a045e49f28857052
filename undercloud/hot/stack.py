"""The room's door: a stack request evaluated to a stack."""

from __future__ import annotations

import collections
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from undercloud.diagnostics import Finding, Location, Report, UndercloudError
from undercloud.hot import tosca
from undercloud.hot.faults import NOWHERE, Fault, Reported, Site
from undercloud.hot.registry import Registry
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.factory import is_built_in, make_resource
from undercloud.hot.resources.software import Deployment, SoftwareDeployment
from undercloud.hot.run import Allocate, Limits, Planned, RandomStrings, Run
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import Template
from undercloud.hot.values import TooLarge
from undercloud.plan.documents import Document
from undercloud.plan.entropy import Entropy
from undercloud.plan.names import did_you_mean
from undercloud.plan.tree import Tree

_RECURSION = 20_000
"""Expressions are nested as templates are; Python's own limit of 1,000 frames is too low for that."""


class EnvironmentLike(Protocol):
    """What the evaluator needs of an environment; ``plan.environment.Environment`` is one."""

    @property
    def parameter_defaults(self) -> Mapping[str, Any]:
        """Values for parameters of any stack."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values for parameters of the root stack."""
        ...

    @property
    def resource_registry(self) -> Mapping[str, Any]:
        """Types → templates' paths or types."""
        ...

    def locate(self, name: str) -> Location | None:
        """Where a parameter is set."""
        ...

    def written(self, name: str) -> Document | None:
        """The file that an entry of the registry stands in."""
        ...


@dataclasses.dataclass(frozen=True)
class PlainEnvironment:
    """An environment made of plain maps."""

    parameter_defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    resource_registry: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def locate(self, name: str) -> Location | None:  # noqa: ARG002 - no file
        """Nowhere."""
        return None

    def written(self, name: str) -> Document | None:  # noqa: ARG002 - no file
        """In none."""
        return None


class KeptStrings:
    """Random strings as the state keeps them; missing ones are made from the entropy.

    ``strings`` is all of them afterwards, for the new state.
    """

    def __init__(self, known: Mapping[str, str], entropy: Entropy) -> None:
        self.strings: dict[str, str] = dict(known)
        self._entropy = entropy

    def __call__(self, path: str, alphabet_groups: tuple[tuple[str, int], ...], length: int) -> str:
        """The string of a path: at least so many characters of each group, the rest of any, shuffled."""
        known = self.strings.get(path)
        if known is None:
            known = self.strings[path] = self._make(alphabet_groups, length)
        return known

    def _make(self, groups: tuple[tuple[str, int], ...], length: int) -> str:
        chars = [self._choice(alphabet) for alphabet, least in groups if alphabet for _ in range(least)]
        everything = "".join(dict.fromkeys("".join(alphabet for alphabet, _ in groups)))
        chars += [self._choice(everything) for _ in range(length - len(chars))]
        for last in range(len(chars) - 1, 0, -1):
            other = self._below(last + 1)
            chars[last], chars[other] = chars[other], chars[last]
        return "".join(chars)

    def _choice(self, alphabet: str) -> str:
        return alphabet[self._below(len(alphabet))]

    def _below(self, limit: int) -> int:
        """A number below the limit, each equally likely (rejection sampling)."""
        while True:
            value = int.from_bytes(self._entropy.token_bytes(4), "big")
            if value < (1 << 32) // limit * limit:
                return value % limit


def unplaced(planned: Planned) -> None:
    """The allocation hook that places nothing."""


@dataclasses.dataclass(frozen=True)
class StackRequest:
    """What is to be evaluated.

    ``root``: the root template's path in the tree. ``parameters`` go over the environment's. ``random``:
    see :class:`KeptStrings`. ``allocate`` gives the attributes of servers and ports. ``removed``: path of a
    ResourceGroup → names of members that were removed before.
    """

    tree: Tree
    root: str
    environment: EnvironmentLike
    random: RandomStrings
    name: str = "overcloud"
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    allocate: Allocate = unplaced
    removed: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    project: str = "admin"
    limits: Limits = dataclasses.field(default_factory=Limits)


@dataclasses.dataclass(frozen=True)
class ResourceNode:
    """One resource of an evaluated stack, with the resources of the stack that it is made of."""

    name: str
    type: str
    path: tuple[str, ...]
    site: Site
    template: str
    children: Mapping[str, ResourceNode]

    @property
    def location(self) -> Location | None:
        """Where it is defined; looked up when it is asked for, which few are."""
        return self.site.location()


class Stack:
    """An evaluated stack.

    ``parameters`` and ``outputs`` are plain data, shared and not to be changed; what could not be had
    because of a mistake is left out, the mistake is in ``findings``.
    """

    def __init__(self, name: str, root: StackScope | None, outputs: dict[str, Any], report: Report) -> None:
        self.name = name
        self.outputs = outputs
        self.parameters: dict[str, Any] = dict(root.parameters) if root else {}
        self.findings: tuple[Finding, ...] = report.findings
        self._report = report
        self._root = root

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self._report.errors

    @property
    def root(self) -> StackScope | None:
        """The outermost stack as it was evaluated, for whoever asks where a value came from."""
        return self._root

    def declared_at(self, name: str) -> Location | None:
        """Where the outermost template declares a parameter."""
        parameter = self._root.template.parameters.get(name) if self._root else None
        return parameter.site.location() if parameter else None

    @property
    def hidden(self) -> frozenset[str]:
        """Every text that environment, user or default gave to a hidden parameter of any stack in it."""
        return frozenset(self._root.run.hidden) if self._root else frozenset()

    @property
    def conditions(self) -> dict[str, bool]:
        """The conditions of the root template that could be decided."""
        found: dict[str, bool] = {}
        for name in self._root.template.conditions if self._root else ():
            try:
                found[name] = self._root.condition(name, NOWHERE)  # type: ignore[union-attr]
            except (Fault, Reported):
                continue
        return found

    def raise_for_errors(self) -> Stack:
        """The stack itself; raises UndercloudError with all errors if there are any."""
        if self._report.errors:
            raise UndercloudError(*self._report.errors)
        return self

    def resources(self) -> dict[str, ResourceNode]:
        """The tree of resources, made when it is asked for."""
        return {member.name: _node(member) for member in self._root.members()} if self._root else {}

    def walk(self) -> Iterator[Resource]:
        """Every resource of every stack, outermost first."""
        pending = collections.deque(self._root.members() if self._root else ())
        while pending:
            member = pending.popleft()
            yield member
            pending.extend(member.tree().values())

    def config(self, identifier: str) -> Mapping[str, Any] | None:
        """A software configuration by its identifier (what ``get_resource`` of one gives): name, group,
        config, inputs, outputs, options."""
        return self._root.run.configs.get(identifier) if self._root else None

    def deployments(self) -> tuple[Deployment, ...]:
        """Every software deployment."""
        found = []
        for member in self.walk():
            if isinstance(member, SoftwareDeployment):
                try:
                    found.append(member.deployment())
                except (Fault, Reported):
                    continue
        return tuple(found)


def _node(member: Resource) -> ResourceNode:
    children = {name: _node(child) for name, child in member.tree().items()}
    template = getattr(getattr(member, "nested_template", None), "base", "")
    return ResourceNode(
        member.name,
        member.definition.type,
        member.path,
        member.definition.site,
        template,
        children,
    )


def evaluate(request: StackRequest) -> Stack:
    """Evaluate a stack and everything in it.

    All mistakes are in the stack's ``findings`` (HOT-…, and PLAN-… of files that cannot be read); nothing is
    raised for them.
    """
    if sys.getrecursionlimit() < _RECURSION:
        sys.setrecursionlimit(_RECURSION)
    tree, root, report = _root(request)
    if report.errors:
        return Stack(request.name, None, {}, report)
    run = Run(
        tree,
        request.environment.parameter_defaults,
        name=request.name,
        random=request.random,
        allocate=request.allocate,
        removed=request.removed,
        project=request.project,
        limits=request.limits,
    )
    registry = Registry(request.environment.resource_registry, is_built_in, request.environment.written)
    for fault in registry.faults:
        run.findings.add(fault, ())
    path = tree.find(root)
    if path is None:
        run.findings.add(
            Fault("HOT-033", f"there is no template {request.root}", NOWHERE, fix="Mend the path."), ()
        )
        return Stack(request.name, None, {}, run.findings.report)
    template = run.template(path, ())
    if template is None:
        return Stack(request.name, None, {}, run.findings.report)
    scope = _root_scope(run, template, request, registry)
    outputs: dict[str, Any] = {}
    try:
        scope.realise()
        for name in template.outputs:
            try:
                outputs[name] = run.normaliser.plain(scope.output(name))
            except Reported:
                continue
            except (Fault, TypeError, TooLarge) as error:
                code = "HOT-052" if isinstance(error, TooLarge) else "HOT-022"
                site = template.outputs[name].site
                fault = (
                    error if isinstance(error, Fault) else Fault(code, f"the output {name}: {error}", site)
                )
                run.findings.add(fault, ())
    except RecursionError:
        fix = "Nest functions and references less deeply."
        run.findings.add(Fault("HOT-052", "expressions refer to each other too deeply", NOWHERE, fix=fix), ())
    except MemoryError:
        run.findings.add(
            Fault("HOT-052", "there is not enough memory for what the templates ask for", NOWHERE), ()
        )
    return Stack(request.name, scope, outputs, run.findings.report)


def _root(request: StackRequest) -> tuple[Tree, str, Report]:
    """The tree and the path of the root template; one in TOSCA is translated first."""
    report = Report()
    path = request.tree.find(request.root)
    try:
        if path is not None and tosca.is_tosca(request.tree.document(path)):
            given = {
                **request.environment.parameter_defaults,
                **request.environment.parameters,
                **request.parameters,
            }
            return *tosca.translated(request.tree, path, given), report
    except UndercloudError as error:
        report.extend(error.findings)
    return request.tree, request.root, report


def _root_scope(run: Run, template: Template, request: StackRequest, registry: Registry) -> StackScope:
    binding = run.binding(template)
    for fault in run.faulty_defaults(template):
        run.findings.add(fault, ())
    values, faulty = dict(binding.values), set(binding.faulty)
    given = {**request.environment.parameters, **request.parameters}
    missing = set(binding.required)
    for name, raw in given.items():
        parameter = template.parameters.get(name)
        if parameter is None:
            place = request.environment.locate(name)
            hint = did_you_mean(str(name), template.parameters)
            finding = Finding(
                "HOT-011",
                f"the template has no parameter {name}",
                hint or "Remove it, or set it under parameter_defaults if it is meant for a nested template.",
                locations=(place,) if place else (),
                parameters=(str(name),),
            )
            run.findings.report.add(finding)
            continue
        if raw is None:
            continue
        missing.discard(name)
        try:
            values[name] = run.converted(parameter, raw)
        except Fault as fault:
            run.findings.add(fault, ())
            values.pop(name, None)
            faulty.add(name)
    for name, unusable in binding.unusable.items():
        if given.get(name) is None:
            run.findings.add(unusable, ())
    for name in sorted(missing):
        _default_or_missing(run, template, name, values, faulty)
    return StackScope(
        run,
        template,
        values,
        path=(),
        registry=registry,
        make=make_resource,
        faulty=frozenset(faulty),
        templates=(template.base,),
    )


def _default_or_missing(
    run: Run, template: Template, name: str, values: dict[str, Any], faulty: set[str]
) -> None:
    """In the root stack a null in parameter_defaults leaves the template's default in force."""
    parameter = template.parameters[name]
    if parameter.default is not None:
        try:
            values[name] = run.converted(parameter, parameter.default)
            return
        except Fault as fault:
            run.findings.add(fault, ())
    else:
        message = f"the parameter {name} has no value"
        fix = f"Give it in an environment: parameter_defaults: {{{name}: VALUE}}."
        run.findings.add(Fault("HOT-010", message, parameter.site, fix=fix, parameters=(name,)), ())
    faulty.add(name)


def evaluate_template(
    tree: Tree,
    root: str,
    environment: EnvironmentLike,
    parameters: Mapping[str, Any],
    *,
    random: RandomStrings,
    name: str = "stack",
) -> Stack:
    """Evaluate any HOT template, outside of an overcloud."""
    return evaluate(StackRequest(tree, root, environment, random, name, parameters))
