"""Carries out a plan. Killed at any moment and run again, it gets to the same end.

The manifest is written before anything is touched (it claims what is about to be made), and again after every
group of actions. An error stops after its group; what was done stays recorded.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.undercloud.deploy.plugins.module_utils import files
from ansible_collections.undercloud.deploy.plugins.module_utils.containers import Containers
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError, Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import Store
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    Action,
    Desired,
    Manifest,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    Plan,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.placement import IMPLIED
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd

SIDE_BY_SIDE = 8
SECTIONS = {"file": "files", "directory": "directories", "unit": "units", "container": "containers"}


class Executor:
    """Carries out the actions of one plan; ``done`` are those that were finished, in order."""

    def __init__(
        self, store: Store, podman: Podman, systemd: Systemd, desired: Desired, contents: Mapping[str, str]
    ) -> None:
        self.done: list[Action] = []
        self._store = store
        self._podman = podman
        self._systemd = systemd
        self._desired = desired
        self._contents = contents
        self._manifest = Manifest()
        self._guard = threading.RLock()
        self._containers = Containers(
            podman,
            desired.stack,
            dict(desired.containers),
            self._owned,
            self._restore,
        )

    def run(self, plan: Plan) -> None:
        """Carry out a plan without problems. Raises NodeError with the problems of the group that failed."""
        for path in plan.saves:
            self._store.versions.keep(path)
        self._manifest = plan.claims
        self._store.save(self._manifest)
        for _, group in itertools.groupby(plan.actions, key=lambda action: action.lane or id(action)):
            self._group(list(group))
        self._store.save(self._manifest)
        if self._desired.delete:
            self._store.clear()
        elif self._desired.finish:
            self._prune()

    def _group(self, actions: list[Action]) -> None:
        """Run actions of one lane side by side; all come to their end before the first error is raised."""
        problems: list[Problem] = []
        if len(actions) == 1:
            problems += self._try(actions[0])
        else:
            # Images share layers: side by side, each podman would fetch and unpack them for itself.
            workers = 1 if actions[0].kind == "image" else min(SIDE_BY_SIDE, len(actions))
            with ThreadPoolExecutor(max_workers=workers) as pool:
                for found in pool.map(self._try, actions):
                    problems += found
        if actions[0].lane or problems:
            self._store.save(self._manifest)
        if problems:
            raise NodeError(*problems)

    def _try(self, action: Action) -> tuple[Problem, ...]:
        try:
            self._do(action)
        except NodeError as error:
            if action.kind == "container":
                self._record(action, self._containers.failed(action))
            return error.problems
        with self._guard:
            self.done.append(action)
        return ()

    def _do(self, action: Action) -> None:
        if action.kind == "container":
            self._record(action, self._containers.do(action))
            return
        if action.kind == "file":
            self._file(action)
        elif action.kind == "directory":
            self._directory(action)
        elif action.kind == "unit" and action.verb != "forget":
            self._systemd.do("daemon-reload" if action.verb == "reload" else action.verb, action.name)
        elif action.kind == "image" and action.verb == "pull":
            self._podman.pull(action.name)
        elif action.kind == "image":
            self._podman.remove_image(action.name)
        elif action.kind == "volume":
            self._podman.remove_volume(action.name)
        self._record(action, action.record)

    def _record(self, action: Action, entry: object) -> None:
        """Say in the manifest what an action left behind."""
        section = SECTIONS.get(action.kind)
        if section is None or not action.name or (entry is None and not action.forget):
            return
        with self._guard:
            self._manifest = self._manifest.with_entry(section, action.name, None if action.forget else entry)

    def _file(self, action: Action) -> None:
        path = action.name
        if action.verb in ("create", "update"):
            entry = self._desired.files[path]
            files.write(path, self._contents[path].encode(), entry.owner, entry.group, entry.mode)
        elif action.verb == "chmod":
            entry = self._desired.files[path]
            files.set_attributes(path, entry.owner, entry.group, entry.mode)
        elif action.verb == "remove":
            files.remove(path)
        elif action.verb == "tidy":
            files.remove_unfinished(path)
        elif action.verb == "restore" and isinstance(action.record, OwnedFile) and action.record.original:
            original = action.record.original
            if original.kind == "link":
                files.link(path, original.target)
            elif self._store.versions.has(original.sha256):
                content = self._store.versions.read(original.sha256)
                files.write(path, content, original.owner, original.group, original.mode)

    def _directory(self, action: Action) -> None:
        path = action.name
        entry = self._desired.directories.get(path, IMPLIED)
        if action.verb in ("create", "chmod"):
            files.make_directory(path, entry.owner, entry.group, entry.mode)
        elif action.verb == "remove":
            files.remove_directory(path, recursive=action.recursive)
        elif (
            action.verb == "restore" and isinstance(action.record, OwnedDirectory) and action.record.original
        ):
            original = action.record.original
            files.set_attributes(path, original.owner, original.group, original.mode)

    def _owned(self, name: str) -> OwnedContainer | None:
        return self._manifest.containers.get(name)

    def _restore(self, path: str, sha256: str) -> bool:
        """Bring back a file's earlier content where it differs and is kept."""
        with self._guard:
            owned, fact = self._manifest.files.get(path), files.look(path, hashed=True)
            if owned is None or fact is None or fact.sha256 == sha256 or not self._store.versions.has(sha256):
                return False
            files.write(path, self._store.versions.read(sha256), fact.owner, fact.group, fact.mode)
            earlier = dataclasses.replace(owned, sha256=sha256, text=None)
            self._manifest = self._manifest.with_entry("files", path, earlier)
        return True

    def _prune(self) -> None:
        """All is healthy: only what was there before us must be kept."""
        owned = self._manifest.files.values()
        self._store.versions.prune({entry.original.sha256 for entry in owned if entry.original})
