"""The manifest on the node: what we own there; and the lock that lets one run at a time write.

``STATE/manifest.json`` (0600) is the manifest, ``STATE/lock`` the lock, ``STATE/versions`` kept contents.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, files
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    Manifest,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    PathFact,
)

VERSION = 1
STATE = "/var/lib/undercloud"
POLL = 0.2


class Store:
    """The state directory of a node."""

    def __init__(self, directory: str = STATE) -> None:
        self.directory = directory
        self.path = os.path.join(directory, "manifest.json")
        self.versions = files.Versions(os.path.join(directory, "versions"))
        self._lock_path = os.path.join(directory, "lock")
        self._written: Manifest | None = None

    def load(self) -> Manifest:
        """The manifest; an empty one where there is none. Raises NodeError (NODE-002) where it is broken."""
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return Manifest()
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(str(error)) from error
        try:
            manifest = from_json(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        self._written = manifest
        return manifest

    def _unreadable(self, why: str) -> errors.NodeError:
        return errors.NodeError.of(
            errors.MANIFEST,
            f"the node's manifest {self.path} cannot be read: {why}",
            "Put it back from a backup; or move it away: the next deployment takes over the containers that "
            "carry our labels and the files that it names, but what it no longer names stays.",
        )

    def save(self, manifest: Manifest) -> None:
        """Write the manifest, if it differs from what is there."""
        if manifest == self._written:
            return
        self._make()
        text = json.dumps(as_json(manifest), indent=1, sort_keys=True) + "\n"
        files.write(self.path, text.encode(), os.geteuid(), os.getegid(), 0o600)
        self._written = manifest

    def clear(self) -> None:
        """Remove the state directory: the node is clean."""
        self.versions.prune(set())
        for path in (os.path.join(self.directory, "versions"), self.directory):
            if path == self.directory:
                files.remove(self.path)
                files.remove(self._lock_path)
            with files.explained("removing the state directory"), contextlib.suppress(FileNotFoundError):
                os.rmdir(path)

    def _make(self) -> None:
        with files.explained("making the state directory"):
            os.makedirs(self.directory, 0o700, exist_ok=True)

    @contextlib.contextmanager
    def locked(self, timeout: float) -> Iterator[None]:
        """Hold the node's lock; wait up to ``timeout`` s for another run. Raises NodeError (NODE-004)."""
        self._make()
        until = time.monotonic() + timeout
        while True:
            with files.explained("opening the lock"):
                handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if self._take(handle):
                    os.truncate(handle, 0)
                    os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
                    yield
                    return
                holder = os.pread(handle, 100, 0).decode(errors="replace").strip()
            finally:
                os.close(handle)
            if time.monotonic() > until:
                raise errors.NodeError.of(
                    errors.LOCKED,
                    f"another run ({holder or 'unknown'}) works on this node, longer than {timeout:.0f} s",
                    "Wait until it ends, or end that process on the node; then deploy again.",
                )
            time.sleep(POLL)

    def _take(self, handle: int) -> bool:
        """Take the lock if it is free, and still the file at its path (a run that cleans up removes it)."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._lock_path))
        except FileNotFoundError:
            return False

    def busy(self) -> bool:
        """Whether another run works on the node now; writes nothing."""
        try:
            handle = os.open(self._lock_path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False


def as_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain data."""
    return {"version": VERSION, **dataclasses.asdict(manifest)}


def from_json(data: dict[str, Any]) -> Manifest:
    """The manifest from plain data. Raises ValueError, TypeError or KeyError where it is not one."""
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']} is not known, only {VERSION}")
    return Manifest(
        stack=str(data["stack"]),
        fence=int(data["fence"]),
        files={path: OwnedFile(**_original(entry)) for path, entry in data["files"].items()},
        directories={path: OwnedDirectory(**_original(entry)) for path, entry in data["directories"].items()},
        units={name: OwnedUnit(**entry) for name, entry in data["units"].items()},
        containers={name: _container(entry) for name, entry in data["containers"].items()},
        images={name: str(service) for name, service in (data.get("images") or {}).items()},
    )


def _original(entry: dict[str, Any]) -> dict[str, Any]:
    original = entry.get("original")
    return {**entry, "original": path_fact(original) if original else None}


def path_fact(entry: dict[str, Any]) -> PathFact:
    """A path's fact from plain data."""
    entries = entry.get("entries")
    return PathFact(**{**entry, "entries": None if entries is None else tuple(entries)})


def _container(entry: dict[str, Any]) -> OwnedContainer:
    read = {path: (str(seen[0]), str(seen[1])) for path, seen in (entry.get("files") or {}).items()}
    return OwnedContainer(**{**entry, "files": read, "volumes": tuple(entry.get("volumes") or ())})
