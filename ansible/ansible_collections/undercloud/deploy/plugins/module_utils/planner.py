"""From what is there and what shall be to the actions in between: pure, one for check mode and the real run.

The order of a step: remove containers that nothing names any more (step 0), recover what an interrupted run
left, directories, files, units, images, containers by their order. ``finish`` removes files, directories and
units that the new state does not name; ``purge`` alone removes everything.

What is about to be made is claimed in the manifest first: what a killed run leaves is already known as ours.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, reasons, records
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    LABEL_HASH,
    LABEL_STACK,
    PREVIOUS,
    WAS_HEALTHY,
    Action,
    ContainerEntry,
    ContainerFact,
    Desired,
    DirectoryEntry,
    Facts,
    FileEntry,
    Manifest,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    PathFact,
    Plan,
    UnitEntry,
    UnitFact,
    unfinished,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import parents

IMPLIED = DirectoryEntry("", 0, 0, 0o755)
ENABLED = ("enabled", "static", "alias", "indirect", "generated", "linked")
BRINGS_UP = ("create", "replace", "run", "start", "restart")


def plan(facts: Facts, desired: Desired) -> Plan:
    """The actions that lead from the facts to the desired state; or problems, where it must not be tried."""
    refused = _refuse(facts.manifest, desired)
    if refused:
        return Plan(problems=(refused,), claims=facts.manifest)
    if desired.check:
        facts = _assume(facts, desired)
    draft = _Draft(facts, desired)
    draft.containers_gone()
    for name, entry in sorted(desired.containers.items()):
        draft.recover(name, entry)
    if desired.finish or desired.delete:
        draft.withdraw()
    draft.directories_and_files()
    draft.units()
    draft.containers()
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
    images = {**dict.fromkeys(keep.earlier_images, ""), **facts.images}
    return dataclasses.replace(facts, paths=paths, images=images)


class _Draft:
    """The plan while it is made."""

    def __init__(self, facts: Facts, desired: Desired) -> None:
        self.facts = facts
        self.desired = desired
        self.actions: list[Action] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.saves: list[str] = []
        self.present = dict(facts.containers)
        self.rewritten: set[str] = set()
        ours = facts.manifest.stack == desired.stack
        fence = max(desired.fence, facts.manifest.fence) if ours else desired.fence
        self.seen_fence = dataclasses.replace(facts.manifest, stack=desired.stack, fence=fence)
        self.manifest = self.seen_fence

    def done(self) -> Plan:
        """The finished plan."""
        if self.problems:
            return Plan((), self.seen_fence, (), tuple(self.problems), tuple(self.warnings))
        return Plan(tuple(self.actions), self.manifest, tuple(self.saves), (), tuple(self.warnings))

    def act(self, kind: str, name: str, verb: str, reason: str = "", **more: Any) -> None:
        self.actions.append(Action(kind, name, verb, reason, **more))

    def claim(self, section: str, name: str, entry: Any) -> None:
        self.manifest = self.manifest.with_entry(section, name, entry)

    def ours(self, fact: ContainerFact) -> bool:
        return fact.labels.get(LABEL_STACK) == self.desired.stack

    # Removal

    def containers_gone(self) -> None:
        """Containers that the new state names nowhere; in step 0, so that their ports are free for others."""
        desired = self.desired
        if not (desired.delete or (desired.step == 0 and not desired.finish)):
            return
        keep = {} if desired.delete else desired.keep.containers
        for name, fact in sorted(self.facts.containers.items()):
            base = name[: -len(PREVIOUS)] if name.endswith(PREVIOUS) else name
            if self.ours(fact) and name not in keep and base not in keep:
                reason = "the stack is deleted" if desired.delete else "the new state does not name it"
                self.act("container", name, "remove", reason, lane="remove", forget=True)
                self.present.pop(name, None)
        for name in sorted(set(keep) & set(self.present)):
            if name not in desired.containers and not self.ours(self.present[name]):
                self.foreign(name)
        owned = {name: entry for name, entry in self.manifest.containers.items() if name not in keep}
        for name in owned:
            if name not in self.facts.containers:
                self.claim("containers", name, None)
        if desired.delete:
            for volume in sorted({volume for entry in owned.values() for volume in entry.volumes}):
                self.act("volume", volume, "remove", "the stack is deleted")
            if desired.purge_images:
                for image in sorted({entry.image for entry in owned.values() if entry.image}):
                    self.act("image", image, "remove", "the stack is deleted")

    def withdraw(self) -> None:
        """Units, files and directories of ours that the new state does not name."""
        keep = self.desired.keep
        for name, owned in sorted(self.manifest.units.items()):
            if name not in keep.units:
                self.unit_gone(name, owned)
        removed: set[str] = set()
        for path, mine in sorted(self.manifest.files.items()):
            if path not in keep.files:
                removed |= self.file_gone(path, mine)
        if any(posixpath.basename(path) == name for path in removed for name in self.manifest.units):
            self.act("unit", "", "reload", changes=False)
        needed = {parent for path in (*keep.files, *keep.directories) for parent in parents(path)}
        for path in sorted(self.manifest.directories, reverse=True):
            if path not in keep.directories and path not in needed:
                removed |= self.directory_gone(path, self.manifest.directories[path], removed)

    def unit_gone(self, name: str, owned: OwnedUnit) -> None:
        fact = self.facts.units.get(name)
        if fact and owned.was_active is not None and fact.active != owned.was_active:
            verb = "start" if owned.was_active else "stop"
            self.act("unit", name, verb, "the new state does not name it")
        if fact and owned.was_enabled is not None and (fact.enabled == "enabled") != owned.was_enabled:
            verb = "enable" if owned.was_enabled else "disable"
            self.act("unit", name, verb, "the new state does not name it")
        self.act("unit", name, "forget", changes=False, forget=True)

    def file_gone(self, path: str, owned: OwnedFile) -> set[str]:
        fact = self.facts.paths.get(path)
        original = owned.original
        if original and fact and reasons.same_file(fact, original):
            self.act("file", path, "forget", changes=False, forget=True)
        elif original:
            self.claim("files", path, dataclasses.replace(owned, sha256=""))
            self.act("file", path, "restore", "it was there before us", record=owned, forget=True)
        elif fact:
            self.act("file", path, "remove", "the new state does not name it", forget=True)
        else:
            self.act("file", path, "tidy", changes=False, forget=True)
        return {unfinished(path)} if original else {path, unfinished(path)}

    def directory_gone(self, path: str, owned: OwnedDirectory, removed: set[str]) -> set[str]:
        fact = self.facts.paths.get(path)
        if fact is None or fact.kind != "directory":
            self.claim("directories", path, None)
            return {path}
        if not owned.created:
            before = owned.original
            if before and (before.owner, before.group, before.mode) != (fact.owner, fact.group, fact.mode):
                self.act("directory", path, "restore", "it was there before us", record=owned, forget=True)
            else:
                self.act("directory", path, "forget", changes=False, forget=True)
            return set()
        left = [entry for entry in fact.entries or () if posixpath.join(path, entry) not in removed]
        if left and not self.desired.purge:
            self.warnings.append(f"{path} is kept: it holds {reasons.some(left)}")
            return set()
        self.act(
            "directory", path, "remove", "the new state does not name it", forget=True, recursive=bool(left)
        )
        return {path}

    # Directories and files

    def directories_and_files(self) -> None:
        desired = self.desired
        for path in sorted({*desired.directories, *self.implied()}):
            self.directory(path, desired.directories.get(path, IMPLIED), path in desired.directories)
        for path, entry in sorted(desired.files.items()):
            self.file(path, entry)

    def implied(self) -> set[str]:
        """Directories that hold what is desired and are not there."""
        desired = self.desired
        above = {parent for path in (*desired.files, *desired.directories) for parent in parents(path)}
        facts = self.facts.paths
        return {path for path in above if path not in facts or facts[path].kind != "directory"}

    def directory(self, path: str, entry: DirectoryEntry, declared: bool) -> None:
        fact = self.facts.paths.get(path)
        owned = self.manifest.directories.get(path)
        if fact is None:
            final = OwnedDirectory(entry.service, created=owned.created if owned else True)
            self.claim("directories", path, final)
            self.act("directory", path, "create", "missing", record=final)
        elif fact.kind != "directory":
            self.blocked(path, "a directory", fact)
        elif declared:
            differs = reasons.attributes_differ(fact, entry)
            final = records.directory(entry, fact if differs else None, owned)
            self.claim("directories", path, final)
            if differs:
                self.act("directory", path, "chmod", differs, record=final)

    def file(self, path: str, entry: FileEntry) -> None:
        fact = self.facts.paths.get(path)
        owned = self.manifest.files.get(path)
        if fact and fact.kind in ("directory", "other"):
            self.blocked(path, "a file", fact)
            return
        final, pending = records.file(entry, fact, owned)
        if fact and fact.kind == "file" and fact.sha256 == entry.sha256:
            if owned is None:
                self.saves.append(path)
            elif not owned.sha256:
                self.act("file", path, "tidy", changes=False)
            self.claim("files", path, final)
            differs = reasons.attributes_differ(fact, entry)
            if differs:
                self.act("file", path, "chmod", differs, record=final)
            return
        if fact and fact.kind == "file":
            self.saves.append(path)
        self.rewritten.add(path)
        self.claim("files", path, pending)
        verb, reason = ("update", reasons.why_file(fact, owned)) if fact else ("create", "missing")
        self.act("file", path, verb, reason, record=final)

    def blocked(self, path: str, what: str, fact: PathFact) -> None:
        self.problems.append(
            Problem(errors.FILE, f"{path} shall be {what}, but there is a {fact.kind}", f"Move {path} away.")
        )

    # Units

    def units(self) -> None:
        facts, desired = self.facts.units, self.desired.units
        unread = {name for name, entry in desired.items() if entry.file and name not in facts}
        stale = {name for name, entry in desired.items() if entry.file in self.rewritten}
        if unread or stale or any(fact.reload for fact in facts.values()):
            self.act("unit", "", "reload", changes=False)
        for name, entry in sorted(self.desired.units.items()):
            self.unit(name, entry)

    def unit(self, name: str, entry: UnitEntry) -> None:
        fact = self.facts.units.get(name, UnitFact(load="not-found", enabled=""))
        owned = self.manifest.units.get(name)
        wanted = entry.enabled or entry.state in ("started", "restarted")
        if fact.load == "not-found" and not entry.file and wanted:
            self.cannot(
                errors.UNIT, f"systemd knows no unit '{name}'", "Install what brings it, or give its content."
            )
        pending = records.unit(entry, fact, owned)
        final = dataclasses.replace(pending, applied=entry.digest)
        self.claim("units", name, pending)
        start = len(self.actions)
        if entry.enabled is True and fact.enabled not in ENABLED:
            self.act("unit", name, "enable", f"it is {fact.enabled or 'not there'}", record=pending)
        if entry.enabled is False and fact.enabled == "enabled":
            self.act("unit", name, "disable", "it is enabled", record=pending)
        if entry.state == "stopped" and fact.active:
            self.act("unit", name, "stop", "it runs", record=pending)
        elif entry.state in ("started", "restarted"):
            if not fact.active:
                self.act("unit", name, "start", "it does not run", record=pending)
            elif reasons.restart_due(entry, owned, entry.file in self.rewritten):
                self.act("unit", name, "restart", "what it reads changed", record=pending)
        if len(self.actions) > start:
            self.actions[-1] = dataclasses.replace(self.actions[-1], record=final)
        else:
            self.claim("units", name, final)

    # Containers

    def recover(self, name: str, entry: ContainerEntry) -> None:
        """Bring back what an interrupted replacement put aside, unless the new one is the desired one."""
        old = self.present.get(name + PREVIOUS)
        new = self.present.get(name)
        if old is None or not self.ours(old) or (new and not self.ours(new)):
            return
        if new and new.labels.get(LABEL_HASH) == entry.hash and entry.kind == "service":
            return
        self.act("container", name, "recover", "a replacement was interrupted", lane="recover")
        self.present[name] = self.present.pop(name + PREVIOUS)

    def containers(self) -> None:
        """The containers of the step by their order, after the images that they need."""
        start = len(self.actions)
        for name, entry in sorted(self.desired.containers.items(), key=lambda item: (item[1].order, item[0])):
            fact = self.present.get(name)
            previous = self.present.get(name + PREVIOUS)
            if any(one and not self.ours(one) for one in (fact, previous)):
                self.foreign(name)
            elif entry.kind == "once":
                self.once(name, entry, fact)
            else:
                self.service(name, entry, fact)
        brought_up = [action for action in self.actions[start:] if action.verb in BRINGS_UP]
        for action in brought_up:
            self.volumes(action.name)
        self.actions[start:start] = self.pulls(brought_up)

    def service(self, name: str, entry: ContainerEntry, fact: ContainerFact | None) -> None:
        known = self.manifest.containers.get(name)
        final = records.container(entry, "healthy", self.seen(entry))
        verb, reason = self.service_due(name, entry, fact)
        if not verb or fact is None:
            pending = dataclasses.replace(final, status="pending")
        elif verb == "replace":
            pending = known or dataclasses.replace(final, status="pending")
        else:
            known = known or final
            pending = dataclasses.replace(
                known, status="unsure" if known.status in WAS_HEALTHY else known.status
            )
        if not verb and fact:
            files = known.files if known and known.files else final.files
            pending = dataclasses.replace(final, image_id=fact.image_id, files=files)
        self.claim("containers", name, pending)
        if verb:
            resume = verb == "replace" and name + PREVIOUS in self.present
            more = {"resume": resume, "rollback": verb == "replace", "changes": verb != "check"}
            self.act("container", name, verb, reason, lane=f"order {entry.order}", record=final, **more)

    def service_due(  # noqa: PLR0911 - one line a case
        self, name: str, entry: ContainerEntry, fact: ContainerFact | None
    ) -> tuple[str, str]:
        """What a service container needs, and why; nothing where it is as it shall be."""
        known = self.manifest.containers.get(name)
        if fact is None:
            return "create", "missing"
        if name + PREVIOUS in self.present:
            return "replace", "an interrupted replacement is finished"
        if fact.labels.get(LABEL_HASH) != entry.hash or self.moved(entry, fact.image_id):
            reason = self.why(entry, known, fact)
            if known and (known.kind == "once" or known.status not in WAS_HEALTHY):
                return "create", f"{reason}; the one that is there was never healthy"
            return "replace", reason
        if not fact.running:
            return "start", f"it is {fact.state}"
        rewritten = self.reread(entry, known)
        if rewritten:
            return "restart", f"{rewritten} was written anew since it started"
        if fact.health == "unhealthy":
            return "restart", "it is unhealthy"
        sure = known is not None and known.hash == entry.hash and known.status == "healthy"
        return ("", "") if sure and fact.health != "starting" else ("check", "not known to be healthy yet")

    def once(self, name: str, entry: ContainerEntry, fact: ContainerFact | None) -> None:
        known = self.manifest.containers.get(name)
        same = fact is not None and fact.labels.get(LABEL_HASH) == entry.hash
        final = records.container(entry, "done", self.seen(entry))
        if fact and same and fact.running:
            reason, how = "it still runs since an interrupted run", {"resume": True}
        else:
            # What an interrupted run of the job is at (a schema's migration, say) must not be cut off.
            at_work = fact is not None and fact.running and known is not None and known.kind == "once"
            reason, how = self.once_due(entry, fact, known, same), {"wait": at_work}
        if reason:
            self.claim("containers", name, dataclasses.replace(final, status="pending"))
            self.act("container", name, "run", reason, lane=f"order {entry.order}", record=final, **how)
        elif known is None or known.status != "done":
            self.claim("containers", name, dataclasses.replace(final, image_id=fact.image_id if fact else ""))

    def once_due(
        self, entry: ContainerEntry, fact: ContainerFact | None, known: OwnedContainer | None, same: bool
    ) -> str:
        """Why a ``once`` container runs (again); empty where it does not."""
        if known and known.status == "done":
            if entry.rerun == "never":
                return ""
            if known.image != entry.image or self.moved(entry, known.image_id):
                return "its image changed"
            return "" if entry.rerun == "image" or known.hash == entry.hash else self.why(entry, known, fact)
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

    def moved(self, entry: ContainerEntry, image_id: str) -> bool:
        """Whether the image's name stands for another image now."""
        now = self.facts.images.get(entry.image)
        return bool(now and image_id and now != image_id)

    def why(self, entry: ContainerEntry, known: OwnedContainer | None, fact: ContainerFact | None) -> str:
        """In words, why the hash of a container differs."""
        image = known.image if known else (fact.image if fact else "")
        if image and image != entry.image:
            return f"image {image} -> {entry.image}"
        if known is None:
            return "its definition changed"
        if fact and self.moved(entry, fact.image_id):
            return "its image changed"
        if known.text != entry.text:
            return "its definition changed"
        changed = [
            path for path, sha256 in sorted(entry.files.items()) if known.files.get(path, ("",))[0] != sha256
        ]
        return f"{reasons.some(changed)} changed" if changed else "a secret that it uses changed"

    def reread(self, entry: ContainerEntry, known: OwnedContainer | None) -> str:
        """A file that the container reads and that was written anew since it started, content as due."""
        for path, sha256 in sorted(entry.files.items()):
            fact = self.facts.paths.get(path)
            if path in self.rewritten or (fact and fact.sha256 != sha256):
                return path
            started_with = known.files.get(path) if known and known.hash == entry.hash else None
            if fact and started_with and started_with[1] != fact.identity:
                return path
        return ""

    def seen(self, entry: ContainerEntry) -> dict[str, tuple[str, str]]:
        """The files that a container reads, as they are."""
        facts = self.facts.paths
        return {
            path: (sha256, facts[path].identity if path in facts else "")
            for path, sha256 in entry.files.items()
        }

    def volumes(self, name: str) -> None:
        """A volume's source on the host must be there, or be made in this step."""
        desired = self.desired
        made = {*desired.files, *desired.directories, *self.implied()}
        for source in self.desired.containers[name].volumes:
            if (
                source.startswith("/")
                and source != "/"
                and source not in self.facts.paths
                and source not in made
            ):
                self.cannot(
                    errors.VOLUME_MISSING,
                    f"container '{name}' mounts {source}, which is not there",
                    f"Declare {source} in the service's 'directories', or make it in its host_prep_tasks.",
                    name,
                )

    def pulls(self, brought_up: Iterable[Action]) -> list[Action]:
        fresh = [one for one in brought_up if one.verb in ("create", "replace", "run") and not one.resume]
        images = {self.desired.containers[one.name].image for one in fresh} - set(self.facts.images)
        return [Action("image", image, "pull", "missing", lane="pull") for image in sorted(images)]

    def foreign(self, name: str) -> None:
        self.problems.append(
            Problem(
                errors.FOREIGN,
                f"a container named '{name}' is there that this stack did not make",
                f"Look at it ('podman inspect {name}'); rename or remove it, or give ours another name.",
                name,
            )
        )

    def cannot(self, code: str, message: str, fix: str, container: str = "") -> None:
        """A problem; in check mode only a warning, since tasks that do not run there may take care of it."""
        if self.desired.check:
            self.warnings.append(message)
        else:
            self.problems.append(Problem(code, message, fix, container))
