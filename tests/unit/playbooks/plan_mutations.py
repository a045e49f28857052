"""Whole plans broken at one place: what is wrong with a file of an operator's or of a template tree.

A mutation is of the text (bytes that no YAML should have, a line left out or twice, brackets, tabs) or of the
parsed value (a value replaced, a key renamed, something left out or added), so that it gets past the parser.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import yaml

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    "",
    "a",
    "%index%",
    "10.0.0.300",
    "::/0",
    "a b\n",
    "{{ x }}",
    "é\u2028",
    [],
    ["a"],
    [None],
    [[]],
    {},
    {"a": 1},
    {1: 2},
    {"get_param": "nope"},
    {"get_attr": ["nope", "nope"]},
    {"get_file": "nope"},
    {"get_resource": "nope"},
    {"if": ["nope", 1, 2]},
    {"if": [True, 1]},
    {"list_join": [",", [1]]},
    {"map_merge": [1]},
    {"repeat": {"template": "a", "for_each": {"a": 1}}},
    {"str_replace": {"template": 1, "params": []}},
    {"yaql": {"expression": "$.data.x.y", "data": {}}},
    "OS::Heat::None",
    "OS::Heat::Value",
    "nope.yaml",
)
TEXTS = (
    "\x00",
    "\t",
    "\xff",
    "{",
    "]",
    ": ",
    "- ",
    "&a ",
    "*a ",
    "!!x ",
    "'",
    '"',
    "{{",
    "{%",
    "{% for x in y %}",
)


def mutated(text: str, choice: random.Random) -> bytes:
    """The text of a file, broken somewhere."""
    kinds: list[Callable[[str, random.Random], str]] = [_insert, _drop_line, _repeat_line, _cut]
    value = None
    if choice.random() < 0.8:
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            value = None
    if value is not None:
        return yaml.safe_dump(_changed(value, choice), sort_keys=False).encode()
    return choice.choice(kinds)(text, choice).encode("latin-1", "replace")


def _insert(text: str, choice: random.Random) -> str:
    at = choice.randrange(len(text) + 1)
    return text[:at] + choice.choice(TEXTS) + text[at:]


def _drop_line(text: str, choice: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    del lines[choice.randrange(len(lines))]
    return "".join(lines)


def _repeat_line(text: str, choice: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    return "".join([*lines, choice.choice(lines)])


def _cut(text: str, choice: random.Random) -> str:
    return text[: choice.randrange(len(text) + 1)]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, item in inside for place in _places(item, (*path, key))]


def _changed(value: Any, choice: random.Random) -> Any:
    places = [place for place in _places(value) if place]
    if not places:
        return choice.choice(VALUES)
    value = copy.deepcopy(value)
    path = choice.choice(places)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    kind, key = choice.randrange(4), path[-1]
    if kind == 0:
        parent[key] = copy.deepcopy(choice.choice(VALUES))
    elif kind == 1:
        del parent[key]
    elif kind == 2 and isinstance(parent, dict):
        parent[choice.choice(("nope", "type", "properties", 1, None, "name"))] = parent.pop(key)
    else:
        other = value
        for step in choice.choice(places):
            other = other[step]
        parent[key] = copy.deepcopy(other)
    return value
