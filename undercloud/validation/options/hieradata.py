"""Hieradata, as TripleO's parameters give it: ExtraConfig for all, for a role, and by node."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity, UndercloudError
from undercloud.plan.environment import Setting
from undercloud.plan.tree import SourceFile
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.options import definitions

EVERYWHERE = "ExtraConfig"
NODES = "NodeDataLookup"


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of hieradata: its value, and where the operator wrote it.

    ``scope`` says whom it is for: ``the role NAME``, ``the node UUID``, or empty for everybody.
    """

    name: str
    value: Any
    parameter: str
    scope: str
    setting: Setting
    path: tuple[str, ...]

    @property
    def own(self) -> bool:
        """Whether it stands in a file of the operator's own."""
        return is_operators(self.setting.layer.path)

    def locate(self, *further: str) -> tuple[Location, ...]:
        """Where the key stands, or what is below it."""
        setting = self.setting
        return (setting.layer.document.locate(setting.section, setting.name, *self.path, *further),)

    def finding(self, code: str, text: str, fix: str, severity: Severity, *further: str) -> Finding:
        """A finding about the key, or about what is below it."""
        if severity is Severity.ERROR and not self.own:
            severity = Severity.WARNING
        return Finding(
            code, text, fix, severity, self.locate(*further), (self.parameter, self.name, *further)
        )


def keys(composition: Composition) -> list[Key]:
    """Every key of hieradata that an environment file gives; of one that stands in several, what counts."""
    if EVERYWHERE not in composition.declared:
        return []
    return [*_of_roles(composition), *_of_nodes(composition)]


def _of_roles(composition: Composition) -> Iterator[Key]:
    for parameter, scope in _parameters(composition):
        value = _mapping(composition.given.get(parameter))
        settings = composition.settings(parameter)
        for name in value if settings else ():
            holders = [setting for setting in settings if name in _mapping(setting.value)]
            if holders:
                inside = (str(name),) if isinstance(holders[-1].value, Mapping) else ()
                yield Key(str(name), value[name], parameter, scope, holders[-1], inside)


def _of_nodes(composition: Composition) -> Iterator[Key]:
    """NodeDataLookup: hieradata of single nodes, by their UUID; the last file's value counts."""
    for setting in composition.settings(NODES)[-1:]:
        for uuid, given in _mapping(setting.value).items():
            for name, value in given.items() if isinstance(given, Mapping) else ():
                inside = (str(uuid), str(name)) if isinstance(setting.value, Mapping) else ()
                yield Key(str(name), value, NODES, f"the node {uuid}", setting, inside)


def hidden(given: list[Key]) -> Iterator[Finding]:
    """OPT-009: a role's own map of options takes the place of the common one; hiera merges none of them."""
    common = {key.name: key for key in given if not key.scope and isinstance(key.value, Mapping)}
    if "lookup_options" in common:
        return
    for key in given:
        other = common.get(key.name) if key.scope else None
        module = definitions.puppet_module(key.name.split("::")[0])
        if (
            other is None
            or module is None
            or key.name not in module.configs
            or not isinstance(key.value, Mapping)
        ):
            continue
        lost = [str(name) for name in other.value if name not in key.value]
        if lost:
            text = (
                f"{key.parameter} has {key.name} too, which takes the place of the one in {other.parameter}: "
                f"{', '.join(lost)} does not reach {key.scope}"
            )
            fix = f"Repeat in {key.parameter} what is to hold there as well."
            places = (*other.locate(lost[0]), *key.locate())
            names = (key.parameter, other.parameter, key.name, *lost)
            yield Finding("OPT-009", text, fix, Severity.WARNING, places, names)


def _parameters(composition: Composition) -> Iterator[tuple[str, str]]:
    """The parameters that hold hieradata, each with whom it is for."""
    yield EVERYWHERE, ""
    for role in composition.plan.roles:
        if composition.counts.get(role.name, 0) < 1:
            continue
        former = role.data.get("deprecated_param_extraconfig")
        for name in (*([former] if isinstance(former, str) else []), f"{role.name}{EVERYWHERE}"):
            if name in composition.declared:
                yield name, f"the role {role.name}"


def _mapping(value: Any) -> Mapping[Any, Any]:
    """A parameter of the type json: a map, or the text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}


def shipped(composition: Composition, paths: Iterable[str]) -> Iterator[tuple[str, SourceFile]]:
    """Those of the files that can be read and are not the operator's."""
    for path in paths:
        if not is_operators(path):
            try:
                yield path, composition.plan.tree[path]
            except (KeyError, UndercloudError):
                continue
