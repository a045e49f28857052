"""One evaluation: what all its stacks share."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from undercloud.diagnostics import Severity, UndercloudError
from undercloud.hot.faults import Collector, Fault, Site
from undercloud.hot.parameters import NotConvertible, Parameter
from undercloud.hot.template import Template, compile_template
from undercloud.hot.values import Normaliser, shown
from undercloud.plan.documents import Document, parse
from undercloud.plan.secrets import secret_texts
from undercloud.plan.tree import Tree

_NAMESPACE = uuid.UUID("6f1cf0f4-5d63-5c1b-9a55-4c7c1f6b6f0e")


@dataclasses.dataclass(frozen=True)
class Limits:
    """Where a stack is refused: as the Heat that TripleO starts is set, and a limit on the whole."""

    nested_depth: int = 10
    resources: int = 2_000_000
    member_count: int = 100_000


@dataclasses.dataclass(frozen=True, slots=True)
class Planned:
    """A resource that something outside the language must place: a port, a server.

    ``path`` leads to it from the root stack; ``properties`` are as the template gives them.
    """

    type: str
    path: tuple[str, ...]
    properties: Mapping[str, Any]


Allocate = Callable[[Planned], Mapping[str, Any] | None]
"""Gives the attributes of a planned resource (``id`` is its reference), or None to leave them unknown."""


class RandomStrings(Protocol):
    """Where OS::Heat::RandomString has its values from."""

    def __call__(self, path: str, alphabet_groups: tuple[tuple[str, int], ...], length: int) -> str:
        """The string kept under a path, made when it is asked for first.

        ``alphabet_groups``: characters and how many of them at least.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Binding:
    """What a template's parameters are where nothing is given, in one environment.

    ``faults`` hold always, ``unusable`` are defaults that are wrong only where nothing else is given.
    """

    values: dict[str, Any]
    required: frozenset[str]
    faulty: frozenset[str]
    faults: tuple[Fault, ...]
    unusable: Mapping[str, Fault]


def _ends_in_block(value: Any) -> bool:
    """Whether the last text of a parsed file ends with a line break, as a block of text does."""
    while isinstance(value, dict | list) and value:
        value = next(reversed(value.values())) if isinstance(value, dict) else value[-1]
    return isinstance(value, str) and value.endswith("\n")


def read_template(tree: Tree, path: str) -> Document:
    """The template as Heat parses it: without white space at the file's end.

    That matters where the file ends with a block of text, which then loses its last line break. Raises
    KeyError or UndercloudError as ``Tree.document`` does.
    """
    document = tree.document(path)
    if not _ends_in_block(document.value):
        return document
    stripped = parse(document.text.rstrip(), document.file, duplicate_keys=Severity.WARNING)
    origin = tree[path].origin
    return stripped.with_origin(origin) if origin else stripped


class Run:
    """The shared part of one evaluation: tree, environment, findings, memories."""

    def __init__(
        self,
        tree: Tree,
        defaults: Mapping[str, Any],
        *,
        name: str,
        random: RandomStrings,
        allocate: Allocate,
        removed: Mapping[str, tuple[str, ...]],
        project: str,
        limits: Limits,
    ) -> None:
        self.tree = tree
        self.defaults = defaults
        self.name = name
        self.random = random
        self.allocate = allocate
        self.removed = removed
        self.project = project
        self.limits = limits
        self.findings = Collector()
        self.normaliser = Normaliser()
        self.resource_count = 0
        self.configs: dict[str, Mapping[str, Any]] = {}
        self.hidden: set[str] = set()
        self._bindings: dict[Template, Binding] = {}
        self._templates: dict[str, Template | None] = {}
        self._paths: dict[tuple[str, str], str | None] = {}
        self._told: set[Template] = set()

    def template(self, path: str, via: tuple[str, ...]) -> Template | None:
        """The compiled template of a path in the tree; None (and findings) if it cannot be read."""
        if path in self._templates:
            return self._templates[path]
        template = None
        try:
            document = read_template(self.tree, path)
            if self.tree[path].origin is None:
                # What Jinja2 rendered may repeat a key with each round of a loop.
                self.findings.adopt(document.findings, via)
            template = compile_template(document, path)
            self.tell(template, via)
        except UndercloudError as error:
            self.findings.adopt(error.findings, via)
        self._templates[path] = template
        return template

    def find(self, reference: str, base: str) -> str | None:
        """The tree's path of a file that a template names."""
        key = (reference, base)
        if key not in self._paths:
            self._paths[key] = self.tree.find(reference, base)
        return self._paths[key]

    def tell(self, template: Template, via: tuple[str, ...]) -> None:
        """Report what is wrong with a template whatever its parameters are, once."""
        if template in self._told:
            return
        self._told.add(template)
        for fault in (*template.problems, *template.warnings, *self.binding(template).faults):
            self.findings.add(fault, via)

    def binding(self, template: Template) -> Binding:
        """What the template's parameters are by default: of the environment, else of the template."""
        binding = self._bindings.get(template)
        if binding is None:
            binding = self._bindings[template] = self._bind(template)
        return binding

    def _bind(self, template: Template) -> Binding:
        values: dict[str, Any] = {}
        required: set[str] = set()
        faulty: set[str] = set()
        faults: list[Fault] = []
        unusable: dict[str, Fault] = {}
        for name, parameter in template.parameters.items():
            given = self.defaults.get(name)
            raw = parameter.default if given is None else given
            if raw is None or (name in self.defaults and given is None):
                required.add(name)
                continue
            try:
                values[name] = self.converted(parameter, raw)
                continue
            except Fault as fault:
                wrong = fault
            faulty.add(name)
            if given is not None:
                faults.append(wrong)
            else:
                always = self._default_faults(parameter)
                faults += always
                if not always:
                    message = wrong.message.removeprefix(_misfit(parameter))
                    unusable[name] = _bad_default(parameter, message)
        return Binding(values, frozenset(required), frozenset(faulty), tuple(faults), unusable)

    def faulty_defaults(self, template: Template) -> list[Fault]:
        """What is wrong with a root template's own defaults, though the environment overrides them.

        In nested templates Heat puts the environment's value in the default's place before it looks.
        """
        overridden = [
            parameter
            for parameter in template.parameters.values()
            if self.defaults.get(parameter.name) is not None
        ]
        return [fault for parameter in overridden for fault in self._default_faults(parameter)]

    def _default_faults(self, parameter: Parameter) -> list[Fault]:
        """What Heat holds against a default even where another value is given: only what its constraints say.

        They look at the text of a json parameter before it is read as JSON, and at no text as one item of a
        list; custom constraints look at values that are used.
        """
        raw, is_list_type = parameter.default, parameter.type == "comma_delimited_list"
        constrained = parameter.constraints and not (parameter.type == "json" and isinstance(raw, str))
        if raw is None or not (is_list_type or constrained):
            return []
        try:
            value = [""] if is_list_type and raw == "" else parameter.convert(raw, self.normaliser)
            wrong = parameter.violations(value, custom=False)
        except NotConvertible as error:
            wrong = [str(error)]
        return [_bad_default(parameter, message) for message in wrong]

    def converted(self, parameter: Parameter, raw: Any) -> Any:
        """The value that an environment or a user gives to a parameter; raises Fault."""
        try:
            value = parameter.convert(raw, self.normaliser)
        except NotConvertible as error:
            message = f"{shown(raw)} is no value for the {parameter.type} parameter {parameter.name}: {error}"
            if parameter.hidden:
                message = f"a secret value is none for the {parameter.type} parameter {parameter.name}"
            raise self.parameter_fault("HOT-012", message, parameter) from None
        if parameter.hidden:
            self.hidden.update(secret_texts(value))
        self.check(parameter, value)
        return value

    def check(self, parameter: Parameter, value: Any) -> None:
        """Check a parameter's value against its constraints; raises Fault."""
        if not parameter.constraints:
            return
        wrong = parameter.violations(value)
        if wrong:
            message = _misfit(parameter) + "; ".join(wrong)
            raise self.parameter_fault("HOT-013", message, parameter)

    def parameter_fault(
        self, code: str, message: str, parameter: Parameter, site: Site | None = None
    ) -> Fault:
        """A fault about a parameter's value."""
        fix = f"Give {parameter.name} another value." if site is None else ""
        return Fault(code, message, site or parameter.site, fix=fix, parameters=(parameter.name,))

    def stack_name(self, path: tuple[str, ...]) -> str:
        """The name of a nested stack: as Heat's, but the random parts follow from the path."""
        parts = [self.name]
        for depth, name in enumerate(path, start=1):
            digest = hashlib.sha256("/".join((self.name, *path[:depth])).encode()).hexdigest()
            parts += [name, digest[:12]]
        return "-".join(parts)

    def identifier(self, path: tuple[str, ...]) -> str:
        """A UUID that follows from the stack's name and a path in it."""
        return str(uuid.uuid5(_NAMESPACE, "/".join((self.name, *path))))

    def count_resource(self) -> bool:
        """Count one more resource; False when there are too many."""
        self.resource_count += 1
        return self.resource_count <= self.limits.resources


def _misfit(parameter: Parameter) -> str:
    return f"the parameter {parameter.name} does not fit: "


def _bad_default(parameter: Parameter, message: str) -> Fault:
    text = f"the default of {parameter.name} does not fit: {message}"
    return Fault("HOT-015", text, parameter.site.below("default"), fix="Change the default.")
