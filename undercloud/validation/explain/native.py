"""Answers about what lands on nodes of our own contract: options, files, containers, units, services."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.plan.secrets import MASK
from undercloud.playbooks.desired import Container, File, as_dict
from undercloud.playbooks.references import REFERENCE
from undercloud.validation.diff import ini
from undercloud.validation.explain import late
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import NO_VALUE, Answer, Effect, Link
from undercloud.validation.explain.tracing import Tracer

OPTION = re.compile(r"^(?P<file>[^\[\]]+):\[(?P<section>[^\]]*)\](?:/(?P<option>.+))?$")
_SINGULAR = {"containers": "container", "units": "unit", "files": "file", "directories": "directory"}


class Placed:
    """An entry of the desired state, on all nodes that one service of a role puts it on."""

    def __init__(self, name: str, step: int, role: str) -> None:
        self.name = name
        self.step = step
        self.role = role
        self.entries: dict[str, Any] = {}

    @property
    def entry(self) -> Any:
        """The entry of the first node; what is filled in for each node may differ on others."""
        return next(iter(self.entries.values()))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes that it is on."""
        return tuple(self.entries)

    def differing(self) -> list[str]:
        """The fields that are not the same on all nodes."""
        plain = [as_dict(entry) for entry in self.entries.values()]
        names = dict.fromkeys(name for each in plain for name in each)
        return [name for name in names if any(each.get(name) != plain[0].get(name) for each in plain)]


def entries(context: Context, kind: str) -> Iterator[Placed]:
    """All entries of a kind (files, containers …)."""
    if context.desired is None:
        return
    found: dict[Any, Placed] = {}
    for host, state in context.desired.hosts.items():
        for step, name, entry in state.entries(kind):
            key = (name, entry.origin, step, state.role)
            placed = found.setdefault(key, Placed(name, step, state.role))
            placed.entries[host] = entry
    yield from found.values()


def file_matches(path: str, wanted: str) -> bool:
    """Whether a path on the node is meant: in full, as the container sees it, or by its last parts."""
    return path == wanted or path.endswith("/" + wanted.lstrip("/"))


def options(context: Context, file: str, section: str, option: str | None) -> Iterator[Answer]:
    """Answers about an option of a configuration file, or about all of a section."""
    for placed in entries(context, "files"):
        if not file_matches(placed.name, file):
            continue
        known = ini.options(placed.entry.content) or {}
        for own_section, own in known:
            if own_section == section and option in (None, own):
                yield _option(context, placed, section, own)


def option_names(context: Context) -> Iterator[str]:
    """All options, as they are asked for."""
    for placed in entries(context, "files"):
        for section, option in ini.options(placed.entry.content) or {}:
            yield f"{placed.name.rsplit('/', 1)[-1]}:[{section}]/{option}"


def _option(context: Context, placed: Placed, section: str, option: str) -> Answer:
    values = {host: _value(context, entry, section, option) for host, entry in placed.entries.items()}
    distinct = {repr(value) for value in values.values()}
    link = _entry_link(context, context.tracer(), placed, ("content", section, option))
    return Answer(
        "option",
        f"{placed.name}:[{section}]/{option}",
        next(iter(values.values())) if len(distinct) == 1 else values,
        link.location if link else None,
        {
            "service": placed.entry.origin.service,
            "on": list(placed.hosts),
            "written in step": placed.step,
        },
        (link,) if link else (),
        tuple(_readers(context, placed)),
    )


def _value(context: Context, entry: File, section: str, option: str) -> Any:
    values = (ini.options(entry.content) or {}).get((section, option), [])
    shown = [context.veil.text(_masked(value)) for value in values]
    return shown[0] if len(shown) == 1 else shown


def option_link(context: Context, tracer: Tracer, host: str, path: str, name: str) -> Link | None:
    """The chain of an option of a file on a node; ``name`` is FILE:[SECTION]/OPTION."""
    match = OPTION.match(name)
    for placed in entries(context, "files") if match else ():
        if placed.name == path and host in placed.hosts and match:
            return _entry_link(context, tracer, placed, ("content", match["section"], match["option"]))
    return None


def files(context: Context, wanted: str) -> Iterator[Answer]:
    """Answers about a file as a whole."""
    for placed in entries(context, "files"):
        if file_matches(placed.name, wanted):
            entry: File = placed.entry
            link = _entry_link(context, context.tracer(), placed, ("content",))
            facts = {
                "service": entry.origin.service,
                "on": list(placed.hosts),
                "written in step": placed.step,
                "owner": f"{entry.owner}:{entry.group}",
                "mode": entry.mode,
                "lines": entry.content.count("\n"),
            }
            if entry.secrets:
                facts["secrets"] = list(entry.secrets)
            place = link.location if link else None
            yield Answer(
                "file",
                placed.name,
                NO_VALUE,
                place,
                facts,
                (link,) if link else (),
                tuple(_readers(context, placed)),
            )


def _readers(context: Context, placed: Placed) -> Iterator[Effect]:
    """The containers that read a file: another content of it replaces them."""
    for container in entries(context, "containers"):
        both = tuple(host for host in container.hosts if host in placed.hosts)
        if placed.name in container.entry.files and both:
            word = "reads it, and restarts when it changes"
            if container.entry.kind == "once":
                runs = container.entry.rerun in (None, "config")
                word = "reads it, and runs again when it changes" if runs else "reads it when it runs"
            yield Effect("container", container.name, both, reason=f"{word} (step {container.step})")


def containers(context: Context, wanted: str, host: str = "") -> Iterator[Answer]:
    """Answers about a container."""
    for placed in entries(context, "containers"):
        if placed.name == wanted and (not host or host in placed.hosts):
            entry: Container = placed.entry
            link = _entry_link(context, context.tracer(), placed, ())
            differing = [name for name in placed.differing() if name != "origin"]
            facts: dict[str, Any] = {
                "service": entry.origin.service,
                "on": list(placed.hosts),
                "step": placed.step,
                "image": _masked(entry.image),
                "kind": "stays up"
                if entry.kind == "service"
                else f"runs once, again on: {entry.rerun or 'config'}",
                "reads": list(entry.files),
            }
            if differing:
                facts["differs by node in"] = differing
            value = {
                key: each
                for key, each in as_dict(entry).items()
                if key not in {"origin", "files", "image", "kind", "secrets"}
            }
            place = link.location if link else None
            yield Answer("container", placed.name, _masked(value), place, facts, (link,) if link else ())


def units(context: Context, wanted: str) -> Iterator[Answer]:
    """Answers about a systemd unit."""
    for placed in entries(context, "units"):
        if placed.name in (wanted, f"{wanted}.service"):
            link = _entry_link(context, context.tracer(), placed, ())
            facts = {"service": placed.entry.origin.service, "on": list(placed.hosts), "step": placed.step}
            value = {
                key: each for key, each in as_dict(placed.entry).items() if key not in {"origin", "secrets"}
            }
            yield Answer(
                "unit",
                placed.name,
                _masked(value),
                link.location if link else None,
                facts,
                (link,) if link else (),
            )


def on_host(context: Context, host: str) -> dict[str, Any]:
    """What is on a node: services, containers by step, how many files."""
    state = context.desired.hosts.get(host) if context.desired else None
    if state is None:
        return {}
    services = sorted({entry.origin.service for kind in _SINGULAR for _, _, entry in state.entries(kind)})
    by_step: dict[str, list[str]] = {}
    for step, name, _ in state.entries("containers"):
        by_step.setdefault(f"step {step}", []).append(name)
    return {
        "services": services,
        "containers": by_step,
        "files": len(list(state.entries("files"))),
        "units": [name for _, name, _ in state.entries("units")],
    }


def _entry_link(context: Context, tracer: Tracer, placed: Placed, more: tuple[Any, ...]) -> Link | None:
    """The chain of an entry: from the output role_data of the service that asked for it."""
    origin = placed.entry.origin
    resource = context.service_of(placed.role, origin)
    if resource is None:
        return None
    link = tracer.output(resource, "role_data", (*origin.path, *more))
    if link.value is None and len(more) > 1:
        # The content is given as ready text: its origin is all there is to tell.
        link = tracer.output(resource, "role_data", (*origin.path, *more[:1]))
    return dataclasses.replace(
        link, links=(*link.links, *late.bound(context, tracer, resource, origin.path, more))
    )


def _masked(value: Any) -> Any:
    """References to secrets are no use to a reader, and are as good as secret."""
    if isinstance(value, str):
        return REFERENCE.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
