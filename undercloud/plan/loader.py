"""From the operator's files to a plan: rendered, merged, typed, and never changed again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity, UndercloudError, raise_for
from undercloud.plan.bundle import Bundle, PlanSource, read
from undercloud.plan.documents import Document, parse
from undercloud.plan.environment import Environment, Layer, Origin, generated_layer, in_client_order, merge
from undercloud.plan.networks import Network, Vip, read_networks, read_vips
from undercloud.plan.node_playbooks import NodePlaybook, read_node_playbooks
from undercloud.plan.planfiles import Capabilities, PlanEnvironment, read_capabilities, read_plan_environment
from undercloud.plan.references import declared_types
from undercloud.plan.render import render_tree
from undercloud.plan.roles import Role, read_roles
from undercloud.plan.tree import Tree

ROOT_TEMPLATE = "overcloud.yaml"
REGISTRIES = ("overcloud-resource-registry-puppet.yaml", "overcloud-resource-registry.yaml")
CAPABILITIES = "capabilities-map.yaml"


@dataclasses.dataclass(frozen=True)
class Plan:
    """One immutable snapshot of everything that a deployment is made of.

    ``tree`` holds the template tree after rendering and what the operator's files name outside of it,
    ``root`` the path of the root template in it, ``registry_file`` that of the template tree's own
    environment (empty if it has none). ``baremetal`` is the parsed deployment file of the nodes,
    ``node_playbooks`` are those that it names. ``findings`` are warnings and notes, and errors of merging the
    environments and of the playbooks: these keep a plan from being compiled, and not from being evaluated, so
    that all mistakes can be told at once.
    """

    name: str
    bundle: Bundle = dataclasses.field(repr=False)
    tree: Tree = dataclasses.field(repr=False)
    root: str
    registry_file: str
    roles: tuple[Role, ...]
    networks: tuple[Network, ...]
    vips: tuple[Vip, ...]
    environment: Environment = dataclasses.field(repr=False)
    baremetal: Document | None = None
    node_playbooks: tuple[NodePlaybook, ...] = ()
    capabilities: Capabilities = dataclasses.field(default_factory=Capabilities, repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def digest(self) -> str:
        """What stands for the content: equal plans have equal digests, wherever their templates lie."""
        return self.bundle.digest

    @property
    def sources(self) -> Mapping[str, str]:
        """SHA-256 of every file that went into the plan, by path."""
        return self.bundle.digests


def load(source: PlanSource) -> Plan:
    """Read and put together a plan.

    Raises UndercloudError with all errors that can be told at once: first everything that is wrong with
    reading the files (:func:`~undercloud.plan.bundle.read`), then everything that is wrong with what is in
    them (:func:`assemble`).
    """
    return assemble(read(source))


def assemble(bundle: Bundle) -> Plan:
    """Put a plan together from files that are read already; touches no disk.

    Raises UndercloudError: the codes of documents, roles, networks and render; PLAN-056 no root template.
    What is wrong with the environments' settings (PLAN-04x) alone is in the plan's findings, as is what is
    wrong with playbooks of the deployment file (PLAN-11x).
    """
    report = Report()
    assembler = _Assembler(bundle, report)
    roles, networks, vips = assembler.roles(), assembler.networks(), assembler.vips()
    baremetal = assembler.document("baremetal")
    plan_environment = assembler.plan_environment()
    capabilities = assembler.capabilities()
    # Without its roles and networks a tree cannot be rendered; what else is wrong is told along with them.
    if report.errors:
        assembler.parse_environments()
        raise_for(report)
    assembler.render(roles, networks)
    root = bundle.single or plan_environment.template or capabilities.root_template or ROOT_TEMPLATE
    if root not in assembler.tree and not report.errors:
        text = f"the root template {root} is not there"
        fix = f"Give --templates the directory that {ROOT_TEMPLATE} or its .j2.yaml lies in."
        report.add(Finding("PLAN-056", text, fix, locations=(Location(bundle.root),)))
    registry = next(
        (path for path in (capabilities.root_environment, *REGISTRIES) if path in assembler.tree), ""
    )
    layers = assembler.layers("" if bundle.single else registry, plan_environment)
    can_be_evaluated = not report.errors
    environment = assembler.merged(layers, root)
    playbooks = assembler.node_playbooks(baremetal) if baremetal else ()
    if not can_be_evaluated:
        raise_for(report)
    return Plan(
        name=bundle.name,
        bundle=bundle,
        tree=assembler.tree,
        root=root,
        registry_file=registry,
        roles=roles,
        networks=networks,
        vips=vips,
        environment=environment,
        baremetal=baremetal,
        node_playbooks=playbooks,
        capabilities=capabilities,
        findings=report.findings,
    )


class _Assembler:
    """The parts of a plan, one after the other; faults go to the report."""

    def __init__(self, bundle: Bundle, report: Report) -> None:
        self.tree = Tree(bundle.files, bundle.root, bundle.real_root)
        self._bundle = bundle
        self._report = report

    def roles(self) -> tuple[Role, ...]:
        document = self.document("roles")
        if document is not None:
            return read_roles(document, self._report)
        templates = any(path.endswith(".j2.yaml") for path in self._bundle.files)
        if templates and not self._bundle.single and "roles" not in self._bundle.named:
            text = "there is no roles file, and the templates have to be rendered for roles"
            fix = "Give one with -r, or put a roles_data.yaml beside the root template."
            self._report.add(Finding("PLAN-010", text, fix, locations=(Location(self._bundle.root),)))
        return ()

    def networks(self) -> tuple[Network, ...]:
        document = self.document("networks")
        return read_networks(document, self._report) if document else ()

    def vips(self) -> tuple[Vip, ...]:
        document = self.document("vips")
        return read_vips(document, self._report) if document else ()

    def plan_environment(self) -> PlanEnvironment:
        document = self.document("plan_environment")
        return read_plan_environment(document, self._report) if document else PlanEnvironment()

    def capabilities(self) -> Capabilities:
        if CAPABILITIES not in self.tree:
            return Capabilities()
        try:
            return read_capabilities(self.tree.document(CAPABILITIES), self._report)
        except UndercloudError as error:
            self._report.extend(error.findings)
            return Capabilities()

    def document(self, kind: str) -> Document | None:
        """A named file, parsed; in an operator's file a key that stands twice is an error."""
        path = self._bundle.named.get(kind)
        return self._parsed(path) if path else None

    def _parsed(self, path: str) -> Document | None:
        shipped = Severity.WARNING if not path.startswith("/") else Severity.ERROR
        try:
            if self.tree[path].origin:
                document = self.tree.document(path)
            else:
                document = parse(self.tree[path].text, self.tree.shown(path), duplicate_keys=shipped)
        except UndercloudError as error:
            self._report.extend(error.findings)
            return None
        self._report.extend(document.findings)
        return document

    def parse_environments(self) -> None:
        """Only to tell what is no valid YAML."""
        for path in self._bundle.environments:
            if path in self.tree:
                self._parsed(path)

    def node_playbooks(self, baremetal: Document) -> tuple[NodePlaybook, ...]:
        """The playbooks that the deployment file names."""
        return read_node_playbooks(baremetal, self.tree, self._report, expected=self._bundle.playbooks_read)

    def render(self, roles: tuple[Role, ...], networks: tuple[Network, ...]) -> None:
        if not self._bundle.single:
            self.tree = render_tree(self.tree, roles, networks, self._report)

    def layers(self, registry: str, planned: PlanEnvironment) -> tuple[Layer, ...]:
        """All layers in the order of TripleO's client; for a single template in that of Heat's."""
        operator = [*self._given("plan_environment", planned.passwords)]
        operator += [
            layer for path in self._bundle.environments if (layer := self._layer(path, Origin.OPERATOR))
        ]
        operator += self._given("plan_environment", planned.parameter_defaults)
        if self._bundle.parameters:
            value = {"parameter_defaults": dict(self._bundle.parameters)}
            operator.append(Layer(Document("(command line)", "", value), ""))
        made = generated_layer(self._bundle.generated)
        own = self._layer(registry, Origin.TEMPLATES) if registry else None
        return (made, *operator) if self._bundle.single else in_client_order(own, made, operator)

    def merged(self, layers: tuple[Layer, ...], root: str) -> Environment:
        """The layers as one environment."""
        environment = merge(layers, declared_types(self.tree, root), self.tree)
        self._report.extend(environment.findings)
        return environment

    def _given(self, kind: str, parameters: Mapping[str, Any]) -> list[Layer]:
        path = self._bundle.named.get(kind)
        if not path or not parameters:
            return []
        value = {"parameter_defaults": dict(parameters)}
        source = self.tree[path]
        return [Layer(Document(self.tree.shown(path), source.text, value), path)]

    def _layer(self, path: str, origin: Origin) -> Layer | None:
        if path not in self.tree:
            text = "the environment is not there, not even after rendering the templates"
            fix = "Check the path; a file that is made for each role or network has its name in its own."
            self._report.add(Finding("PLAN-050", text, fix, locations=(Location(self.tree.shown(path)),)))
            return None
        document = self._parsed(path)
        return Layer(document, path, origin) if document else None
