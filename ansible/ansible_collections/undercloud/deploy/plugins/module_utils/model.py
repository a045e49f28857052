"""The planner's terms: what is there (facts), what we own (manifest), what shall be (desired), what to do.

All plain values, so that a case is a JSON file. Owners and groups are numeric ids, modes are integers.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.errors import Problem

WAS_HEALTHY = ("healthy", "unsure")
LABEL_STACK = "undercloud.stack"
LABEL_SERVICE = "undercloud.service"
LABEL_HASH = "undercloud.hash"
PREVIOUS = "-previous"
UNIT_DIRECTORY = "/etc/systemd/system"


def unfinished(path: str) -> str:
    """Where a file is written before it is renamed into place.

    It is always the same name, so that what a killed run left is taken up, or removed, by the next.
    """
    directory, name = posixpath.split(path)
    return posixpath.join(directory, f".{name[:200]}.undercloud-new")


@dataclasses.dataclass(frozen=True)
class PathFact:
    """What lies at a path; ``kind`` is ``file``, ``directory``, ``link`` or ``other``.

    ``sha256`` is set for regular files that were asked for, ``identity`` (inode and time of change) tells a
    rewritten file from one that stayed, ``entries`` is set for directories that were to be listed.
    """

    kind: str
    owner: int = 0
    group: int = 0
    mode: int = 0
    sha256: str = ""
    identity: str = ""
    target: str = ""
    entries: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class ContainerFact:
    """A container as podman sees it; ``health`` is ``healthy``, ``unhealthy``, ``starting`` or empty."""

    state: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image: str = ""
    image_id: str = ""
    exit_code: int = 0
    health: str = ""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.state == "running"

    @property
    def finished(self) -> bool:
        """Whether it ran and came to its end."""
        return self.state in ("exited", "stopped")


@dataclasses.dataclass(frozen=True)
class UnitFact:
    """A unit: ``load`` as LoadState, ``enabled`` as UnitFileState, ``reload`` as NeedDaemonReload."""

    load: str = "loaded"
    active: bool = False
    enabled: str = "disabled"
    reload: bool = False


@dataclasses.dataclass(frozen=True)
class OwnedFile:
    """A file of ours. ``text`` is its masked content, if it holds secrets; ``original`` was before us."""

    service: str
    sha256: str = ""
    secret: bool = False
    text: str | None = None
    original: PathFact | None = None


@dataclasses.dataclass(frozen=True)
class OwnedDirectory:
    """A directory that we care for; only one that we ``created`` is ever removed."""

    service: str
    created: bool = True
    original: PathFact | None = None


@dataclasses.dataclass(frozen=True)
class OwnedUnit:
    """A unit that we manage: ``applied`` is the digest it last (re)started with.

    How it was before us comes back when we let it go; None is for what we never managed.
    """

    service: str
    applied: str = ""
    was_enabled: bool | None = None
    was_active: bool | None = None


@dataclasses.dataclass(frozen=True)
class OwnedContainer:
    """A container of ours.

    ``status`` is ``pending`` (made, not healthy yet), ``healthy``, ``unsure`` (was healthy, and was started
    again since), ``done`` (a ``once`` that exited with 0), ``failed``. ``files`` are those it read when last
    confirmed: path → (sha256, identity). ``text`` is its entry, masked.
    """

    service: str
    kind: str
    hash: str = ""
    image: str = ""
    image_id: str = ""
    status: str = "pending"
    files: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What we own on the node, by path or name, and the highest fencing number seen.

    ``images`` are those that were not there before us, also such as no container needs any more: name → the
    service that they were first pulled for.
    """

    stack: str = ""
    fence: int = 0
    files: Mapping[str, OwnedFile] = dataclasses.field(default_factory=dict)
    directories: Mapping[str, OwnedDirectory] = dataclasses.field(default_factory=dict)
    units: Mapping[str, OwnedUnit] = dataclasses.field(default_factory=dict)
    containers: Mapping[str, OwnedContainer] = dataclasses.field(default_factory=dict)
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing is owned."""
        return not (self.files or self.directories or self.units or self.containers)

    def with_entry(self, section: str, name: str, entry: Any) -> Manifest:
        """The manifest with one entry set, or dropped where it is None."""
        entries = {key: value for key, value in getattr(self, section).items() if key != name}
        if entry is not None:
            entries[name] = entry
        change: dict[str, Any] = {section: entries}
        return dataclasses.replace(self, **change)


@dataclasses.dataclass(frozen=True)
class Facts:
    """The node as it is; what is not there is not in its map. ``images``: name → id."""

    manifest: Manifest = dataclasses.field(default_factory=Manifest)
    paths: Mapping[str, PathFact] = dataclasses.field(default_factory=dict)
    containers: Mapping[str, ContainerFact] = dataclasses.field(default_factory=dict)
    units: Mapping[str, UnitFact] = dataclasses.field(default_factory=dict)
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """A file that shall be; ``text`` is masked, ``sha256`` is of the real content."""

    service: str
    sha256: str
    owner: int
    group: int
    mode: int
    text: str = ""
    secret: bool = False


@dataclasses.dataclass(frozen=True)
class DirectoryEntry:
    """A directory that shall be."""

    service: str
    owner: int
    group: int
    mode: int


@dataclasses.dataclass(frozen=True)
class UnitEntry:
    """A unit as it shall be; None leaves things as they are. ``digest`` covers what a restart is due for."""

    service: str
    enabled: bool | None = None
    state: str | None = None
    file: str = ""
    digest: str = ""


@dataclasses.dataclass(frozen=True)
class ContainerEntry:
    """A container that shall be. ``spec`` is the entry with real values (secret), ``text`` the same, masked.

    ``files`` are those it reads: path → SHA-256 of the content due. ``secret_variables`` are the names of
    environment variables whose values are secret.
    """

    service: str
    kind: str
    image: str
    hash: str
    spec: Mapping[str, Any] = dataclasses.field(repr=False)
    text: str = ""
    rerun: str = "config"
    order: int = 0
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    secret_variables: frozenset[str] = frozenset()

    @property
    def volumes(self) -> tuple[str, ...]:
        """Sources of its volumes: host paths and names of podman's volumes."""
        sources = [volume.split(":", 1)[0] for volume in self.spec.get("volumes") or () if ":" in volume]
        return tuple(posixpath.normpath(source) if source.startswith("/") else source for source in sources)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What the whole new state names: name → step; and what the steps before this one leave behind.

    ``next_images``: container of the next step that has any → its image and service.
    """

    files: Mapping[str, int] = dataclasses.field(default_factory=dict)
    directories: Mapping[str, int] = dataclasses.field(default_factory=dict)
    units: Mapping[str, int] = dataclasses.field(default_factory=dict)
    containers: Mapping[str, int] = dataclasses.field(default_factory=dict)
    earlier_files: Mapping[str, FileEntry] = dataclasses.field(default_factory=dict)
    earlier_directories: Mapping[str, DirectoryEntry] = dataclasses.field(default_factory=dict)
    earlier_images: frozenset[str] = frozenset()
    next_images: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Desired:
    """What a call shall reach: one step of a stack, its ``finish``, or (``purge`` without it) its removal."""

    stack: str
    step: int = 0
    fence: int = 0
    finish: bool = False
    purge: bool = False
    purge_images: bool = False
    check: bool = False
    files: Mapping[str, FileEntry] = dataclasses.field(default_factory=dict)
    directories: Mapping[str, DirectoryEntry] = dataclasses.field(default_factory=dict)
    units: Mapping[str, UnitEntry] = dataclasses.field(default_factory=dict)
    containers: Mapping[str, ContainerEntry] = dataclasses.field(default_factory=dict)
    keep: Kept = dataclasses.field(default_factory=Kept)

    @property
    def delete(self) -> bool:
        """Whether everything of the stack shall go from the node."""
        return self.purge and not self.finish

    @property
    def prefetches(self) -> bool:
        """Whether the images of the next step are fetched: by each step that has containers."""
        return bool(self.containers)


@dataclasses.dataclass(frozen=True)
class Action:
    """One thing to do. Actions of one ``lane`` that follow each other may run side by side.

    ``record`` is the manifest's entry when it is done (None: the entry goes, where ``forget`` says so).
    ``resume`` goes on with what an interrupted run began, ``wait`` lets it end first.
    """

    kind: str
    name: str
    verb: str
    reason: str = ""
    changes: bool = True
    lane: str = ""
    record: Any = None
    forget: bool = False
    resume: bool = False
    wait: bool = False
    rollback: bool = False
    recursive: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do, in order. ``claims`` is the manifest to write first; ``saves`` are files to keep a copy of.

    With ``problems`` nothing may be done but to write ``claims``, which only remember the fencing number.
    """

    actions: tuple[Action, ...] = ()
    claims: Manifest = dataclasses.field(default_factory=Manifest)
    saves: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that change the node."""
        return tuple(action for action in self.actions if action.changes)
