"""Which facts a plan needs, so that a run reads no more of the node than its step asks for: pure."""

from __future__ import annotations

import dataclasses
import posixpath

from ansible_collections.undercloud.deploy.plugins.module_utils.model import Desired, Manifest


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The facts that a plan needs: paths to look at, to hash, to list; units; images."""

    stat: frozenset[str]
    hash: frozenset[str]
    list: frozenset[str]
    units: frozenset[str]
    images: frozenset[str]


def wanted(desired: Desired, manifest: Manifest) -> Wanted:
    """Say which facts to gather, so that a run costs what its step needs."""
    hashed = set(desired.files) | {path for entry in desired.containers.values() for path in entry.files}
    stat = set(desired.directories)
    listed: set[str] = set()
    units = set(desired.units)
    if desired.finish or desired.delete:
        hashed |= set(manifest.files) - set(desired.keep.files)
        listed |= set(manifest.directories) - set(desired.keep.directories)
        units |= set(manifest.units) - set(desired.keep.units)
    stat |= {
        source for entry in desired.containers.values() for source in entry.volumes if source.startswith("/")
    }
    stat |= {parent for path in (*desired.files, *desired.directories) for parent in parents(path)}
    images = {entry.image for entry in desired.containers.values()}
    if desired.prefetches:
        images |= {image for image, _ in desired.keep.next_images.values()}
    if desired.delete and desired.purge_images:
        images |= set(manifest.images)
    return Wanted(
        frozenset(stat | hashed | listed),
        frozenset(hashed),
        frozenset(listed),
        frozenset(units),
        frozenset(images),
    )


def parents(path: str) -> list[str]:
    """All directories above a path but the root, outermost first."""
    found: list[str] = []
    while (path := posixpath.dirname(path)) not in ("/", ""):
        found.append(path)
    return found[::-1]
