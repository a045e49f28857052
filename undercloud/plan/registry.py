"""The resource_registry of an environment: resource types mapped to templates or to other types."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Report
from undercloud.plan.documents import Document
from undercloud.plan.entries import brief
from undercloud.plan.names import did_you_mean
from undercloud.plan.tree import Tree

_NO_PATHS = ("hooks", "restricted_actions", "base_url")


@dataclasses.dataclass(frozen=True)
class Mapped:
    """One entry: the keys that lead to it, its value, and the base_url that holds for it."""

    keys: tuple[str, ...]
    value: Any
    base: str

    @property
    def path(self) -> str | None:
        """The path that the entry names; None for a type (it has ``::``) and for hooks."""
        if not isinstance(self.value, str) or "::" in self.value or self.keys[-1] in _NO_PATHS:
            return None
        if self.base and not self.value.startswith(("/", "file:")):
            return f"{self.base.rstrip('/')}/{self.value}"
        return self.value


def entries(registry: Mapping[Any, Any], keys: tuple[str, ...] = (), base: str = "") -> Iterator[Mapped]:
    """Every entry of a registry, those nested under ``resources`` too."""
    own = registry.get("base_url")
    base = own if isinstance(own, str) else base
    for key, value in registry.items():
        if isinstance(value, dict):
            yield from entries(value, (*keys, key), base)
        else:
            yield Mapped((*keys, key), value, base)


def resolved(
    registry: Mapping[Any, Any],
    file: str,
    document: Document,
    tree: Tree,
    report: Report,
) -> dict[str, Any]:
    """The registry that stands in ``file``, with every path spelled as the tree does.

    Reports PLAN-043 a missing file, PLAN-044 an entry that is not usable; such entries stay as they are.
    """
    result: dict[str, Any] = {}
    for entry in entries(registry):
        target = result
        for key in entry.keys[:-1]:
            target = target.setdefault(key, {})
        found = tree.find(entry.path, file) if entry.path is not None else None
        target[entry.keys[-1]] = entry.value if found is None else found
        fault = _fault(entry, tree) if found is None else None
        if fault:
            place = document.locate("resource_registry", *entry.keys)
            report.add(Finding(*fault, locations=(place,), parameters=(str(entry.keys[-1]),)))
    return result


def _fault(entry: Mapped, tree: Tree) -> tuple[str, str, str] | None:
    """Code, message and fix for an entry that no file was found for, if it should have one."""
    name = " ".join(map(str, entry.keys))
    if entry.path is None:
        if isinstance(entry.value, str | list | None):
            return None
        text = f"{name} is mapped to {brief(entry.value)}, which is no template and no type"
        return "PLAN-044", text, "Map it to a path or to a type such as OS::Heat::None."
    if entry.path.startswith(("http:", "https:")):
        text = f"the template {entry.path} of {name} would have to be fetched from elsewhere"
        return "PLAN-044", text, "Save it beside your files and give its path."
    text = f"{name} is mapped to {entry.value}, but there is no such file"
    rule = "A path is looked for beside the file it stands in, then under the root of the templates."
    hint = did_you_mean(tree.relative(entry.path.lstrip("./")), tree)
    fix = f"{hint} {rule}" if hint else rule
    return "PLAN-043", text, fix
