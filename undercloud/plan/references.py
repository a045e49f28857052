"""Which other files a template names, and which type a parameter is declared with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from undercloud.diagnostics import UndercloudError
from undercloud.plan.environment import TypeOf
from undercloud.plan.tree import Tree

_TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "json": "json",
    "commadelimitedlist": "comma_delimited_list",
}
_TEMPLATE_SIGNS = ("heat_template_version", "TemplateFormatVersion")


def references(value: Any) -> Iterator[str]:
    """The paths in a template: of nested templates and of ``get_file``; in TOSCA any text may be one."""
    if isinstance(value, dict) and "tosca_definitions_version" in value:
        yield from _texts(value)
    else:
        yield from _paths(value)


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _paths(item)
            elif isinstance(item, str) and (
                key == "get_file" or (key == "type" and item.endswith((".yaml", ".template")))
            ):
                yield item
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def declared_types(tree: Tree, root: str) -> TypeOf:
    """A function from a parameter's name to its declared HOT type, None if no template declares it.

    The root template has the first word, as in Heat; among others the first in the order of paths has it.
    Templates are looked into when a name is asked for, which only a merge strategy does.
    """
    known: dict[str, str | None] = {}

    def type_of(name: str) -> str | None:
        if name not in known:
            known[name] = _declared(tree, root, name) or _search(tree, name)
        return known[name]

    return type_of


def _search(tree: Tree, name: str) -> str | None:
    pattern = re.compile(rf"(?<![\w-]){re.escape(name)}[\"']?\s*:")
    for path in sorted(tree):
        if not path.endswith((".yaml", ".template")) or path.endswith(".j2.yaml"):
            continue
        try:
            text = tree[path].text
        except UndercloudError:
            continue
        if any(sign in text for sign in _TEMPLATE_SIGNS) and name in text and pattern.search(text):
            found = _declared(tree, path, name)
            if found:
                return found
    return None


def _declared(tree: Tree, path: str, name: str) -> str | None:
    try:
        value = tree.document(path).value
    except (KeyError, UndercloudError):
        return None
    for section in ("parameters", "Parameters"):
        parameters = value.get(section) if isinstance(value, dict) else None
        declared = parameters.get(name) if isinstance(parameters, dict) else None
        if isinstance(declared, dict):
            kind = str(declared.get("type", declared.get("Type", ""))).lower().replace("_", "")
            return _TYPES.get(kind)
    return None
