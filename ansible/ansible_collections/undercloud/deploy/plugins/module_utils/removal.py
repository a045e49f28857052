"""What goes from a node: containers, units, files and directories that the new state does not name.

A part of the planner, pure: it adds actions to the draft.
"""

from __future__ import annotations

import dataclasses
import posixpath

from ansible_collections.undercloud.deploy.plugins.module_utils import reasons
from ansible_collections.undercloud.deploy.plugins.module_utils.draft import Draft
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    PREVIOUS,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    unfinished,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import parents


def containers_gone(draft: Draft) -> None:
    """Containers that the new state names nowhere; in step 0, so that their ports are free for others."""
    desired = draft.desired
    if not (desired.delete or (desired.step == 0 and not desired.finish)):
        return
    keep = {} if desired.delete else desired.keep.containers
    for name, fact in sorted(draft.facts.containers.items()):
        base = name[: -len(PREVIOUS)] if name.endswith(PREVIOUS) else name
        if draft.ours(fact) and name not in keep and base not in keep:
            reason = "the stack is deleted" if desired.delete else "the new state does not name it"
            draft.act("container", name, "remove", reason, lane="remove", forget=True)
            draft.present.pop(name, None)
    for name in sorted(set(keep) & set(draft.present)):
        if name not in desired.containers and not draft.ours(draft.present[name]):
            draft.foreign(name)
    owned = {name: entry for name, entry in draft.manifest.containers.items() if name not in keep}
    for name in owned:
        if name not in draft.facts.containers:
            draft.claim("containers", name, None)
    if desired.delete:
        for volume in sorted({volume for entry in owned.values() for volume in entry.volumes}):
            draft.act("volume", volume, "remove", "the stack is deleted")
        if desired.purge_images:
            for image in sorted(set(draft.manifest.images) & set(draft.facts.images)):
                draft.act("image", image, "remove", "the stack is deleted")


def withdraw(draft: Draft) -> None:
    """Units, files and directories of ours that the new state does not name."""
    keep = draft.desired.keep
    for name, owned in sorted(draft.manifest.units.items()):
        if name not in keep.units:
            _unit_gone(draft, name, owned)
    removed: set[str] = set()
    for path, mine in sorted(draft.manifest.files.items()):
        if path not in keep.files:
            removed |= _file_gone(draft, path, mine)
    if any(posixpath.basename(path) == name for path in removed for name in draft.manifest.units):
        draft.act("unit", "", "reload", changes=False)
    needed = {parent for path in (*keep.files, *keep.directories) for parent in parents(path)}
    for path in sorted(draft.manifest.directories, reverse=True):
        if path not in keep.directories and path not in needed:
            removed |= _directory_gone(draft, path, draft.manifest.directories[path], removed)


def _unit_gone(draft: Draft, name: str, owned: OwnedUnit) -> None:
    fact = draft.facts.units.get(name)
    if fact and owned.was_active is not None and fact.active != owned.was_active:
        verb = "start" if owned.was_active else "stop"
        draft.act("unit", name, verb, "the new state does not name it")
    if fact and owned.was_enabled is not None and (fact.enabled == "enabled") != owned.was_enabled:
        verb = "enable" if owned.was_enabled else "disable"
        draft.act("unit", name, verb, "the new state does not name it")
    draft.act("unit", name, "forget", changes=False, forget=True)


def _file_gone(draft: Draft, path: str, owned: OwnedFile) -> set[str]:
    fact = draft.facts.paths.get(path)
    original = owned.original
    if original and fact and reasons.same_file(fact, original):
        draft.act("file", path, "forget", changes=False, forget=True)
    elif original:
        draft.claim("files", path, dataclasses.replace(owned, sha256=""))
        draft.act("file", path, "restore", "it was there before us", record=owned, forget=True)
    elif fact:
        draft.act("file", path, "remove", "the new state does not name it", forget=True)
    else:
        draft.act("file", path, "tidy", changes=False, forget=True)
    return {unfinished(path)} if original else {path, unfinished(path)}


def _directory_gone(draft: Draft, path: str, owned: OwnedDirectory, removed: set[str]) -> set[str]:
    fact = draft.facts.paths.get(path)
    if fact is None or fact.kind != "directory":
        draft.claim("directories", path, None)
        return {path}
    if not owned.created:
        before = owned.original
        if before and (before.owner, before.group, before.mode) != (fact.owner, fact.group, fact.mode):
            draft.act("directory", path, "restore", "it was there before us", record=owned, forget=True)
        else:
            draft.act("directory", path, "forget", changes=False, forget=True)
        return set()
    left = [entry for entry in fact.entries or () if posixpath.join(path, entry) not in removed]
    if left and not draft.desired.purge:
        draft.warnings.append(f"{path} is kept: it holds {reasons.some(left)}")
        return set()
    draft.act(
        "directory", path, "remove", "the new state does not name it", forget=True, recursive=bool(left)
    )
    return {path}
