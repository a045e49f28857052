"""Two snapshots compared, level by level."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.validation.diff import native, upstream
from undercloud.validation.diff.model import HostChange, ParameterChange, PlanDiff, ResourceChange
from undercloud.validation.diff.snapshot import ResourceState, Snapshot
from undercloud.validation.diff.values import ABSENT, ValueChange, changes

_SHOWN_ELSEWHERE = frozenset(("RoleData", "RoleGroupVars", "RoleConfig"))
"""Outputs that are files and containers, and told as these."""
_DEPLOYMENT = "DeployIdentifier"


def compare(before: Snapshot, after: Snapshot, names: tuple[str, str] = ("before", "after")) -> PlanDiff:
    """Everything that differs; ``names`` are what the two are called."""
    contract = native if before.desired and after.desired else upstream
    partial = [name for name, each in zip(names, (before, after), strict=True) if each.partial]
    notes = [f"{name} was written by an older plan compile: parameters are not compared" for name in partial]
    if before.contract != after.contract:
        notes.append(f"{names[0]} keeps the contract {before.contract}, {names[1]} {after.contract}")
    if _identifier(before) != _identifier(after):
        notes.append("every plan has its own DeployIdentifier; what only that changes is left out")
        before, after = _without_identifier(before), _without_identifier(after)
    whole = not partial
    return PlanDiff(
        before=names[0],
        after=names[1],
        parameters=tuple(_parameters(before, after)) if whole else (),
        resources=tuple(_resources(before.resources, after.resources)),
        files=tuple(contract.files(before, after)),
        containers=tuple(contract.containers(before, after)),
        hosts=tuple(_hosts(before, after)),
        outputs=tuple(_outputs(before.outputs, after.outputs)),
        notes=tuple(notes),
    )


def _identifier(snapshot: Snapshot) -> str:
    """What TripleO puts into containers that are to run at every deployment."""
    state = snapshot.parameters.get(_DEPLOYMENT)
    return str(state.value) if state and snapshot.contract == "upstream" and state.value else ""


def _without_identifier(snapshot: Snapshot) -> Snapshot:
    """The same with one word in the identifier's place."""
    own = _identifier(snapshot)
    if not own:
        return snapshot

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(own, _DEPLOYMENT) if own in value else value
        if isinstance(value, Mapping):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list) else value

    return dataclasses.replace(
        snapshot,
        parameters={name: each for name, each in snapshot.parameters.items() if name != _DEPLOYMENT},
        outputs=clean(snapshot.outputs),
        # A number in quotes, or none: YAML writes an identifier either way.
        files={
            path: text.replace(f'"{own}"', own).replace(f"'{own}'", own).replace(own, _DEPLOYMENT)
            for path, text in snapshot.files.items()
        },
    )


def _parameters(before: Snapshot, after: Snapshot) -> Iterator[ParameterChange]:
    old, new = before.parameters, after.parameters
    for name in sorted({*old, *new}):
        sides = [each[name].value if name in each else ABSENT for each in (old, new)]
        for side in (0, 1):
            # A parameter that no template declares and no file sets has no value.
            if sides[side] is None and sides[1 - side] is ABSENT:
                sides[side] = ABSENT
        found = tuple(changes(*sides))
        if found:
            places = [each[name].places if name in each else () for each in (old, new)]
            yield ParameterChange(name, found, *places)


def _resources(
    before: Mapping[str, ResourceState], after: Mapping[str, ResourceState]
) -> Iterator[ResourceChange]:
    paths = dict.fromkeys([*before, *after])
    for path in _outermost(path for path in paths if path not in before or path not in after):
        added = path not in before
        yield ResourceChange(path, "add" if added else "remove", (after if added else before)[path].type)
    for path in paths:
        old, new = before.get(path), after.get(path)
        if old is None or new is None or old == new:
            continue
        keys = [
            ValueChange((key,), getattr(old, key), getattr(new, key))
            for key in ("type", "template")
            if getattr(old, key) != getattr(new, key)
        ]
        yield ResourceChange(path, "change", new.type, tuple(keys))


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """The paths without those that lie inside another one: a stack that goes takes all in it along."""
    last = ""
    for path in sorted(paths):
        if not last or not path.startswith(f"{last}/"):
            last = path
            yield path


def _hosts(before: Snapshot, after: Snapshot) -> Iterator[HostChange]:
    for name in sorted({*before.hosts, *after.hosts}):
        old, new = before.hosts.get(name), after.hosts.get(name)
        if old is None or new is None:
            there: Mapping[str, Any] = new or old or {}
            if not before.partial and not after.partial:
                yield HostChange(name, "add" if old is None else "remove", there["role"])
            continue
        keys = tuple(changes(dict(old), dict(new)))
        if keys:
            yield HostChange(name, "change", new["role"], keys)


def _outputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ValueChange]:
    for name in sorted({*before, *after}):
        if name in _SHOWN_ELSEWHERE and name in before and name in after:
            continue
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if isinstance(old, Mapping | list) and isinstance(new, Mapping | list):
            # Some outputs hold JSON-like values with keys that are no texts before they are written.
            old, new = _plain(old), _plain(new)
        yield from changes(old, new, (name,))


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
