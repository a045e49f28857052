"""Environments: the operator's settings, merged from many files, each value with where it came from."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.plan.documents import Document
from undercloud.plan.entries import brief
from undercloud.plan.merging import DEEP_MERGE, OVERWRITE, STRATEGIES, kind_of, merged, strategy_for
from undercloud.plan.names import did_you_mean
from undercloud.plan.registry import resolved
from undercloud.plan.tree import Tree

SECTIONS: dict[str, type] = {
    "parameters": dict,
    "parameter_defaults": dict,
    "resource_registry": dict,
    "encrypted_param_names": list,
    "event_sinks": list,
    "parameter_merge_strategies": dict,
}

TypeOf = Callable[[str], str | None]
"""From a parameter's name to the HOT type that the templates declare it with; None if none declares it."""


class Origin(enum.StrEnum):
    """Whose file a setting stands in."""

    TEMPLATES = "templates"
    OPERATOR = "operator"
    GENERATED = "generated"


@dataclasses.dataclass(frozen=True)
class Layer:
    """One environment file in the order of merging. ``path`` is the tree's spelling of its path."""

    document: Document
    path: str
    origin: Origin = Origin.OPERATOR

    def section(self, name: str) -> Mapping[Any, Any]:
        """One section, empty if it is left out or has not the shape of a map."""
        value = self.document.value
        section = value.get(name) if isinstance(value, dict) else None
        return section if isinstance(section, dict) else {}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One value that one file gives to a parameter or to a type of the registry."""

    value: Any
    section: str
    name: str
    layer: Layer

    @functools.cached_property
    def location(self) -> Location:
        """Where the setting stands."""
        return self.layer.document.locate(self.section, self.name)


@dataclasses.dataclass(frozen=True)
class Environment:
    """The merged environment; what it holds is not to be changed.

    ``layers`` are the files in the order of merging: the templates' own, the operator's, what was generated,
    and the operator's again. TripleO's client sends them so, and with a merge strategy it makes a difference.
    """

    parameter_defaults: dict[str, Any]
    parameters: dict[str, Any]
    resource_registry: dict[str, Any]
    merge_strategies: dict[str, str]
    encrypted: tuple[str, ...]
    layers: tuple[Layer, ...] = dataclasses.field(repr=False)
    findings: tuple[Finding, ...] = dataclasses.field(repr=False)
    _settings: Mapping[tuple[str, str], tuple[Setting, ...]] = dataclasses.field(repr=False, compare=False)
    _again: Callable[[tuple[Layer, ...]], Environment] = dataclasses.field(repr=False, compare=False)

    def history(self, name: str) -> tuple[Setting, ...]:
        """Every setting of a parameter, the one that counts last (unless a merge strategy joins them)."""
        return self._settings.get(("parameter_defaults", name), ()) + self._settings.get(
            ("parameters", name), ()
        )

    def registry_history(self, name: str) -> tuple[Setting, ...]:
        """Every mapping of a resource type, the one that counts last."""
        return self._settings.get(("resource_registry", name), ())

    def locate(self, name: str) -> Location | None:
        """Where the setting of a parameter stands that counts, if a file sets it."""
        history = self.history(name)
        return history[-1].location if history else None

    def written(self, name: str) -> Document | None:
        """The file that the mapping of a resource type stands in that counts, if one does."""
        history = self.registry_history(name)
        return history[-1].layer.document if history else None

    def with_generated(
        self, parameter_defaults: Mapping[str, Any], resource_registry: Mapping[str, Any] | None = None
    ) -> Environment:
        """The environment with more generated settings: the operator's files go over them."""
        value = {
            "parameter_defaults": dict(parameter_defaults),
            "resource_registry": dict(resource_registry or {}),
        }
        layer = Layer(Document("(generated)", "", value), "", Origin.GENERATED)
        last = max(
            (n for n, each in enumerate(self.layers) if each.origin is not Origin.OPERATOR), default=-1
        )
        return self._again((*self.layers[: last + 1], layer, *self.layers[last + 1 :]))


def generated_layer(
    parameter_defaults: Mapping[str, Any], resource_registry: Mapping[str, Any] | None = None
) -> Layer:
    """A layer of what no operator wrote."""
    value = {
        "parameter_defaults": dict(parameter_defaults),
        "resource_registry": dict(resource_registry or {}),
    }
    return Layer(Document("(generated)", "", value), "", Origin.GENERATED)


def in_client_order(
    templates: Layer | None, generated: Layer, operator: Sequence[Layer]
) -> tuple[Layer, ...]:
    """The layers as TripleO's client sends them: the operator's files before and after what it generates."""
    return (*([templates] if templates else []), *operator, generated, *operator)


def merge(layers: Sequence[Layer], type_of: TypeOf, tree: Tree) -> Environment:
    """Merge environments as Heat's server does.

    Paths of the registry are looked up in the tree.

    Findings: PLAN-040 no map, PLAN-041 an unknown section, PLAN-042 a section of the wrong shape (empty: a
    warning), PLAN-043 a registry entry to a missing file, PLAN-044 a registry entry that is not usable,
    PLAN-045 strategies that contradict each other, PLAN-046 an unknown strategy (warning), PLAN-047 values
    that cannot be merged, PLAN-048 event sinks, which we do not use (information).
    """
    merger = _Merger(type_of, tree)
    for layer in layers:
        merger.add(layer)
    return Environment(
        parameter_defaults=merger.sections["parameter_defaults"],
        parameters=merger.sections["parameters"],
        resource_registry=merger.registry,
        merge_strategies=merger.strategies,
        encrypted=tuple(merger.encrypted),
        layers=tuple(layers),
        findings=merger.report.findings,
        _settings={key: tuple(settings.values()) for key, settings in merger.settings.items()},
        _again=lambda again: merge(again, type_of, tree),
    )


class _Merger:
    """The state of one merge."""

    def __init__(self, type_of: TypeOf, tree: Tree) -> None:
        self.sections: dict[str, dict[str, Any]] = {"parameters": {}, "parameter_defaults": {}}
        self.registry: dict[str, Any] = {}
        self.strategies: dict[str, str] = {}
        self.encrypted: dict[str, None] = {}
        self.settings: dict[tuple[str, str], dict[int, Setting]] = {}
        self.report = Report()
        self._type_of = type_of
        self._tree = tree
        self._stated: dict[str, Setting] = {}

    def add(self, layer: Layer) -> None:
        self._check(layer)
        stated = layer.section("parameter_merge_strategies")
        self._check_strategies(layer, stated)
        for section in ("parameters", "parameter_defaults"):
            self._settle(layer, section, stated)
            self._merge_parameters(layer, section)
        self._merge_registry(layer)
        value = layer.document.value
        names = value.get("encrypted_param_names") if isinstance(value, dict) else None
        self.encrypted |= dict.fromkeys(str(name) for name in (names if isinstance(names, list) else []))

    def _check(self, layer: Layer) -> None:
        """The shape of the file: every section known, of the right type, and not empty."""
        document = layer.document
        if not isinstance(document.value, dict | None):
            fix = f"Write sections at the left margin: {', '.join(SECTIONS)}."
            self._find("PLAN-040", "an environment file is a map of sections", fix, document.locate())
            return
        if "event_sinks" in (document.value or {}):
            text = "event_sinks are ignored: events are kept by undercloud itself"
            self._find("PLAN-048", text, "Remove the section.", document.locate("event_sinks"), Severity.INFO)
        for name, section in (document.value or {}).items():
            where = (
                document.locate(name)
                if name not in SECTIONS or not isinstance(section, SECTIONS[name])
                else None
            )
            if where is None:
                continue
            if name not in SECTIONS:
                fix = did_you_mean(str(name), SECTIONS) or f"Known are {', '.join(SECTIONS)}."
                self._find("PLAN-041", f"an environment has no section {brief(name)}", fix, where)
            elif section is None:
                fix = "Fill it, or remove the line: Heat refuses a file with an empty section."
                self._find("PLAN-042", f"the section {name} is empty", fix, where, Severity.WARNING)
            else:
                shape = "a map" if SECTIONS[name] is dict else "a list"
                self._find(
                    "PLAN-042", f"the section {name} is not {shape}", f"Write {shape} below it.", where
                )

    def _check_strategies(self, layer: Layer, stated: Mapping[Any, Any]) -> None:
        for name, strategy in stated.items():
            if strategy not in STRATEGIES:
                where = layer.document.locate("parameter_merge_strategies", name)
                fix = f"Use one of {', '.join(STRATEGIES)}."
                self._find(
                    "PLAN-046", f"{brief(strategy)} is no way to merge {name}", fix, where, Severity.WARNING
                )

    def _settle(self, layer: Layer, section: str, stated: Mapping[Any, Any]) -> None:
        """The strategy of each parameter: the first file that sets it decides, later ones may not differ."""
        for name, value in layer.section(section).items():
            if value is None or not isinstance(name, str):
                continue
            chosen = strategy_for(name, stated, self.strategies)
            before = self.strategies.setdefault(name, chosen)
            setting = Setting(value, section, name, layer)
            first = self._stated.setdefault(name, setting)
            if chosen != before:
                where = layer.document.locate("parameter_merge_strategies", name)
                text = (
                    f"parameter_merge_strategies contradict each other for {name}: {chosen} here, "
                    f"{before} where it was set first"
                )
                fix = "Give the parameter the same strategy in every file that sets it."
                self._find("PLAN-045", text, fix, where, others=(first.location,), parameters=(name,))

    def _merge_parameters(self, layer: Layer, section: str) -> None:
        target = self.sections[section]
        first = not target
        for name, value in layer.section(section).items():
            if not isinstance(name, str):
                where = layer.document.locate(section, name)
                self._find("PLAN-042", f"{brief(name)} is no name of a parameter", "Quote it.", where)
                continue
            self._remember(layer, section, name, value)
            # As in Heat, a null does not take back an earlier value.
            if value is None and not first:
                continue
            strategy = self.strategies.get(name, OVERWRITE)
            if strategy == OVERWRITE or name not in target:
                target[name] = value
                continue
            kind = self._type_of(name) or kind_of(value)
            try:
                target[name] = merged(target[name], value, kind, deep=strategy == DEEP_MERGE)
            except ValueError as error:
                text = f"{name} cannot be merged with what earlier files set: {error}"
                fix = "Give it the strategy overwrite, or values of the same type."
                where = layer.document.locate(section, name)
                self._find("PLAN-047", text, fix, where, parameters=(name,))

    def _merge_registry(self, layer: Layer) -> None:
        section = layer.section("resource_registry")
        if not section:
            return
        for name, value in resolved(section, layer.path, layer.document, self._tree, self.report).items():
            if value is not None:
                self.registry[name] = value
                self._remember(layer, "resource_registry", name, value)

    def _remember(self, layer: Layer, section: str, name: str, value: Any) -> None:
        """A file that stands twice in the list counts once, where it stands last."""
        settings = self.settings.setdefault((section, name), {})
        settings.pop(id(layer), None)
        settings[id(layer)] = Setting(value, section, name, layer)

    def _find(
        self,
        code: str,
        text: str,
        fix: str,
        where: Location,
        severity: Severity = Severity.ERROR,
        *,
        others: tuple[Location, ...] = (),
        parameters: tuple[str, ...] = (),
    ) -> None:
        self.report.add(Finding(code, text, fix, severity, (where, *others), parameters))
