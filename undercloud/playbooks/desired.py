"""The desired state: host → step → directories, files, units, containers, tasks, each with its origin.

The JSON form is ``schemas/desired_state.schema.json`` (version 1). Both role_data contracts are lowered to
this model, and the playbooks, the diff and ``explain`` read only it. Entries that do not differ between hosts
are one object, shared; nothing here is ever changed in place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

VERSION = 1
STEPS = range(6)


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry was asked for: service, template, and the keys from the top of ``role_data``."""

    service: str
    template: str
    path: tuple[str, ...]
    line: int | None = None
    column: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Directory:
    """A directory on the host."""

    owner: str
    group: str
    mode: str
    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file on the host; ``content`` holds ``<<secret:NAME>>`` for each of ``secrets``."""

    content: str
    owner: str
    group: str
    mode: str
    origin: Origin
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit; what is None is left as it is on the host."""

    origin: Origin
    enabled: bool | None = None
    state: str | None = None
    content: str | None = None
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Healthcheck:
    """A health check of a container; times in seconds."""

    command: tuple[str, ...]
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """A podman container; what is None or empty is podman's or the image's default."""

    kind: str
    image: str
    order: int
    files: tuple[str, ...]
    origin: Origin
    rerun: str | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    hostname: str | None = None
    workdir: str | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    net: str | None = None
    pid: str | None = None
    ipc: str | None = None
    cgroupns: str | None = None
    privileged: bool | None = None
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    limits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    restart: str | None = None
    healthcheck: Healthcheck | None = None
    stop_timeout: int | None = None
    stop_signal: str | None = None
    timeout: float | None = None
    secrets: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """Free-form Ansible tasks of the host in a step; ``file`` is relative to the playbook directory."""

    name: str
    kind: str
    file: str
    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Validation:
    """A check that must succeed when the step's containers are healthy; ``delay`` in seconds.

    One with a ``group`` runs only when that is asked for; ``code``, ``severity`` and ``fix`` are what is told
    where it fails.
    """

    name: str
    command: tuple[str, ...]
    origin: Origin
    container: str | None = None
    retries: int | None = None
    delay: float | None = None
    secrets: tuple[str, ...] = ()
    group: str | None = None
    code: str | None = None
    severity: str | None = None
    fix: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What one step puts on one host; the maps are by path, path, unit name and container name."""

    directories: Mapping[str, Directory] = dataclasses.field(default_factory=dict)
    files: Mapping[str, File] = dataclasses.field(default_factory=dict)
    units: Mapping[str, Unit] = dataclasses.field(default_factory=dict)
    containers: Mapping[str, Container] = dataclasses.field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    validations: tuple[Validation, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class HostState:
    """One host: its role, the address that SSH uses, and its steps by number (empty steps are left out)."""

    role: str
    address: str
    steps: Mapping[int, Step]

    def entries(self, kind: str) -> Iterator[tuple[int, str, Any]]:
        """All entries of a kind (``files``, ``containers`` …) as (step, name, entry), by step."""
        for number in sorted(self.steps):
            for name, entry in getattr(self.steps[number], kind).items():
                yield number, name, entry


@dataclasses.dataclass(frozen=True, slots=True)
class DesiredState:
    """The whole cloud as it shall be."""

    stack: str
    contract: str
    hosts: Mapping[str, HostState]
    version: ClassVar[int] = VERSION

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "version": VERSION,
            "stack": self.stack,
            "contract": self.contract,
            "hosts": {name: as_dict(host) for name, host in self.hosts.items()},
        }


def as_dict(entry: Any) -> Any:
    """An entry of the model as plain data; a field that has its default is left out."""
    if isinstance(entry, str | int | float) or entry is None:
        return entry
    if isinstance(entry, Mapping):
        return {str(key): as_dict(value) for key, value in entry.items()}
    if isinstance(entry, tuple):
        return [as_dict(item) for item in entry]
    return {
        name: as_dict(value)
        for name, default in _DEFAULTS[type(entry)]
        if (value := getattr(entry, name)) != default or default is _NONE
    }


def from_dict(data: Mapping[str, Any]) -> DesiredState:
    """The model from its JSON form, as :meth:`DesiredState.as_dict` wrote it.

    Raises KeyError, TypeError or ValueError for data that does not follow the schema; whoever reads a file
    that others may have touched checks it against the schema first.
    """
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']} of the desired state is not known")
    hosts = {
        name: HostState(
            host["role"],
            host["address"],
            {int(number): _step(step) for number, step in host["steps"].items()},
        )
        for name, host in data["hosts"].items()
    }
    return DesiredState(data["stack"], data["contract"], hosts)


_NONE = object()
_MAPS: dict[str, type[Any]] = {
    "directories": Directory,
    "files": File,
    "units": Unit,
    "containers": Container,
}


def _defaults(cls: Any) -> tuple[tuple[str, Any], ...]:
    """Field names with their defaults; ``_NONE`` where there is none."""
    return tuple(
        (
            field.name,
            {}
            if field.default_factory is not dataclasses.MISSING
            else _NONE
            if field.default is dataclasses.MISSING
            else field.default,
        )
        for field in dataclasses.fields(cls)
    )


_DEFAULTS = {
    cls: _defaults(cls)
    for cls in (Origin, Directory, File, Unit, Healthcheck, Container, Task, Validation, Step, HostState)
}


def _step(data: Mapping[str, Any]) -> Step:
    maps = {
        kind: {name: _entry(cls, entry) for name, entry in data.get(kind, {}).items()}
        for kind, cls in _MAPS.items()
    }
    return Step(
        **maps,
        tasks=tuple(_entry(Task, entry) for entry in data.get("tasks", ())),
        validations=tuple(_entry(Validation, entry) for entry in data.get("validations", ())),
    )


def _entry(cls: type[Any], data: Mapping[str, Any]) -> Any:
    nested = {"origin": Origin, "healthcheck": Healthcheck}
    return cls(
        **{
            name: _entry(nested[name], value)
            if name in nested
            else tuple(value)
            if isinstance(value, list)
            else value
            for name, value in data.items()
        }
    )
