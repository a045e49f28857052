"""Our commands as they are registered, and what became of each of TripleO's."""

from __future__ import annotations

import ast
import configparser
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import yaml

_GROUP = "openstack.undercloud.v1"
KINDS = {"here": "otherwise", "later": "missing", "not": "no meaning here"}


@dataclasses.dataclass(frozen=True)
class Command:
    """A registered command: its words after ``openstack`` and the first sentence of its help."""

    name: str
    does: str


@dataclasses.dataclass(frozen=True)
class Upstream:
    """A command of TripleO's: ``became`` is ``same`` or a word of KINDS, ``instead`` what does its work."""

    name: str
    became: str
    instead: str


def registered(root: Path) -> tuple[Command, ...]:
    """Every command of ours, by name, out of setup.cfg and the sources that it names."""
    config = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    config.read(root / "setup.cfg", encoding="utf-8")
    lines = config["entry_points"][_GROUP].strip().splitlines()
    found = []
    for line in lines:
        name, _, place = (part.strip() for part in line.partition("="))
        module, _, attribute = place.partition(":")
        source = root.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        found.append(Command(name.replace("_", " "), _first_sentence(source, attribute)))
    return tuple(sorted(found, key=lambda command: command.name))


def became(root: Path) -> tuple[Upstream, ...]:
    """What became of each of TripleO's commands, by name."""
    ours = {command.name for command in registered(root)}
    return tuple(_became(ours))


def _became(ours: set[str]) -> Iterator[Upstream]:
    text = Path(__file__).with_name("commands.yaml").read_text(encoding="utf-8")
    for name, told in sorted(yaml.safe_load(text)["upstream"].items()):
        if name in ours:
            yield Upstream(name, "same", "")
        else:
            ((kind, instead),) = told.items() or (("", ""),)
            yield Upstream(name, KINDS[kind], instead)


def _first_sentence(source: str, name: str) -> str:
    """Of a class's docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            first = (ast.get_docstring(node) or "").partition("\n\n")[0]
            return " ".join(first.split())
    raise LookupError(f"there is no class {name}")
