"""What keys of hieradata write: maps of options, and parameters of Puppet's classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import nearest
from undercloud.validation.composition import Composition
from undercloud.validation.options import definitions
from undercloud.validation.options.definitions import PuppetModule
from undercloud.validation.options.hieradata import Key, shipped
from undercloud.validation.options.source import Given
from undercloud.validation.options.values import plain

_LOOKUP = re.compile(r"%\{")
_SERVICE_DEFAULT = "<SERVICE DEFAULT>"


def options(composition: Composition, given: list[Key]) -> Iterator[Given | Finding]:
    """What the keys write, and what is wrong with their form.

    OPT-007 an entry that Puppet refuses, OPT-008 a key that no class has, OPT-010 an entry for what a class sets.
    """
    for key in given:
        module = definitions.puppet_module(key.name.split("::")[0]) if "::" in key.name else None
        if module is None or _LOOKUP.search(key.name):
            continue
        kind = module.configs.get(key.name)
        if kind is not None:
            yield from _entries(key, module.files[kind])
            yield from _taken(composition, key, module, module.files[kind])
        elif module.has(key.name):
            yield from _direct(key, module)
        elif not module.is_open(key.name) and not _is_mentioned(composition, key.name):
            yield _unknown(key, module)


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
                secret=bool(entry.get("secret")),
            )


def _taken(composition: Composition, key: Key, module: PuppetModule, path: str) -> Iterator[Finding]:
    """OPT-010: an option that a class sets too, of those that the plan's templates configure.

    Puppet refuses two resources for one option.
    """
    for name in map(str, key.value if isinstance(key.value, Mapping) else ()):
        section, _, option = name.partition("/")
        setters = [
            setter
            for setter in module.setters(path, section, option)
            if _is_used(composition, setter.rpartition("::")[0])
        ]
        if setters:
            text = f"{name} is set by Puppet's class {setters[0].rpartition('::')[0]} as well"
            why = "where both are on a node, Puppet stops at the second"
            fix = f"Set {' or '.join(setters[:2])} instead."
            yield key.finding("OPT-010", f"{text}: {why}", fix, Severity.WARNING, name)


def _is_used(composition: Composition, name: str) -> bool:
    """Whether a template of the plan gives a class of Puppet any parameter."""
    word = re.compile(rf"\b{name}::\w+['\"]?:")
    return any(
        f"{name}::" in file.text and word.search(file.text) is not None
        for _, file in shipped(composition, composition.templates)
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
