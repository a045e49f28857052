"""The options in hieradata, as TripleO's ExtraConfig parameters give it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity, UndercloudError
from undercloud.plan.environment import Setting
from undercloud.plan.names import nearest
from undercloud.plan.tree import SourceFile
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.options import definitions
from undercloud.validation.options.definitions import PuppetModule
from undercloud.validation.options.source import Given
from undercloud.validation.options.values import plain

EVERYWHERE = "ExtraConfig"
_LOOKUP = re.compile(r"%\{")
_SERVICE_DEFAULT = "<SERVICE DEFAULT>"


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of hieradata: its value, and where the operator wrote it. ``role`` is empty for all roles."""

    name: str
    value: Any
    parameter: str
    role: str
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
    found = []
    for parameter, role in _parameters(composition):
        value = _mapping(composition.given.get(parameter))
        settings = composition.settings(parameter)
        for name in value if settings else ():
            holders = [setting for setting in settings if name in _mapping(setting.value)]
            if holders:
                inside = (str(name),) if isinstance(holders[-1].value, Mapping) else ()
                found.append(Key(str(name), value[name], parameter, role, holders[-1], inside))
    return found


def options(composition: Composition, given: list[Key]) -> Iterator[Given | Finding]:
    """What the keys write, and what is wrong with their form.

    OPT-007 an entry that Puppet refuses, OPT-008 a key that no class has.
    """
    for key in given:
        module = definitions.puppet_module(key.name.split("::")[0]) if "::" in key.name else None
        if module is None or _LOOKUP.search(key.name):
            continue
        kind = module.configs.get(key.name)
        if kind is not None:
            yield from _entries(key, module.files[kind])  # such as api-paste.ini: of its form only
        elif module.has(key.name):
            yield from _direct(key, module)
        elif not module.is_open(key.name) and not _is_mentioned(composition, key.name):
            yield _unknown(key, module)


def hidden(given: list[Key]) -> Iterator[Finding]:
    """OPT-009: a role's own map of options takes the place of the common one; hiera merges none of them."""
    common = {key.name: key for key in given if not key.role and isinstance(key.value, Mapping)}
    if "lookup_options" in common:
        return
    for key in given:
        other = common.get(key.name) if key.role else None
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
                f"{', '.join(lost)} does not reach the role {key.role}"
            )
            fix = f"Repeat in {key.parameter} what is to hold there as well."
            places = (*other.locate(lost[0]), *key.locate())
            names = (key.parameter, other.parameter, key.name, *lost)
            yield Finding("OPT-009", text, fix, Severity.WARNING, places, names)


def _parameters(composition: Composition) -> Iterator[tuple[str, str]]:
    """The parameters that hold hieradata, each with its role."""
    yield EVERYWHERE, ""
    for role in composition.plan.roles:
        if composition.counts.get(role.name, 0) < 1:
            continue
        former = role.data.get("deprecated_param_extraconfig")
        for name in (*([former] if isinstance(former, str) else []), f"{role.name}{EVERYWHERE}"):
            if name in composition.declared:
                yield name, role.name


def _mapping(value: Any) -> Mapping[Any, Any]:
    """A parameter of the type json: a map, or the text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}


def _entries(key: Key, path: str) -> Iterator[Given | Finding]:
    """The options of a key such as ``nova::config::nova_config``."""
    example = "Write SECTION/OPTION: {value: VALUE}, one below the other."
    if not isinstance(key.value, Mapping):
        yield key.finding("OPT-007", f"{key.name} is not a map of options", example, Severity.ERROR)
        return
    for name, entry in ((str(name), entry) for name, entry in key.value.items()):
        section, slash, option = name.partition("/")
        if _LOOKUP.search(name):
            continue
        if not slash or not section or not option:
            text = f"{name} in {key.name} is not SECTION/OPTION"
            fix = f"Write DEFAULT/{name} if it belongs into no section." if not slash else example
            yield key.finding("OPT-007", text, fix, Severity.ERROR, name)
        elif not isinstance(entry, Mapping) or ("value" not in entry and entry.get("ensure") != "absent"):
            text = f"{name} in {key.name} has no value: Puppet wants a map with the key value"
            shown = "VALUE" if isinstance(entry, Mapping | list) else "the value"
            yield key.finding("OPT-007", text, f"Write {name}: {{value: {shown}}}.", Severity.ERROR, name)
        else:
            value = entry.get("value")
            absent = entry.get("ensure") == "absent" or not counts(value, empty=True)
            yield Given(
                path,
                section,
                option,
                None if absent else value,
                key.locate(name),
                (key.parameter, key.name, name),
                own=key.own,
                wording=f"{key.name} {name}",
                secret=bool(entry.get("secret")),
            )


def _direct(key: Key, module: PuppetModule) -> Iterator[Given]:
    """A key that is a parameter of a class: what it sets, if that is known."""
    if counts(key.value) and not isinstance(key.value, Mapping):
        for path, section, option in module.targets(key.name):
            yield Given(
                path,
                section,
                option,
                # Puppet joins what a class takes as a list.
                plain(key.value) if isinstance(key.value, list) else key.value,
                key.locate(),
                (key.parameter, key.name),
                own=key.own,
                wording=key.name,
                fixed=True,
            )


def counts(value: Any, *, empty: bool = False) -> bool:
    """Whether a value is one to judge; Puppet's classes take empty ones and false for "leave it alone"."""
    if value is None or value == _SERVICE_DEFAULT or (isinstance(value, str) and _LOOKUP.search(value)):
        return False
    if isinstance(value, list | Mapping) and any(
        isinstance(item, list | Mapping) for item in (value.values() if isinstance(value, Mapping) else value)
    ):
        return False
    return empty or not (value is False or value in ("", [], {}))


def _unknown(key: Key, module: PuppetModule) -> Finding:
    """OPT-008."""
    known = [
        f"{name}::{parameter}" for name, parameters in module.classes.items() for parameter in parameters
    ]
    name, _, parameter = key.name.rpartition("::")
    inside = nearest(parameter, module.classes.get(name, ()))
    near = f"{name}::{inside}" if inside else nearest(key.name, known)
    text = f"no class of Puppet's module {module.name} has a parameter {key.name}, so that it has no effect"
    fix = (
        f"Did you mean {near}?"
        if near
        else f"Remove it, or write the option itself into {next(iter(module.configs), 'ExtraConfig')}."
    )
    return key.finding("OPT-008", text, fix, Severity.ERROR if inside else Severity.WARNING)


def _is_mentioned(composition: Composition, key: str) -> bool:
    """Whether any template knows a key: some are read by TripleO's own profiles, not by a class."""
    for path, file in shipped(composition, composition.plan.tree):
        if path.endswith(".yaml") and key in file.text:
            return True
    return False


def shipped(composition: Composition, paths: Iterable[str]) -> Iterator[tuple[str, SourceFile]]:
    """Those of the files that can be read and are not the operator's."""
    for path in paths:
        if not is_operators(path):
            try:
                yield path, composition.plan.tree[path]
            except (KeyError, UndercloudError):
                continue
