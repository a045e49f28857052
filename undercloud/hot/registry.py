"""The resource registry: what implements a resource type."""

from __future__ import annotations

import copy
import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.hot.faults import Fault, Site, path_of
from undercloud.hot.values import is_list, shown
from undercloud.plan.documents import Document

HOOKS = ("pre-create", "pre-update", "pre-delete", "post-create", "post-update", "post-delete")
RESTRICTED = ("update", "replace")
_ALIAS_LIMIT = 32

Written = Callable[[str], Document | None]
"""From the first key of an entry to the file that it stands in."""


def nowhere(_name: str) -> Document | None:
    """Of entries that are in no file."""
    return None


def is_template(name: str) -> bool:
    """Whether a type is a template's path."""
    return name.endswith((".yaml", ".template"))


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What a type stands for: a template (its path) or a built-in type; ``entries`` led there."""

    template: str = ""
    type: str = ""
    entries: tuple[str, ...] = ()


class Registry:
    """One environment's ``resource_registry``, with what is set for single resources.

    ``known`` says whether a type is built in. Paths of templates are the tree's, or relative to the template
    that names them.
    """

    def __init__(
        self, entries: Mapping[str, Any], known: Callable[[str], bool], written: Written = nowhere
    ) -> None:
        """``written`` gives the file that an entry stands in."""
        self.faults: list[Fault] = []
        self._known = known
        self._written = written
        self._entries: dict[str, str] = {}
        self._overrides: Mapping[str, Any] = {}
        self._removed: frozenset[str] = frozenset()
        self._targets: dict[str, Target | Fault] = {}
        for name, value in entries.items():
            if name == "resources" and isinstance(value, Mapping):
                self._overrides = value
                self._check(value, ("resources",))
            elif name != "base_url":
                self._register(str(name), value)
        self._globs = sorted(name for name in self._entries if name.endswith("*"))

    def _register(self, name: str, value: Any) -> None:
        if value is None:
            doomed = [key for key in self._entries if name.endswith("*") and key.startswith(name[:-1])]
            for key in [*doomed, name]:
                self._entries.pop(key, None)
        elif isinstance(value, str):
            self._entries[name] = value
        elif not isinstance(value, Mapping):
            self._wrong(f"{name} is mapped to {shown(value)}, not to a type or a template's path", (name,))

    def _wrong(self, message: str, keys: tuple[str, ...]) -> None:
        site = Site(self._written(keys[0]), path_of("resource_registry", *keys))
        self.faults.append(Fault("HOT-045", message, site, fix="Mend the resource_registry."))

    def _check(self, part: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in part.items():
            allowed = {"hooks": HOOKS, "restricted_actions": RESTRICTED}.get(str(key))
            if allowed is not None:
                items = [value] if isinstance(value, str) else value
                if not is_list(items) or any(item not in allowed for item in items):
                    where = "/".join(path)
                    self._wrong(
                        f"{key} of {where} is {shown(value)}; it may be {', '.join(allowed)}",
                        (*path, str(key)),
                    )
            elif isinstance(value, Mapping):
                self._check(value, (*path, str(key)))

    def inside(self, resource: str, target: Target) -> Registry:
        """The registry of the stack that implements a resource.

        What is set for the resource becomes what is set; the entry that led to the stack's template is no
        longer there, so that a template can stand for a type and use it.
        """
        overrides: dict[str, Any] = {}
        for pattern, value in self._overrides.items():
            if isinstance(value, Mapping) and fnmatch.fnmatchcase(resource, pattern):
                overrides.update(value)
        removed = self._removed.union(target.entries[-1:])
        if not self._overrides and removed == self._removed:
            return self
        return copy.copy(self)._narrowed(overrides, removed)  # noqa: SLF001 - a copy of this one

    def _narrowed(self, overrides: Mapping[str, Any], removed: frozenset[str]) -> Registry:
        self._overrides, self._removed = overrides, removed
        return self

    def resolve(self, kind: str, resource: str, site: Site) -> Target:
        """What implements a type for the resource of a name; raises Fault."""
        override = self._overrides.get(resource) if self._overrides else None
        if isinstance(override, Mapping) and isinstance(override.get(kind), str):
            return self._follow(kind, override[kind], self._removed, site)
        target = self._targets.get(kind)
        if target is None:
            target = self._targets[kind] = self._first(kind, site)
        if isinstance(target, Fault):
            raise Fault(target.code, target.message, site, fix=target.fix, parameters=target.parameters)
        if self._removed and not self._removed.isdisjoint(target.entries):
            return self._follow(kind, None, self._removed, site)
        return target

    def _first(self, kind: str, site: Site) -> Target | Fault:
        try:
            return self._follow(kind, None, frozenset(), site)
        except Fault as fault:
            return fault

    def _follow(self, kind: str, value: str | None, removed: frozenset[str], site: Site) -> Target:
        current, trail, entries = kind, [kind], []
        while len(trail) <= _ALIAS_LIMIT:
            if value is None:
                entry, value = self._lookup(current, removed)
                entries += [entry] if entry else []
            if value is None or (value == current and self._known(current)):
                if is_template(current):
                    return Target(template=current, entries=tuple(entries))
                if self._known(current):
                    return Target(type=current, entries=tuple(entries))
                raise _unknown(trail, site)
            if is_template(value):
                return Target(template=value, entries=tuple(entries))
            trail.append(value)
            current, value = value, None
        raise Fault(
            "HOT-045",
            f"the registry goes round in circles: {' → '.join(trail[:6])} …",
            site,
            fix="Map one of them to a template or to OS::Heat::None.",
        )

    def _lookup(self, kind: str, removed: frozenset[str]) -> tuple[str, str | None]:
        """The entry for a type; as in Heat, a wildcard that matches comes before the type's own entry."""
        for pattern in self._globs:
            value = self._entries[pattern]
            if kind != value and kind.startswith(pattern[:-1]) and pattern not in removed:
                if value.endswith("*"):
                    value = value[:-1] + kind[len(pattern) - 1 :]
                return pattern, value
        return (kind, self._entries[kind]) if kind in self._entries and kind not in removed else ("", None)


def _unknown(trail: list[str], site: Site) -> Fault:
    via = f" (by way of {' → '.join(trail[:-1])})" if len(trail) > 1 else ""
    return Fault(
        "HOT-040",
        f"the resource type {trail[-1]} is not known{via}",
        site,
        fix="Map it in the resource_registry of an environment, to a template or to OS::Heat::None.",
        parameters=(trail[0],),
    )
