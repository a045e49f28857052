"""A template: its sections checked and compiled once, to be evaluated in many stacks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from undercloud.diagnostics import Severity
from undercloud.hot.expressions import Compiler, Const, Expr, Reference
from undercloud.hot.faults import Fault, Path, Site
from undercloud.hot.parameters import Parameter, declare
from undercloud.hot.values import is_list, kind_of, shown
from undercloud.hot.versions import LATEST, SINCE, VERSIONS, Version
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean

_SECTIONS = ("heat_template_version", "description", "parameter_groups", "parameters", "resources", "outputs")
_RESOURCE_KEYS = (
    "type",
    "properties",
    "metadata",
    "depends_on",
    "deletion_policy",
    "update_policy",
    "description",
)
_CLOUDFORMATION = ("AWSTemplateFormatVersion", "HeatTemplateFormatVersion")
_REWRITE = "Write it as HOT: begin with heat_template_version: wallaby, and use HOT's sections and functions."
DELETION_POLICIES = ("Delete", "Retain", "Snapshot")
DELETE, NO_POLICY = Const("Delete"), Const({})
"""What a resource has that says nothing of its deletion and its update."""
_NO_REFERENCES: tuple[Reference, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ResourceDefinition:
    """One entry of ``resources``."""

    name: str
    type: str
    site: Site
    properties: Mapping[str, Expr]
    metadata: Expr = dataclasses.field(default_factory=lambda: Const({}))
    depends_on: tuple[str, ...] = ()
    condition: Expr | None = None
    external_id: Expr | None = None
    deletion_policy: Expr = DELETE
    update_policy: Expr = NO_POLICY
    references: tuple[Reference, ...] = _NO_REFERENCES


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Output:
    """One entry of ``outputs``."""

    name: str
    site: Site
    value: Expr
    condition: Expr | None = None
    description: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """A compiled template. ``problems`` hold in every stack; who evaluates one reports them.

    ``circular`` are resources that need each other, ``suspects`` those that do if certain branches of an
    ``if`` are taken.
    """

    document: Document | None
    base: str
    version: Version
    description: str = ""
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    parameter_groups: tuple[Mapping[str, Any], ...] = ()
    conditions: Mapping[str, Expr] = dataclasses.field(default_factory=dict)
    resources: Mapping[str, ResourceDefinition] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Output] = dataclasses.field(default_factory=dict)
    circular: frozenset[str] = frozenset()
    suspects: tuple[str, ...] = ()
    problems: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def new_compiler(version: Version, document: Document | None, base: str) -> Compiler:
    """A compiler for snippets of a version."""
    later = {name: date for name, date in SINCE.items() if name not in version.functions}
    return Compiler(version.functions, version.condition_functions, document=document, base=base, later=later)


@functools.lru_cache(maxsize=4096)
def compile_template(document: Document, base: str) -> Template:
    """The compiled form of a parsed template; ``base`` is its path in the tree.

    Never raises for a mistake in the template: what is wrong is in ``problems``.
    """
    return _Sections(document, base).template()


class _Sections:
    """The sections of one template while they are compiled."""

    def __init__(self, document: Document, base: str) -> None:
        self.document = document
        self.base = base
        self.content = document.value
        self.problems: list[Fault] = []
        self.version = LATEST

    def template(self) -> Template:
        """All sections."""
        site = Site(self.document, None)
        if not isinstance(self.content, dict):
            wrong = f"a template is a map of sections, not {kind_of(self.content)}"
            fault = Fault("HOT-001", wrong, site, fix="Begin it with heat_template_version: wallaby.")
            return Template(self.document, self.base, LATEST, problems=(fault,))
        for key in _CLOUDFORMATION:
            if key in self.content:
                wrong = f"this is a CloudFormation template ({key}), and only HOT is known here"
                fault = Fault("HOT-001", wrong, Site(self.document, (None, key)), fix=_REWRITE)
                return Template(self.document, self.base, LATEST, problems=(fault,))
        self._find_version(site)
        self.compiler = new_compiler(self.version, self.document, self.base)
        self._check_sections()
        parameters = self._parameters()
        conditions = self._conditions()
        resources = self._resources()
        outputs = self._outputs()
        self.problems += self.compiler.problems
        for name in resources:
            if name in parameters:
                site = resources[name].site
                message = f"{name} is the name of a parameter and of a resource"
                self.problems.append(Fault("HOT-008", message, site, fix="Rename one of them."))
        self._check_references(resources)
        circular, suspects = self._check_cycles(resources)
        return Template(
            self.document,
            self.base,
            self.version,
            str(self.content.get("description") or ""),
            parameters,
            self._groups(parameters),
            conditions,
            resources,
            outputs,
            circular,
            suspects,
            tuple(self.problems),
            tuple(self.compiler.warnings),
        )

    def fault(self, code: str, message: str, path: Path, fix: str = "") -> None:
        """Note what is wrong, whatever the parameters are."""
        self.problems.append(Fault(code, message, Site(self.document, path), fix=fix))

    def _find_version(self, site: Site) -> None:
        name = self.content.get("heat_template_version")
        if name is None:
            fix = "Begin the template with heat_template_version: wallaby."
            self.problems.append(Fault("HOT-001", "there is no heat_template_version", site, fix=fix))
            return
        version = VERSIONS.get(str(name))
        if version is None:
            hint = did_you_mean(str(name), VERSIONS) or f"Known are {', '.join(VERSIONS)}."
            self.fault(
                "HOT-002", f"{name} is not a heat_template_version", (None, "heat_template_version"), hint
            )
            return
        self.version = version

    def _check_sections(self) -> None:
        known = (*_SECTIONS, "conditions") if self.version.has_conditions else _SECTIONS
        for name in self.content:
            if name in known:
                continue
            if name == "conditions":
                self.fault("HOT-003", "this version has no conditions", (None, name), "Use newton or later.")
            else:
                hint = did_you_mean(str(name), known) or f"The sections are {', '.join(known)}."
                self.fault("HOT-003", f"{name} is not a section of a template", (None, name), hint)

    def _section(self, name: str) -> dict[str, Any]:
        section = self.content.get(name)
        if section is None or (not section and name != "conditions"):
            return {}
        if not isinstance(section, dict):
            self.fault("HOT-004", f"the section {name} is {kind_of(section)}, not a map", (None, name))
            return {}
        return {str(key): value for key, value in section.items()}

    def _parameters(self) -> dict[str, Parameter]:
        parameters = {}
        for name, definition in self._section("parameters").items():
            parameter, faults = declare(
                name,
                definition,
                self.document,
                has_tags=self.version.has_tags,
                has_modulo=self.version.has_modulo,
            )
            self.problems += faults
            if parameter is not None:
                parameters[name] = parameter
        return parameters

    def _groups(self, parameters: Mapping[str, Parameter]) -> tuple[Mapping[str, Any], ...]:
        groups = self.content.get("parameter_groups")
        path: Path = (None, "parameter_groups")
        if not groups:
            return ()
        if not isinstance(groups, list):
            self.fault("HOT-004", f"parameter_groups is {kind_of(groups)}, not a list", path)
            return ()
        seen: set[str] = set()
        for index, group in enumerate(groups):
            at: Path = (path, index)
            names = group.get("parameters") if isinstance(group, dict) else None
            if not isinstance(names, list):
                self.fault("HOT-006", "a parameter group is a map with a list of parameters", at)
                continue
            for name in names:
                if not isinstance(name, str) or name not in parameters:
                    hint = did_you_mean(str(name), parameters)
                    self.fault("HOT-032", f"the group names {shown(name)}, which is no parameter", at, hint)
                elif name in seen:
                    self.fault("HOT-007", f"the parameter {name} stands in two groups", at)
                else:
                    seen.add(name)
        return tuple(group for group in groups if isinstance(group, dict))

    def _conditions(self) -> dict[str, Expr]:
        if not self.version.has_conditions:
            return {}
        conditions = {}
        for name, definition in self._section("conditions").items():
            path: Path = ((None, "conditions"), name)
            expr = self.compiler.condition(definition, path)
            if not self._is_condition(definition):
                wrong = f"the condition {name} is {kind_of(definition)}, not a boolean or a function"
                self.fault("HOT-034", wrong, path, "Write true, false, or a function such as equals.")
            conditions[name] = expr
        return conditions

    def _is_condition(self, definition: Any) -> bool:
        if isinstance(definition, dict) and len(definition) == 1:
            return next(iter(definition)) in self.version.condition_functions
        return isinstance(definition, bool)

    def _resources(self) -> dict[str, ResourceDefinition]:
        resources = {}
        known: tuple[str, ...] = _RESOURCE_KEYS
        if self.version.has_conditions:
            known = (*known, "external_id", "condition")
        for name, definition in self._section("resources").items():
            path: Path = ((None, "resources"), name)
            if "/" in name:
                self.fault("HOT-007", f"the name of the resource {name} has a /", path, "Rename it.")
            if not isinstance(definition, dict):
                wrong = f"the resource {name} is {kind_of(definition)}, not a map"
                self.fault("HOT-007", wrong, path, "Write type and properties below it.")
                continue
            self._unknown_keys("a resource", definition, known, path)
            kind = definition.get("type")
            if not isinstance(kind, str) or not kind:
                wrong = f"the resource {name} has no type" if not kind else f"the type of {name} is not text"
                self.fault("HOT-006", wrong, path, "Write type: TYPE.")
                continue
            resources[name] = self._resource(name, kind, definition, path)
        return resources

    def _unknown_keys(
        self,
        what: str,
        definition: dict[Any, Any],
        known: Iterable[str],
        path: Path,
        severity: Severity = Severity.ERROR,
    ) -> None:
        names = list(known)
        for key in definition:
            if key not in names:
                hint = did_you_mean(str(key), names) or f"The keys are {', '.join(names)}."
                message, site = f"{key} is not a key of {what}", Site(self.document, (path, key))
                found = self.problems if severity is Severity.ERROR else self.compiler.warnings
                found.append(Fault("HOT-005", message, site, fix=hint, severity=severity))

    def _resource(self, name: str, kind: str, definition: dict[str, Any], path: Path) -> ResourceDefinition:
        before = len(self.compiler.references)
        properties = self._properties(definition.get("properties"), (path, "properties"))
        metadata = self._map_part(definition, "metadata", path)
        references = tuple(self.compiler.references[before:])
        condition = definition.get("condition")
        external_id = definition.get("external_id")
        depends_on = self._depends_on(definition.get("depends_on"), path)
        if external_id is not None and depends_on:
            self.fault(
                "HOT-007", "a resource with an external_id cannot depend on others", (path, "depends_on")
            )
        return ResourceDefinition(
            name,
            kind,
            Site(self.document, path),
            properties,
            metadata,
            depends_on,
            None if condition is None else self.compiler.condition(condition, (path, "condition")),
            None if external_id is None else self.compiler.compile(external_id, (path, "external_id")),
            self._deletion_policy(definition.get("deletion_policy"), (path, "deletion_policy")),
            self._map_part(definition, "update_policy", path),
            references,
        )

    def _properties(self, definition: Any, path: Path) -> Mapping[str, Expr]:
        if definition is None:
            return {}
        if not isinstance(definition, dict):
            self.fault("HOT-007", f"the properties are {kind_of(definition)}, not a map", path)
            return {}
        if len(definition) == 1 and next(iter(definition)) in self.version.functions:
            fix = "Write the properties out, each with a function if need be."
            self.fault(
                "HOT-007", f"the properties are a map, not the function {next(iter(definition))}", path, fix
            )
            return {}
        return {str(key): self.compiler.compile(value, (path, key)) for key, value in definition.items()}

    def _map_part(self, definition: dict[str, Any], key: str, path: Path) -> Expr:
        value = definition.get(key)
        if value is None:
            return NO_POLICY
        if not isinstance(value, dict):
            self.fault("HOT-007", f"{key} is {kind_of(value)}, not a map", (path, key))
            return NO_POLICY
        return self.compiler.compile(value, (path, key))

    def _depends_on(self, value: Any, path: Path) -> tuple[str, ...]:
        if value is None:
            return ()
        names = [value] if isinstance(value, str) else value
        if not is_list(names) or not all(isinstance(item, str) for item in names):
            self.fault("HOT-007", "depends_on is a name or a list of names", (path, "depends_on"))
            return ()
        return tuple(names)

    def _deletion_policy(self, value: Any, path: Path) -> Expr:
        if value is None:
            return DELETE
        if isinstance(value, str):
            known = [*DELETION_POLICIES]
            if self.version.has_conditions:
                known += [name.lower() for name in known]
            if value not in known:
                self.fault(
                    "HOT-007", f"{shown(value)} is not a deletion policy", path, f"Use {', '.join(known)}."
                )
                return DELETE
            return Const(value.capitalize())
        return self.compiler.compile(value, path)

    def _outputs(self) -> dict[str, Output]:
        outputs = {}
        known = (
            ("description", "value", "condition") if self.version.has_conditions else ("description", "value")
        )
        for name, definition in self._section("outputs").items():
            path: Path = ((None, "outputs"), name)
            if not isinstance(definition, dict):
                wrong = f"the output {name} is {kind_of(definition)}, not a map"
                self.fault("HOT-007", wrong, path, "Write value: VALUE below it.")
                continue
            self._unknown_keys("an output", definition, known, path, Severity.WARNING)
            if "value" not in definition:
                self.fault("HOT-006", f"the output {name} has no value", path, "Write value: VALUE.")
                continue
            condition = definition.get("condition")
            outputs[name] = Output(
                name,
                Site(self.document, (path, "value")),
                self.compiler.compile(definition["value"], (path, "value")),
                None if condition is None else self.compiler.condition(condition, (path, "condition")),
                str(definition.get("description") or ""),
            )
        return outputs

    def _check_references(self, resources: Mapping[str, ResourceDefinition]) -> None:
        declared = self.content.get("resources")
        declared = declared if isinstance(declared, dict) else {}
        for reference in self.compiler.references:
            if reference.name not in declared and not reference.guarded:
                self.problems.append(unknown_resource(reference.name, reference.site, declared))
        for definition in resources.values():
            for name in definition.depends_on:
                if name not in declared:
                    site = definition.site.below("depends_on")
                    self.problems.append(unknown_resource(name, site, declared))

    def _check_cycles(
        self, resources: Mapping[str, ResourceDefinition]
    ) -> tuple[frozenset[str], tuple[str, ...]]:
        found = cycles(needs(resources))
        for cycle in found:
            self.problems.append(cycle_fault(cycle, resources[cycle[0]].site))
        if found or not any(ref.guarded for each in resources.values() for ref in each.references):
            return frozenset(name for cycle in found for name in cycle), ()
        possible = {name: [ref.name for ref in each.references] for name, each in resources.items()}
        suspects = {name: None for cycle in cycles(needs(resources, possible)) for name in cycle}
        return frozenset(), tuple(suspects)


def needs(
    resources: Mapping[str, ResourceDefinition], more: Mapping[str, Iterable[str]] | None = None
) -> dict[str, list[str]]:
    """Which resources each one needs whatever its branches, and by ``more``."""
    return {
        name: [
            other
            for other in (
                *(reference.name for reference in each.references if not reference.guarded),
                *each.depends_on,
                *((more or {}).get(name, ())),
            )
            if other in resources
        ]
        for name, each in resources.items()
    }


def unknown_resource(name: Any, site: Site, known: Iterable[Any]) -> Fault:
    """The fault of a reference to a resource that the template does not have."""
    names = [str(other) for other in known]
    hint = did_you_mean(str(name), names)
    return Fault("HOT-030", f"there is no resource {shown(name)} in this template", site, fix=hint)


def cycle_fault(cycle: list[str], site: Site) -> Fault:
    """The fault of resources that need each other."""
    drawn = " → ".join([*cycle, cycle[0]])
    return Fault(
        "HOT-050", f"these resources need each other: {drawn}", site, fix="Cut one of the references."
    )


def cycles(graph: Mapping[str, list[str]]) -> list[list[str]]:
    """One cycle of each knot in a graph, found by a walk in depth without recursion."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        trail: list[str] = [start]
        places = {start: 0}
        pending = [iter(graph[start])]
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                done.add(trail[-1])
                del places[trail.pop()]
            elif following in places:
                found.append(trail[places[following] :])
            elif following not in done:
                places[following] = len(trail)
                trail.append(following)
                pending.append(iter(graph[following]))
    return found
