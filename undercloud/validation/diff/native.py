"""Files and containers of plans of our own contract, out of the diff of their desired states."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from undercloud.playbooks.desired import Container, DesiredState
from undercloud.playbooks.diff import Change, diff
from undercloud.validation.diff import ini
from undercloud.validation.diff.model import ContainerChange, FileChange
from undercloud.validation.diff.snapshot import Snapshot
from undercloud.validation.diff.values import ABSENT, ValueChange

_TASKS = "_tasks"


def files(before: Snapshot, after: Snapshot) -> Iterator[FileChange]:
    """Files, directories and units on nodes, each change once with the nodes it is on; then tasks."""
    assert before.desired is not None, "of our own contract"
    assert after.desired is not None, "of our own contract"
    texts = [_contents(each) for each in (before.desired, after.desired)]
    found: dict[Any, tuple[FileChange, list[str]]] = {}
    for change in _changes(before, after):
        if change.kind != "container":
            old, new = (each.get((change.host, change.name), "") for each in texts)
            options = ini.changed(change.name, old, new)
            keys = _keys(change)
            file = FileChange(change.name, change.action, (), options, keys, change.diff, change.reasons)
            # The same options may differ between lines that are not the same on each node.
            seen = options or change.diff
            key = (file.path, file.action, repr(keys), repr(seen), file.reasons, change.step)
            found.setdefault(key, (file, []))[1].append(change.host)
    for file, hosts in found.values():
        yield dataclasses.replace(file, where=tuple(hosts))
    yield from _tasks(before, after)


def containers(before: Snapshot, after: Snapshot) -> Iterator[ContainerChange]:
    """Containers, each change once with the nodes it is on."""
    assert after.desired is not None, "of our own contract"
    wanted = {
        (host, name): entry
        for host, state in after.desired.hosts.items()
        for _, name, entry in state.entries("containers")
    }
    for change, where in _grouped(_changes(before, after)):
        if change.kind == "container":
            yield ContainerChange(
                name=change.name,
                action=change.action,
                where=where,
                step=change.step,
                effect=_effect(change, wanted.get((where[0], change.name))),
                keys=_keys(change),
                reasons=change.reasons,
            )


def _effect(change: Change, entry: Container | None) -> str:
    """What a deployment does: a hash over the entry and the files it reads decides (docs/role-data.md)."""
    if change.action == "remove" or entry is None:
        return "is removed"
    once = entry.kind == "once"
    if change.action == "add":
        return "runs once" if once else "starts"
    if set(change.keys) == {"step"}:
        return "moves to another step"
    if not once:
        return "restarts"
    if entry.rerun == "never" or (entry.rerun == "image" and "image" not in change.keys):
        return "does not run again"
    return "runs again"


def _changes(before: Snapshot, after: Snapshot) -> Iterable[Change]:
    assert before.desired is not None, "of our own contract"
    assert after.desired is not None, "of our own contract"
    both = before.secrets.keys() & after.secrets.keys()
    secrets = [name for name in both if before.secrets[name] != after.secrets[name]]
    return diff(before.desired, after.desired, secrets).changes


def _grouped(changes: Iterable[Change]) -> Iterator[tuple[Change, tuple[str, ...]]]:
    """Each change once, with the nodes that it is on."""
    found: dict[Any, tuple[Change, list[str]]] = {}
    for change in changes:
        same = dataclasses.replace(change, host="")
        key = (same.step, same.kind, same.name, same.action, repr(same.keys), same.diff, same.reasons)
        found.setdefault(key, (same, []))[1].append(change.host)
    for change, hosts in found.values():
        yield change, tuple(hosts)


def _keys(change: Change) -> tuple[ValueChange, ...]:
    return tuple(
        ValueChange((key,), ABSENT if old is None else old, ABSENT if new is None else new)
        for key, (old, new) in change.keys.items()
    )


def _contents(state: DesiredState) -> dict[tuple[str, str], str]:
    return {
        (host, name): entry.content
        for host, each in state.hosts.items()
        for _, name, entry in each.entries("files")
    }


def _tasks(before: Snapshot, after: Snapshot) -> Iterator[FileChange]:
    """Files of free-form tasks; secrets in them are look-ups."""
    for path in sorted({*before.files, *after.files}):
        if _TASKS not in path or not path.endswith(".yaml"):
            continue
        old, new = before.files.get(path, ""), after.files.get(path, "")
        if old != new:
            lines = difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
            )
            action = "change" if old and new else "add" if new else "remove"
            yield FileChange(path, action, diff=tuple(lines))
