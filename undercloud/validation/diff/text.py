"""A comparison as text for a terminal, level by level."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from undercloud.validation.diff.hushed import ANOTHER
from undercloud.validation.diff.model import (
    ContainerChange,
    FileChange,
    HostChange,
    ParameterChange,
    PlanDiff,
    ResourceChange,
    printed,
)
from undercloud.validation.diff.values import ABSENT, ValueChange

_MARKS = {"add": "+", "remove": "-", "change": "~"}
_WIDEST = 160
_MOST_LINES = 40
_MOST_PARTS = 12


def render(found: PlanDiff, most: int = _MOST_LINES) -> str:
    """The whole comparison; ``most`` is how many lines of one file's diff are shown."""
    lines = [f"note: {note}" for note in found.notes]
    if not found:
        return "\n".join([*lines, "Nothing differs."]) + "\n"
    sections: list[tuple[str, Iterable[str]]] = [
        ("Parameters", (line for each in found.parameters for line in parameter(each))),
        ("Hosts", (line for each in found.hosts for line in host(each))),
        ("Containers", (line for each in found.containers for line in container(each))),
        ("Files", (line for each in found.files for line in file(each, most))),
        ("Resources", (line for each in found.resources for line in resource(each))),
        ("Outputs", (value("/".join(each.path), each) for each in found.outputs)),
    ]
    for title, body in sections:
        listed = [f"  {line}" for line in body]
        if listed:
            lines += [*([""] if lines else []), title, *listed]
    counts = ", ".join(counted(name, len(level)) for name, level in found.levels.items() if level)
    return "\n".join([*lines, "", f"{found.before} and {found.after} differ: {counts}"]) + "\n"


def counted(name: str, count: int) -> str:
    """``1 parameter``, ``2 parameters``; the name is that of a level."""
    return f"{count} {name.removesuffix('s') if count == 1 else name}"


def parameter(each: ParameterChange) -> Iterator[str]:
    """A parameter, and where it was and is set."""
    if each.changes[0].path:
        yield f"~ {each.name}"
        for change in each.changes[:_MOST_PARTS]:
            yield f"    {value('/'.join(change.path), change)}"
        if len(each.changes) > _MOST_PARTS:
            yield f"    … {len(each.changes) - _MOST_PARTS} more places"
    else:
        yield value(each.name, each.changes[0])
    if each.places_before and each.places_before[-1:] != each.places_after[-1:]:
        yield f"    was set at {each.places_before[-1]}"
    if each.places_after:
        yield f"    set at {each.places_after[-1]}"
    elif each.places_before:
        yield "    no file sets it any more"


def host(each: HostChange) -> Iterator[str]:
    """A node."""
    yield f"{_MARKS[each.action]} {each.name} ({each.role})"
    for key in each.keys:
        yield f"    {value('.'.join(key.path), key)}"


def container(each: ContainerChange) -> Iterator[str]:
    """A container, and what becomes of it."""
    where = joined(each.where)
    yield f"{_MARKS[each.action]} {each.name} {each.effect} (step {each.step}) on {where}"
    for key in each.keys:
        yield f"    {value('.'.join(key.path), key)}"
    for reason in each.reasons:
        yield f"    because {reason}"


def file(each: FileChange, most: int = _MOST_LINES) -> Iterator[str]:
    """A file: its options where it has such, else its lines."""
    where = f" on {joined(each.where)}" if each.where else ""
    yield f"{_MARKS[each.action]} {each.path}{where}"
    for key in each.keys:
        yield f"    {value('.'.join(key.path), key)}"
    for reason in each.reasons:
        yield f"    because {reason}"
    if each.options and each.action == "change":
        for option in each.options:
            yield f"    {value(option.name, option.change)}"
        return
    if each.action != "change" and len(each.diff) > 8:
        yield f"    ({len(each.diff) - 3} lines)"
        return
    for line in each.diff[2 : most + 2]:
        yield f"    {clipped(line)}"
    if len(each.diff) > most + 2:
        yield f"    … {len(each.diff) - most - 2} more lines (-f json has all)"


def resource(each: ResourceChange) -> Iterator[str]:
    """A resource, and what it is made of now."""
    yield f"{_MARKS[each.action]} {each.path} ({each.type})"
    for key in each.keys:
        yield f"    {value('.'.join(key.path), key)}"


def value(name: str, change: ValueChange) -> str:
    """``~ NAME: BEFORE -> AFTER``."""
    mark = _MARKS[change.action]
    if change.before is ABSENT:
        return f"{mark} {name}: {short(printed(change.after))}"
    if change.after is ABSENT:
        return f"{mark} {name}: {short(printed(change.before))}"
    before, after = short(printed(change.before)), short(printed(change.after))
    if before == after:
        return f"{mark} {name}: {after}{ANOTHER if change.secret else ' (further on)'}"
    return f"{mark} {name}: {before} -> {after}"


def short(given: Any, widest: int = _WIDEST) -> str:
    """A value on one line, cut if it is long."""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    return clipped(text.replace("\n", "⏎") if text else "''", widest)


def clipped(text: str, widest: int = _WIDEST) -> str:
    """A line, cut if it is long."""
    return text if len(text) <= widest else f"{text[: widest - 1]}…"


def joined(names: Iterable[str], most: int = 6) -> str:
    """A list of nodes or roles, cut if it is long."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
