"""From what is there and what shall be to the actions in between: pure, one for check mode and the real run.

The order of a step: remove containers that nothing names any more (step 0), recover what an interrupted run
left, directories, files, units, images, containers by their order. ``finish`` removes files, directories and
units that the new state does not name; ``purge`` alone removes everything.

What is about to be made is claimed in the manifest first: what a killed run leaves is already known as ours.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, lifecycle, placement, removal
from ansible_collections.undercloud.deploy.plugins.module_utils.draft import Draft
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    Desired,
    Facts,
    Manifest,
    PathFact,
    Plan,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import parents


def plan(facts: Facts, desired: Desired) -> Plan:
    """The actions that lead from the facts to the desired state; or problems, where it must not be tried."""
    refused = _refuse(facts.manifest, desired)
    if refused:
        return Plan(problems=(refused,), claims=facts.manifest)
    if desired.check:
        facts = _assume(facts, desired)
    draft = Draft(facts, desired)
    removal.containers_gone(draft)
    for name, entry in sorted(desired.containers.items()):
        lifecycle.recover(draft, name, entry)
    if desired.finish or desired.delete:
        removal.withdraw(draft)
    placement.directories_and_files(draft)
    placement.units(draft)
    lifecycle.containers(draft)
    return draft.done()


def _refuse(manifest: Manifest, desired: Desired) -> Problem | None:
    if not manifest.empty and manifest.stack != desired.stack:
        return Problem(
            errors.OTHER_STACK,
            f"the node belongs to the stack '{manifest.stack}', not to '{desired.stack}'",
            f"Delete '{manifest.stack}' from the node first, or take the node out of '{desired.stack}'.",
        )
    if manifest.stack == desired.stack and desired.fence < manifest.fence and not desired.check:
        return Problem(
            errors.FENCED,
            f"this run has the fencing number {desired.fence}, but the node has seen {manifest.fence}: "
            "a newer deployment has taken over",
            "Let the newer deployment work. By hand, when none is running: -e undercloud_fence="
            + str(manifest.fence),
        )
    return None


def _assume(facts: Facts, desired: Desired) -> Facts:
    """In check mode the work of the earlier steps is taken as done, as it will be in the real run."""
    paths = dict(facts.paths)
    keep = desired.keep
    for earlier in (*keep.earlier_files, *keep.earlier_directories):
        for path in parents(earlier):
            paths.setdefault(path, PathFact("directory", mode=0o755))
    for path, directory in keep.earlier_directories.items():
        paths[path] = PathFact("directory", directory.owner, directory.group, directory.mode)
    for path, entry in keep.earlier_files.items():
        fact = paths.get(path)
        identity = fact.identity if fact and fact.sha256 == entry.sha256 else "rewritten"
        paths[path] = PathFact("file", entry.owner, entry.group, entry.mode, entry.sha256, identity)
    own = {name: (entry.image, entry.service) for name, entry in desired.containers.items()}
    fetched = lifecycle.prefetched(facts.manifest, own if keep.earlier_images else {})
    images = {**dict.fromkeys({*keep.earlier_images, *fetched}, ""), **facts.images}
    return dataclasses.replace(facts, paths=paths, images=images)
