"""YAML as people write it: maps in their order, several lines as a block."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.cyaml import CSafeDumper

from undercloud.playbooks.references import REFERENCE

_TEMPLATE = re.compile(r"\{\{|\{%|\{#")


class _Writer(CSafeDumper):
    """Block style without aliases, by PyYAML's C emitter: a cloud has a file of variables for every host."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write everything out."""
        return True


class Plain(str):
    """A text that Ansible must not take for a template."""

    __slots__ = ()


def _text(dumper: CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value and not value.startswith((" ", "\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


def _plain(dumper: CSafeDumper, value: Plain) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe", str(value), style="'")


_Writer.add_representer(str, _text)
_Writer.add_representer(Plain, _plain)


def dump(value: Any) -> str:
    """The text; the same value gives the same text."""
    text: str = yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=110)
    return text.removesuffix("...\n")


def for_ansible(value: Any, variable: str) -> Any:
    """Plain data with references as look-ups of a variable, and other braces kept from being filled in."""
    if isinstance(value, str):
        if REFERENCE.search(value):
            return REFERENCE.sub(lambda match: f"{{{{ {variable}['{match.group(1)}'] }}}}", value)
        return Plain(value) if _TEMPLATE.search(value) else value
    if isinstance(value, dict):
        return {key: for_ansible(item, variable) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_ansible(item, variable) for item in value]
    return value
