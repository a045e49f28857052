"""What the manifest says about a thing of ours, before and after something is done to it: pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    ContainerEntry,
    DirectoryEntry,
    FileEntry,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    PathFact,
    UnitEntry,
    UnitFact,
)


def file(entry: FileEntry, fact: PathFact | None, owned: OwnedFile | None) -> tuple[OwnedFile, OwnedFile]:
    """A file's record when it is written, and the one that claims it before.

    What lies there when we first come is remembered as the original. A claimed file keeps its mark of holding
    secrets until it is written, so that what is on the disk meanwhile is not shown.
    """
    original = owned.original if owned else (dataclasses.replace(fact, identity="") if fact else None)
    text = entry.text if entry.secret else None
    final = OwnedFile(entry.service, entry.sha256, entry.secret, text, original)
    held_secrets = bool(owned and owned.secret)
    return final, OwnedFile(entry.service, "", entry.secret or held_secrets, None, original)


def directory(
    entry: DirectoryEntry, differing: PathFact | None, owned: OwnedDirectory | None
) -> OwnedDirectory:
    """The record of a directory that is there; ``differing`` is how it is, where that is to be changed."""
    if owned:
        return dataclasses.replace(owned, service=entry.service)
    return OwnedDirectory(entry.service, False, differing)


def unit(entry: UnitEntry, fact: UnitFact, owned: OwnedUnit | None) -> OwnedUnit:
    """The record of a unit, with how it was before we began to manage this or that of it."""
    ours = bool(entry.file)
    enabled = owned.was_enabled if owned else None
    if enabled is None and (ours or entry.enabled is not None):
        enabled = fact.enabled == "enabled" and not ours
    active = owned.was_active if owned else None
    if active is None and (ours or entry.state is not None):
        active = fact.active and not ours
    return OwnedUnit(entry.service, owned.applied if owned else "", enabled, active)


def container(entry: ContainerEntry, status: str, files: Mapping[str, tuple[str, str]]) -> OwnedContainer:
    """The record of a container made from an entry, which reads these files."""
    volumes = tuple(sorted(source for source in entry.volumes if "/" not in source))
    return OwnedContainer(
        entry.service, entry.kind, entry.hash, entry.image, "", status, dict(files), volumes, entry.text
    )
