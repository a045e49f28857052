"""What differs between two desired states, host by host; secrets stay references."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from undercloud.playbooks.desired import Container, DesiredState, HostState, as_dict

KINDS = ("directories", "files", "units", "containers")
_SINGULAR = {"directories": "directory", "files": "file", "units": "unit", "containers": "container"}
_MARKS = {"add": "+", "remove": "-", "change": "~"}


@dataclasses.dataclass(frozen=True)
class Change:
    """One entry that is added, removed or changed.

    ``keys`` are the changed keys with the values before and after; ``diff`` is the unified diff of a
    content, as lines; ``reasons`` say what else the change comes from (a file that a container reads, a
    secret of another value).
    """

    host: str
    step: int
    kind: str
    name: str
    action: str
    keys: Mapping[str, tuple[Any, Any]] = dataclasses.field(default_factory=dict)
    diff: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain: dict[str, Any] = {
            field: getattr(self, field) for field in ("host", "step", "kind", "name", "action")
        }
        if self.keys:
            plain["keys"] = {key: {"before": old, "after": new} for key, (old, new) in self.keys.items()}
        if self.diff:
            plain["diff"] = list(self.diff)
        if self.reasons:
            plain["reasons"] = list(self.reasons)
        return plain


@dataclasses.dataclass(frozen=True)
class Difference:
    """Everything that differs: whole hosts by name, and changes of the hosts in both states, in order."""

    hosts_added: tuple[str, ...]
    hosts_removed: tuple[str, ...]
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.hosts_added or self.hosts_removed or self.changes)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "hosts": {"added": list(self.hosts_added), "removed": list(self.hosts_removed)},
            "changes": [change.as_dict() for change in self.changes],
        }

    def render(self) -> str:
        """Plain text, host by host; empty where nothing differs."""
        lines = [f"+ host {name}" for name in self.hosts_added]
        lines += [f"- host {name}" for name in self.hosts_removed]
        host = None
        for change in self.changes:
            if change.host != host:
                host = change.host
                lines.append(f"host {host}")
            lines += _lines(change)
        return "".join(f"{line}\n" for line in lines)


def diff(before: DesiredState, after: DesiredState, secrets: Collection[str] = ()) -> Difference:
    """Compare two states; ``secrets`` are the names of those whose values differ.

    Where an entry came from and how tasks are written does not count: only what would change on a node.
    """
    changed = frozenset(secrets)
    both = [name for name in after.hosts if name in before.hosts]
    return Difference(
        tuple(name for name in after.hosts if name not in before.hosts),
        tuple(name for name in before.hosts if name not in after.hosts),
        tuple(
            change for name in both for change in _host(name, before.hosts[name], after.hosts[name], changed)
        ),
    )


def _host(name: str, before: HostState, after: HostState, secrets: frozenset[str]) -> Iterator[Change]:
    causes = _Causes(secrets, set())
    for kind in KINDS:
        old = {key: (step, entry) for step, key, entry in before.entries(kind)}
        new = {key: (step, entry) for step, key, entry in after.entries(kind)}
        for key, found in new.items():
            change = _changed(kind, key, old.get(key), found, causes)
            if change is not None:
                causes.files.update([key] if kind == "files" else [])
                yield dataclasses.replace(change, host=name)
        for key, (step, entry) in old.items():
            if key not in new:
                lines = _unified(key, _content(entry), "")
                yield Change(name, step, _SINGULAR[kind], key, "remove", diff=lines)


@dataclasses.dataclass(frozen=True)
class _Causes:
    """What changes beside an entry itself: secrets by name, files by path."""

    secrets: frozenset[str]
    files: set[str]

    def of(self, entry: Any) -> Iterator[str]:
        for secret in getattr(entry, "secrets", ()):
            if secret in self.secrets:
                yield f"the secret {secret} has another value"
        if isinstance(entry, Container):
            for path in entry.files:
                if path in self.files:
                    yield f"it reads {path}, which changes"


def _changed(
    kind: str, name: str, before: tuple[int, Any] | None, after: tuple[int, Any], causes: _Causes
) -> Change | None:
    """The change of an entry that is wanted, its host left open; None where nothing differs."""
    step, new = after
    if before is None:
        return Change("", step, _SINGULAR[kind], name, "add", diff=_unified(name, "", _content(new)))
    old_step, old = before
    keys = _keys(old, new) if old is not new else {}
    if old_step != step:
        keys = {"step": (old_step, step), **keys}
    content = _unified(name, _content(old), _content(new)) if old is not new else ()
    reasons = tuple(causes.of(new))
    if not keys and not content and not reasons:
        return None
    return Change("", step, _SINGULAR[kind], name, "change", keys, content, reasons)


def _keys(old: Any, new: Any) -> dict[str, tuple[Any, Any]]:
    before, after = as_dict(old), as_dict(new)
    names = dict.fromkeys([*before, *after])
    return {
        key: (before.get(key), after.get(key))
        for key in names
        if key not in {"origin", "content", "secrets"} and before.get(key) != after.get(key)
    }


def _content(entry: Any) -> str:
    return getattr(entry, "content", None) or ""


@functools.lru_cache(maxsize=4096)
def _unified(name: str, old: str, new: str) -> tuple[str, ...]:
    """A unified diff; the same change on many hosts is made once."""
    if old == new:
        return ()
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a{name}", f"b{name}", lineterm="")
    return tuple(lines)


def _lines(change: Change) -> Iterable[str]:
    step = f"step {change.step}"
    yield f"  {_MARKS[change.action]} {change.kind} {change.name} ({step})"
    for key, (old, new) in change.keys.items():
        yield f"      {key}: {_shown(old)} -> {_shown(new)}"
    for reason in change.reasons:
        yield f"      because {reason}"
    for line in change.diff:
        yield f"      {line}"


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    return shlex.join(map(str, value)) if isinstance(value, list) else str(value)
