"""What changes, before and after, as it may be shown: pure, and without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    Action,
    Desired,
    Facts,
    FileEntry,
    OwnedFile,
    PathFact,
)

HIDDEN = "(not shown: it may hold secrets)\n"


def shows_disk(fact: PathFact, owned: OwnedFile | None, entry: FileEntry | None) -> bool:
    """Whether a file's content as it lies on the disk may be shown.

    It may if it is what we wrote and had no secrets in it; or, if somebody else wrote it, if everybody may
    read it and we put no secrets there.
    """
    if fact.kind != "file" or (entry and entry.secret) or (owned and owned.secret):
        return False
    return bool(owned and owned.sha256 == fact.sha256) or bool(fact.mode & 0o004)


def disk_texts_wanted(actions: tuple[Action, ...], facts: Facts, desired: Desired) -> list[str]:
    """The files whose present content the diffs show."""
    return [
        action.name
        for action in actions
        if action.kind == "file"
        and action.verb in ("update", "remove", "restore")
        and action.name in facts.paths
        if shows_disk(
            facts.paths[action.name], facts.manifest.files.get(action.name), desired.files.get(action.name)
        )
    ]


def diff(action: Action, facts: Facts, desired: Desired, disk: Mapping[str, str]) -> dict[str, Any] | None:
    """``{before, after}`` of an action as text, or None where there is nothing to compare."""
    if action.kind == "file" and action.verb in ("create", "update", "remove"):
        return {"before": _before(action.name, facts, disk), "after": _after(action, facts, desired)}
    if action.kind in ("file", "directory") and action.verb == "chmod":
        entry = desired.files.get(action.name) or desired.directories[action.name]
        fact = facts.paths[action.name]
        return {
            "before": f"owner {fact.owner}:{fact.group}\nmode {fact.mode:04o}\n",
            "after": f"owner {entry.owner}:{entry.group}\nmode {entry.mode:04o}\n",
        }
    if action.kind == "container" and action.verb in ("create", "replace", "run", "remove"):
        owned = facts.manifest.containers.get(action.name)
        before = owned.text + "\n" if owned and owned.text and action.name in facts.containers else ""
        after = desired.containers[action.name].text + "\n" if action.name in desired.containers else ""
        return {"before": before, "after": after} if before != after else None
    return None


def _before(path: str, facts: Facts, disk: Mapping[str, str]) -> str:
    fact, owned = facts.paths.get(path), facts.manifest.files.get(path)
    if fact is None:
        return ""
    if path in disk:
        return disk[path]
    if fact.kind == "link":
        return f"(a symbolic link to {fact.target})\n"
    if owned and owned.text is not None and owned.sha256 == fact.sha256:
        return owned.text
    return HIDDEN


def _after(action: Action, facts: Facts, desired: Desired) -> str:
    entry = desired.files.get(action.name)
    if entry is None:
        return ""
    before = facts.manifest.files.get(action.name)
    if entry.secret and before and before.text == entry.text and action.verb == "update":
        return entry.text + "# (the value of a secret in it changes)\n"
    return entry.text


def for_ansible(action: Action, shown: Mapping[str, Any]) -> dict[str, Any]:
    """A diff in the form that Ansible prints."""
    header = action.name if action.kind == "file" else f"{action.kind} {action.name}"
    return {"before_header": header, "after_header": header, **shown}
