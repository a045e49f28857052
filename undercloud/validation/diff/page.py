"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from undercloud.validation import pages
from undercloud.validation.diff import text
from undercloud.validation.diff.hushed import ANOTHER
from undercloud.validation.diff.model import FileChange, PlanDiff, printed
from undercloud.validation.diff.values import ABSENT, ValueChange


def render(found: PlanDiff) -> str:
    """The page: by level, searchable, with the diffs of files folded away."""
    return pages.render(
        "undercloud.validation.diff",
        "diff.html",
        before=found.before,
        after=found.after,
        notes=found.notes,
        counts=[text.counted(name, len(level)) for name, level in found.levels.items() if level],
        levels=[(name.capitalize(), list(_entries(found, name))) for name in found.levels],
    )


def _entries(found: PlanDiff, level: str) -> Iterator[dict[str, Any]]:
    for each in found.levels[level]:
        if isinstance(each, ValueChange):
            yield _entry("/".join(each.path), each.action, rows=[_row("", each)])
        elif level == "parameters":
            moved = each.places_before[-1:] != each.places_after[-1:]
            places = [f"was set at {place}" for place in each.places_before[-1:] if moved]
            places += [f"set at {place}" for place in each.places_after[-1:]]
            rows = [_row("/".join(change.path), change) for change in each.changes]
            yield _entry(each.name, each.action, rows=rows, notes=places)
        elif isinstance(each, FileChange):
            yield _file(each)
        elif level == "containers":
            notes = [f"{each.effect}, step {each.step}, on {text.joined(each.where)}"]
            notes += [f"because {reason}" for reason in each.reasons]
            yield _entry(each.name, each.action, rows=_rows(each.keys), notes=notes)
        else:
            name = each.name if level == "hosts" else each.path
            note = each.role if level == "hosts" else each.type
            yield _entry(name, each.action, rows=_rows(each.keys), notes=[note])


def _file(each: FileChange) -> dict[str, Any]:
    notes = [f"on {text.joined(each.where)}"] if each.where else []
    notes += [f"because {reason}" for reason in each.reasons]
    rows = [*_rows(each.keys), *(_row(option.name, option.change) for option in each.options)]
    return _entry(each.path, each.action, rows=rows, notes=notes, lines=each.diff[2:])


def _rows(keys: tuple[ValueChange, ...]) -> list[tuple[str, str, str]]:
    return [_row(".".join(key.path), key) for key in keys]


def _row(name: str, change: ValueChange) -> tuple[str, str, str]:
    before, after = (
        "" if side is ABSENT else text.short(printed(side), 2000) for side in (change.before, change.after)
    )
    return name, before, f"{after}{ANOTHER}" if change.secret and before == after else after


def _entry(
    name: str,
    action: str,
    *,
    rows: list[tuple[str, str, str]],
    notes: list[str] | None = None,
    lines: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {"name": name, "action": action, "rows": rows, "notes": notes or [], "lines": lines}
