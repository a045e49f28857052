"""A config file's content as text: ini, oslo.config, JSON, YAML; the same content gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from undercloud.playbooks.references import REFERENCE

FORMATS = ("text", "ini", "oslo_config", "json", "yaml")


class ContentError(ValueError):
    """Content that its format cannot hold; ``path`` leads to the part that is wrong."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


def render(form: str, content: Any) -> str:
    """The text of a file. A string is the ready text, whatever the format.

    Raises ContentError where the content does not fit: not a map of sections for the ini formats, no text for
    ``text``, a map or list as an option's value.
    """
    if isinstance(content, str):
        return content
    if form in {"ini", "oslo_config"}:
        return _ini(content)
    if form == "json":
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if form == "yaml":
        text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)
        return text
    raise ContentError("the content of a text file must be text; a map needs a format")


def encoder(form: str) -> Callable[[str], str]:
    """How a secret's value must be written so that it can stand in place of its reference."""
    if form in {"json", "yaml"}:
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    if form in {"ini", "oslo_config"}:
        return _continued
    return str


def plain(value: object) -> str:
    """A scalar as configuration has it: ``true``, ``false``, numbers as they are, text unchanged."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ini(content: Any) -> str:
    if not isinstance(content, Mapping):
        raise ContentError("the content must be a map of sections")
    blocks = []
    for section, options in content.items():
        if options is None:
            continue
        if not isinstance(options, Mapping):
            raise ContentError("a section must be a map of options", str(section))
        lines = [
            line for option, value in options.items() for line in _option(str(section), str(option), value)
        ]
        if lines or not options:
            blocks.append("\n".join([f"[{section}]", *lines]) + "\n")
    return "\n".join(blocks)


def _option(section: str, option: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    for item in values:
        if isinstance(item, Mapping | list):
            raise ContentError(
                "the value of an option must be text, a number, true, false or a list of them",
                section,
                option,
            )
    return [f"{option} = {_continued(plain(item))}".rstrip(" ") for item in values if item is not None]


def _continued(value: str) -> str:
    """Several lines as continuation lines, which begin with white space."""
    return value.rstrip("\n").replace("\n", "\n    ")


class _Dumper(yaml.SafeDumper):
    """Safe YAML in which what holds a reference stands in double quotes, ready for any value."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if REFERENCE.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)
