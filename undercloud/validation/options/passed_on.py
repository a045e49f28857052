"""Parameters that TripleO's templates hand to an option as they are: the option's definition is theirs, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from undercloud.validation.composition import Composition
from undercloud.validation.options import definitions
from undercloud.validation.options.entries import counts
from undercloud.validation.options.hieradata import EVERYWHERE, shipped
from undercloud.validation.options.source import Given
from undercloud.validation.options.values import plain

# The end of KEY: {get_param: NAME}, also over two lines, and of KEY: NAME, as map_replace puts values in.
_HANDED_ON = re.compile(
    r"::\w+['\"]?:(?:\s*\{ *get_param: *(\w+) *\}|\s*get_param: *(\w+)| +([A-Z]\w+)) *$", re.MULTILINE
)
_KEY = re.compile(r"[a-z]\w*(?:::\w+)+")


def options(composition: Composition) -> Iterator[Given]:
    """The options that parameters of the operator's become: only their values are to be judged."""
    if EVERYWHERE not in composition.declared:
        return
    own = set(composition.set_by_operator)
    of_role = {
        role.name: composition.role_parameters(role.name)
        for role in composition.plan.roles
        if f"{role.name}Parameters" in own
    }
    for name, key in sorted(set(_handed_on(composition))):
        roles = [*([""] if name in own else []), *(role for role, names in of_role.items() if name in names)]
        for role in roles:
            yield from _of(composition, name, key, role)


def _of(composition: Composition, name: str, key: str, role: str) -> Iterator[Given]:
    """What one parameter becomes, for one role or (empty) for all."""
    module = definitions.puppet_module(key.split("::", maxsplit=1)[0])
    value = composition.value(name, role)
    # A template's own default often stands for "leave it alone".
    if (
        module is None
        or not counts(value)
        or isinstance(value, dict)
        or _is_default(composition, name, value)
    ):
        return
    for path, section, option in module.targets(key):
        yield Given(
            path,
            section,
            option,
            # Puppet joins what a class takes as a list.
            plain(value) if isinstance(value, list) else value,
            composition.locate(name, role),
            (name, *([f"{role}Parameters"] if role else [])),
            own=True,
            wording=name,
            fixed=True,
            secret=composition.is_hidden(name),
        )


def _is_default(composition: Composition, name: str, value: object) -> bool:
    return any(value == each.default for each in composition.declared.get(name, ()))


def _handed_on(composition: Composition) -> Iterator[tuple[str, str]]:
    """Parameter and key of hieradata, where a template of the plan hands one on as it is."""
    for _, file in shipped(composition, composition.templates):
        if "config_settings" in file.text:
            for match in _HANDED_ON.finditer(file.text):
                start = file.text.rfind("\n", 0, match.start()) + 1
                key = _KEY.search(file.text, start, match.end())
                if key:
                    yield match[1] or match[2] or match[3], key.group()
