"""What a step does with containers: made, replaced, started, restarted, checked, run once, recovered.

A part of the planner, pure: it adds actions to the draft.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, reasons, records
from ansible_collections.undercloud.deploy.plugins.module_utils.draft import Draft
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    LABEL_HASH,
    PREVIOUS,
    WAS_HEALTHY,
    Action,
    ContainerEntry,
    ContainerFact,
    Manifest,
    OwnedContainer,
)

BRINGS_UP = ("create", "replace", "run", "start", "restart")


def recover(draft: Draft, name: str, entry: ContainerEntry) -> None:
    """Bring back what an interrupted replacement put aside, unless the new one is the desired one."""
    old = draft.present.get(name + PREVIOUS)
    new = draft.present.get(name)
    if old is None or not draft.ours(old) or (new and not draft.ours(new)):
        return
    if new and new.labels.get(LABEL_HASH) == entry.hash and entry.kind == "service":
        return
    draft.act("container", name, "recover", "a replacement was interrupted", lane="recover")
    draft.present[name] = draft.present.pop(name + PREVIOUS)


def containers(draft: Draft) -> None:
    """The containers of the step by their order, after the images that they need."""
    start = len(draft.actions)
    for name, entry in sorted(draft.desired.containers.items(), key=lambda item: (item[1].order, item[0])):
        fact = draft.present.get(name)
        previous = draft.present.get(name + PREVIOUS)
        if any(one and not draft.ours(one) for one in (fact, previous)):
            draft.foreign(name)
        elif entry.kind == "once":
            _once(draft, name, entry, fact)
        else:
            _service(draft, name, entry, fact)
    brought_up = [action for action in draft.actions[start:] if action.verb in BRINGS_UP]
    for action in brought_up:
        _volumes(draft, action.name)
    draft.actions[start:start] = _pulls(draft, brought_up)


def _service(draft: Draft, name: str, entry: ContainerEntry, fact: ContainerFact | None) -> None:
    known = draft.manifest.containers.get(name)
    final = records.container(entry, "healthy", _seen(draft, entry))
    verb, reason = _service_due(draft, name, entry, fact)
    if not verb or fact is None:
        pending = dataclasses.replace(final, status="pending")
    elif verb == "replace":
        pending = known or dataclasses.replace(final, status="pending")
    else:
        known = known or final
        pending = dataclasses.replace(known, status="unsure" if known.status in WAS_HEALTHY else known.status)
    if not verb and fact:
        files = known.files if known and known.files else final.files
        pending = dataclasses.replace(final, image_id=fact.image_id, files=files)
    draft.claim("containers", name, pending)
    if verb:
        resume = verb == "replace" and name + PREVIOUS in draft.present
        more = {"resume": resume, "rollback": verb == "replace", "changes": verb != "check"}
        draft.act("container", name, verb, reason, lane=f"order {entry.order}", record=final, **more)


def _service_due(  # noqa: PLR0911 - one line a case
    draft: Draft, name: str, entry: ContainerEntry, fact: ContainerFact | None
) -> tuple[str, str]:
    """What a service container needs, and why; nothing where it is as it shall be."""
    known = draft.manifest.containers.get(name)
    if fact is None:
        return "create", "missing"
    if name + PREVIOUS in draft.present:
        return "replace", "an interrupted replacement is finished"
    if fact.labels.get(LABEL_HASH) != entry.hash or _moved(draft, entry, fact.image_id):
        reason = _why(draft, entry, known, fact)
        if known and (known.kind == "once" or known.status not in WAS_HEALTHY):
            return "create", f"{reason}; the one that is there was never healthy"
        return "replace", reason
    if not fact.running:
        return "start", f"it is {fact.state}"
    rewritten = _reread(draft, entry, known)
    if rewritten:
        return "restart", f"{rewritten} was written anew since it started"
    if fact.health == "unhealthy":
        return "restart", "it is unhealthy"
    sure = known is not None and known.hash == entry.hash and known.status == "healthy"
    return ("", "") if sure and fact.health != "starting" else ("check", "not known to be healthy yet")


def _once(draft: Draft, name: str, entry: ContainerEntry, fact: ContainerFact | None) -> None:
    known = draft.manifest.containers.get(name)
    same = fact is not None and fact.labels.get(LABEL_HASH) == entry.hash
    final = records.container(entry, "done", _seen(draft, entry))
    if fact and same and fact.running:
        reason, how = "it still runs since an interrupted run", {"resume": True}
    else:
        # What an interrupted run of the job is at (a schema's migration, say) must not be cut off.
        at_work = fact is not None and fact.running and known is not None and known.kind == "once"
        reason, how = _once_due(draft, entry, fact, known, same), {"wait": at_work}
    if reason:
        draft.claim("containers", name, dataclasses.replace(final, status="pending"))
        draft.act("container", name, "run", reason, lane=f"order {entry.order}", record=final, **how)
    elif known is None or known.status != "done":
        draft.claim("containers", name, dataclasses.replace(final, image_id=fact.image_id if fact else ""))


def _once_due(
    draft: Draft, entry: ContainerEntry, fact: ContainerFact | None, known: OwnedContainer | None, same: bool
) -> str:
    """Why a ``once`` container runs (again); empty where it does not."""
    if known and known.status == "done":
        if entry.rerun == "never":
            return ""
        if known.image != entry.image or _moved(draft, entry, known.image_id):
            return "its image changed"
        return "" if entry.rerun == "image" or known.hash == entry.hash else _why(draft, entry, known, fact)
    if (
        fact
        and fact.finished
        and fact.exit_code == 0
        and (same or (entry.rerun == "never" and known is None))
    ):
        return ""
    if known and known.status == "failed":
        return "it failed before"
    return "it did not finish before" if known else "it never ran"


def _moved(draft: Draft, entry: ContainerEntry, image_id: str) -> bool:
    """Whether the image's name stands for another image now."""
    now = draft.facts.images.get(entry.image)
    return bool(now and image_id and now != image_id)


def _why(
    draft: Draft, entry: ContainerEntry, known: OwnedContainer | None, fact: ContainerFact | None
) -> str:
    """In words, why the hash of a container differs."""
    image = known.image if known else (fact.image if fact else "")
    if image and image != entry.image:
        return f"image {image} -> {entry.image}"
    if known is None:
        return "its definition changed"
    if fact and _moved(draft, entry, fact.image_id):
        return "its image changed"
    if known.text != entry.text:
        return "its definition changed"
    changed = [
        path for path, sha256 in sorted(entry.files.items()) if known.files.get(path, ("",))[0] != sha256
    ]
    return f"{reasons.some(changed)} changed" if changed else "a secret that it uses changed"


def _reread(draft: Draft, entry: ContainerEntry, known: OwnedContainer | None) -> str:
    """A file that the container reads and that was written anew since it started, content as due."""
    for path, sha256 in sorted(entry.files.items()):
        fact = draft.facts.paths.get(path)
        if path in draft.rewritten or (fact and fact.sha256 != sha256):
            return path
        started_with = known.files.get(path) if known and known.hash == entry.hash else None
        if fact and started_with and started_with[1] != fact.identity:
            return path
    return ""


def _seen(draft: Draft, entry: ContainerEntry) -> dict[str, tuple[str, str]]:
    """The files that a container reads, as they are."""
    facts = draft.facts.paths
    return {
        path: (sha256, facts[path].identity if path in facts else "") for path, sha256 in entry.files.items()
    }


def _volumes(draft: Draft, name: str) -> None:
    """A volume's source on the host must be there, or be made in this step."""
    desired = draft.desired
    made = {*desired.files, *desired.directories, *draft.implied()}
    for source in draft.desired.containers[name].volumes:
        if (
            source.startswith("/")
            and source != "/"
            and source not in draft.facts.paths
            and source not in made
        ):
            draft.cannot(
                errors.VOLUME_MISSING,
                f"container '{name}' mounts {source}, which is not there",
                f"Declare {source} in the service's 'directories', or make it in its host_prep_tasks.",
                name,
            )


def _pulls(draft: Draft, brought_up: Iterable[Action]) -> list[Action]:
    fresh = [one for one in brought_up if one.verb in ("create", "replace", "run") and not one.resume]
    entries = [draft.desired.containers[one.name] for one in fresh]
    following = draft.desired.keep.next_images if draft.desired.prefetches else {}
    early = prefetched(draft.manifest, following)
    wanted = {**early, **{one.image: one.service for one in reversed(entries)}}
    images = {image: service for image, service in wanted.items() if image not in draft.facts.images}
    for image, service in images.items():
        draft.claim("images", image, service)
    return [Action("image", image, "pull", "missing", lane="pull") for image in sorted(images)]


def prefetched(manifest: Manifest, following: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Images (and services) of the next step, by container, that this node has never had.

    The step before fetches them: one node does so while another is at work. An image that somebody has
    removed since its container was made is left to that container's own step.
    """
    known = manifest.containers
    return {
        image: service
        for name, (image, service) in reversed(list(following.items()))
        if name not in known or known[name].image != image
    }
