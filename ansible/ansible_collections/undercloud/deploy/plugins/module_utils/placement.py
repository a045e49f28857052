"""What a step puts on a node besides containers: directories, files, units.

A part of the planner, pure: it adds actions to the draft.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, reasons, records
from ansible_collections.undercloud.deploy.plugins.module_utils.draft import Draft
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    DirectoryEntry,
    FileEntry,
    OwnedDirectory,
    PathFact,
    UnitEntry,
    UnitFact,
)

IMPLIED = DirectoryEntry("", 0, 0, 0o755)
ENABLED = ("enabled", "static", "alias", "indirect", "generated", "linked")


def directories_and_files(draft: Draft) -> None:
    """The step's directories, those above its files, and its files."""
    desired = draft.desired
    for path in sorted({*desired.directories, *draft.implied()}):
        _directory(draft, path, desired.directories.get(path, IMPLIED), path in desired.directories)
    for path, entry in sorted(desired.files.items()):
        _file(draft, path, entry)


def _directory(draft: Draft, path: str, entry: DirectoryEntry, declared: bool) -> None:
    fact = draft.facts.paths.get(path)
    owned = draft.manifest.directories.get(path)
    if fact is None:
        final = OwnedDirectory(entry.service, created=owned.created if owned else True)
        draft.claim("directories", path, final)
        draft.act("directory", path, "create", "missing", record=final)
    elif fact.kind != "directory":
        _blocked(draft, path, "a directory", fact)
    elif declared:
        differs = reasons.attributes_differ(fact, entry)
        final = records.directory(entry, fact if differs else None, owned)
        draft.claim("directories", path, final)
        if differs:
            draft.act("directory", path, "chmod", differs, record=final)


def _file(draft: Draft, path: str, entry: FileEntry) -> None:
    fact = draft.facts.paths.get(path)
    owned = draft.manifest.files.get(path)
    if fact and fact.kind in ("directory", "other"):
        _blocked(draft, path, "a file", fact)
        return
    final, pending = records.file(entry, fact, owned)
    if fact and fact.kind == "file" and fact.sha256 == entry.sha256:
        if owned is None:
            draft.saves.append(path)
        elif not owned.sha256:
            draft.act("file", path, "tidy", changes=False)
        draft.claim("files", path, final)
        differs = reasons.attributes_differ(fact, entry)
        if differs:
            draft.act("file", path, "chmod", differs, record=final)
        return
    if fact and fact.kind == "file":
        draft.saves.append(path)
    draft.rewritten.add(path)
    draft.claim("files", path, pending)
    verb, reason = ("update", reasons.why_file(fact, owned)) if fact else ("create", "missing")
    draft.act("file", path, verb, reason, record=final)


def _blocked(draft: Draft, path: str, what: str, fact: PathFact) -> None:
    draft.problems.append(
        Problem(errors.FILE, f"{path} shall be {what}, but there is a {fact.kind}", f"Move {path} away.")
    )


# Units


def units(draft: Draft) -> None:
    """The step's units, after systemd has read what is new."""
    facts, desired = draft.facts.units, draft.desired.units
    unread = {name for name, entry in desired.items() if entry.file and name not in facts}
    stale = {name for name, entry in desired.items() if entry.file in draft.rewritten}
    if unread or stale or any(fact.reload for fact in facts.values()):
        draft.act("unit", "", "reload", changes=False)
    for name, entry in sorted(draft.desired.units.items()):
        _unit(draft, name, entry)


def _unit(draft: Draft, name: str, entry: UnitEntry) -> None:
    fact = draft.facts.units.get(name, UnitFact(load="not-found", enabled=""))
    owned = draft.manifest.units.get(name)
    wanted = entry.enabled or entry.state in ("started", "restarted")
    if fact.load == "not-found" and not entry.file and wanted:
        draft.cannot(
            errors.UNIT, f"systemd knows no unit '{name}'", "Install what brings it, or give its content."
        )
    pending = records.unit(entry, fact, owned)
    final = dataclasses.replace(pending, applied=entry.digest)
    draft.claim("units", name, pending)
    start = len(draft.actions)
    if entry.enabled is True and fact.enabled not in ENABLED:
        draft.act("unit", name, "enable", f"it is {fact.enabled or 'not there'}", record=pending)
    if entry.enabled is False and fact.enabled == "enabled":
        draft.act("unit", name, "disable", "it is enabled", record=pending)
    if entry.state == "stopped" and fact.active:
        draft.act("unit", name, "stop", "it runs", record=pending)
    elif entry.state in ("started", "restarted"):
        if not fact.active:
            draft.act("unit", name, "start", "it does not run", record=pending)
        elif reasons.restart_due(entry, owned, entry.file in draft.rewritten):
            draft.act("unit", name, "restart", "what it reads changed", record=pending)
    if len(draft.actions) > start:
        draft.actions[-1] = dataclasses.replace(draft.actions[-1], record=final)
    else:
        draft.claim("units", name, final)
