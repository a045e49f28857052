"""How what is there differs from what shall be, in words: pure."""

from __future__ import annotations

import dataclasses

from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    DirectoryEntry,
    FileEntry,
    OwnedFile,
    OwnedUnit,
    PathFact,
    UnitEntry,
)


def attributes_differ(fact: PathFact, entry: FileEntry | DirectoryEntry) -> str:
    """How owner and mode differ, in words; empty where they do not."""
    found = []
    if (fact.owner, fact.group) != (entry.owner, entry.group):
        found.append(f"owner {fact.owner}:{fact.group} -> {entry.owner}:{entry.group}")
    if fact.mode != entry.mode:
        found.append(f"mode {fact.mode:04o} -> {entry.mode:04o}")
    return ", ".join(found)


def same_file(fact: PathFact, original: PathFact) -> bool:
    """Whether a file is as it was before us."""
    return dataclasses.replace(fact, identity="", entries=None) == dataclasses.replace(
        original, identity="", entries=None
    )


def why_file(fact: PathFact, owned: OwnedFile | None) -> str:
    """Why a file is written anew."""
    if fact.kind == "link":
        return "it is a symbolic link"
    if owned is None:
        return "it differs and was not ours"
    if not owned.sha256:
        return "it was left unfinished"
    return "content changed" if owned.sha256 == fact.sha256 else "changed by hand"


def restart_due(entry: UnitEntry, owned: OwnedUnit | None, rewritten: bool) -> bool:
    """Whether an active unit must start anew, because what it read then is not what it would read now."""
    if rewritten or not entry.digest:
        return rewritten
    if owned is None:
        return entry.state == "restarted"
    return owned.applied != entry.digest


def some(names: list[str]) -> str:
    """The first few names of a list."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
