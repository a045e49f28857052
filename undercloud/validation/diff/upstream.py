"""Files and containers of plans of TripleO's contract: hiera, containers, the config-download directory."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from undercloud.playbooks.upstream import yamltext
from undercloud.validation.diff.hushed import ANOTHER, digest, hushed, shown, token, tokens
from undercloud.validation.diff.model import ContainerChange, FileChange, OptionChange
from undercloud.validation.diff.snapshot import Snapshot
from undercloud.validation.diff.values import ABSENT, changes

HIERA = ("role_extraconfig", "extraconfig", "service_configs")
"""Where puppet looks a key up on every node of a role, first one first (overcloud.j2.yaml's hieradata_files)."""
_OF_STEP = re.compile(r"(.*)_step\d\.yaml")
_CONTAINERS = "docker_config"


def files(before: Snapshot, after: Snapshot) -> Iterator[FileChange]:
    """Hieradata by role, key by key; then every file of config-download that differs."""
    yield from _hiera(before, after)
    paths = {*before.files, *after.files}
    differing = {path for path in paths if before.files.get(path) != after.files.get(path)}
    for path in sorted({*before.files, *after.files}):
        old, new = before.files.get(path), after.files.get(path)
        if old == new or path == "inventory/tripleo" or _told(path, differing):
            continue
        lines = list(_lines(path, old, new, before.known, after.known))
        action = "add" if old is None else "remove" if new is None else "change"
        if lines or action != "change":
            yield FileChange(path, action, diff=tuple(lines))


def _told(path: str, differing: set[str]) -> bool:
    """Whether a file holds the tasks of one step only, and the file with those of all steps is told."""
    match = _OF_STEP.fullmatch(path)
    return match is not None and f"{match[1]}.yaml" in differing


def _hiera(before: Snapshot, after: Snapshot) -> Iterator[FileChange]:
    found: dict[str, tuple[list[str], FileChange]] = {}
    for role in sorted({*_of(before, "RoleGroupVars"), *_of(after, "RoleGroupVars")}):
        old, new = hiera(before, role), hiera(after, role)
        options = tuple(
            OptionChange("", key, change)
            for key in sorted({*old, *new})
            for change in _whole(old.get(key, ABSENT), new.get(key, ABSENT))
        )
        if options:
            same = repr(options)
            found.setdefault(same, ([], FileChange("hieradata", "change", options=options)))[0].append(role)
    for roles, change in found.values():
        yield FileChange(change.path, change.action, tuple(roles), change.options)


def _whole(old: Any, new: Any) -> Iterator[Any]:
    """Large maps of hiera by their keys, anything else as it is."""
    yield from changes(old, new)


def hiera(snapshot: Snapshot, role: str) -> dict[str, Any]:
    """The hieradata of a role as puppet sees it: what stands first in the hierarchy counts."""
    variables = _of(snapshot, "RoleGroupVars").get(role) or {}
    merged: dict[str, Any] = {}
    for level in reversed(HIERA):
        value = variables.get(level)
        merged |= value if isinstance(value, Mapping) else {}
    return merged


def containers(before: Snapshot, after: Snapshot) -> Iterator[ContainerChange]:
    """Containers by role; the same change in several roles is one."""
    found: dict[Any, tuple[list[str], ContainerChange]] = {}
    for role in sorted({*_of(before, "RoleData"), *_of(after, "RoleData")}):
        old, new = listed(before, role), listed(after, role)
        for name in dict.fromkeys([*old, *new]):
            change = _container(name, old.get(name), new.get(name))
            if change is not None:
                found.setdefault(repr(change), ([], change))[0].append(role)
    for roles, change in found.values():
        yield ContainerChange(
            change.name, change.action, tuple(roles), change.step, change.effect, change.keys
        )


def listed(snapshot: Snapshot, role: str) -> dict[str, tuple[int, Any]]:
    """Container → step and definition, of a role."""
    data = _of(snapshot, "RoleData").get(role)
    steps = data.get(_CONTAINERS) if isinstance(data, Mapping) else None
    found: dict[str, tuple[int, Any]] = {}
    for step, entries in (steps if isinstance(steps, Mapping) else {}).items():
        number = str(step).removeprefix("step_")
        for name, entry in (entries if isinstance(entries, Mapping) else {}).items():
            found[str(name)] = (int(number) if number.isdecimal() else 0, entry)
    return found


def _container(
    name: str, before: tuple[int, Any] | None, after: tuple[int, Any] | None
) -> ContainerChange | None:
    if after is None:
        assert before is not None, "it is in one of them"
        return ContainerChange(name, "remove", (), before[0], "is removed")
    if before is None:
        once = _is_once(after[1])
        return ContainerChange(name, "add", (), after[0], "runs once" if once else "starts")
    keys = tuple(changes({"step": before[0], **_map(before[1])}, {"step": after[0], **_map(after[1])}))
    if not keys:
        return None
    effect = "runs again" if _is_once(after[1]) else "restarts"
    return ContainerChange(name, "change", (), after[0], effect, keys)


def _is_once(entry: Any) -> bool:
    return isinstance(entry, Mapping) and (entry.get("detach") is False or "action" in entry)


def _map(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"": value}


def _of(snapshot: Snapshot, output: str) -> Mapping[str, Any]:
    value = snapshot.outputs.get(output)
    return value if isinstance(value, Mapping) else {}


def _lines(
    path: str, old: str | None, new: str | None, known_before: frozenset[str], known_after: frozenset[str]
) -> Iterator[str]:
    first = None if old is None else _value(old, known_before)
    second = None if new is None else aligned(_value(new, known_after), first)
    texts = [
        value if isinstance(value, str) else yamltext.dump(value) if value is not None else ""
        for value in (first, second)
    ]
    before, after = (text.splitlines() for text in texts)
    for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""):
        yield told(line, texts[0])


def told(line: str, before: str) -> str:
    """A line of a diff, secrets masked; a secret that was not there before is told to be another one."""
    new = line.startswith("+") and any(secret not in before for secret in tokens(line))
    return f"{shown(line)}{ANOTHER if new else ''}"


def _value(text: str, known: frozenset[str]) -> Any:
    """A file with tokens for its secrets: YAML and JSON by their values, other text as a whole."""
    try:
        value = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = text
    if isinstance(value, dict | list):
        return hushed(_opened(value), known)
    return token(text) if digest(text) in known else text


def aligned(value: Any, like: Any) -> Any:
    """The same value with the keys of its maps in the order of those of another: order means nothing there."""
    if isinstance(value, Mapping) and isinstance(like, Mapping):
        order = [key for key in like if key in value]
        order += [key for key in value if key not in like]
        return {key: aligned(value[key], like.get(key)) for key in order}
    if isinstance(value, list) and isinstance(like, list) and len(value) == len(like):
        return [aligned(*pair) for pair in zip(value, like, strict=True)]
    return value


def _opened(value: Any) -> Any:
    """The same with texts that are JSON as what they hold: software deployments carry their data so."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, Mapping):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value
