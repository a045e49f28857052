"""Planner cases as data: short forms of entries made whole, and the node as an earlier deployment left it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.desired import Request, parse, sha256
from ansible_collections.undercloud.deploy.plugins.module_utils.handover import handover
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import as_json, from_json
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    UNIT_DIRECTORY,
    Action,
    ContainerFact,
    Desired,
    Facts,
    Manifest,
    OwnedContainer,
    OwnedDirectory,
    OwnedFile,
    OwnedUnit,
    PathFact,
    UnitFact,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import parents

Json = dict[str, Any]
STACK = "overcloud"
HOST = "node1"
STEPS = range(6)
DEFAULTS: dict[str, Json] = {
    "files": {"owner": "0", "group": "0", "mode": "0644"},
    "directories": {"owner": "0", "group": "0", "mode": "0755"},
    "units": {},
    "containers": {"kind": "service", "image": "img:1", "files": [], "order": 0},
}


def whole(steps: Mapping[str, Json]) -> Json:
    """A host's steps with what every entry must have filled in."""
    result: Json = {}
    for number, part in steps.items():
        result[number] = {key: value for key, value in part.items() if key not in DEFAULTS}
        for section, defaults in DEFAULTS.items():
            if section in part:
                result[number][section] = {name: _whole(raw, defaults) for name, raw in part[section].items()}
    return result


def _whole(raw: Json, defaults: Json) -> Json:
    given = {key: value for key, value in raw.items() if key != "service"}
    return {
        **defaults,
        **given,
        "origin": {"service": raw.get("service", "svc"), "template": "t.yaml", "path": []},
    }


def request(
    steps: Mapping[str, Json], task: Json, secrets: Mapping[str, str] | None = None, *, check: bool = False
) -> Request:
    """What the module is asked for by a task, through the control side."""
    task = {"stack": STACK, **task}
    document: Json = {"version": 1, "stack": task["stack"], "hosts": {HOST: {"steps": steps}}}
    everything_goes = task.get("purge") and not task.get("finish")
    return parse(handover(task, HOST, None if everything_goes else document, secrets or {}), check=check)


def deployed(steps: Mapping[str, Json], secrets: Mapping[str, str] | None = None) -> Facts:
    """The node as a faultless deployment of these steps leaves it."""
    facts = Facts(Manifest(STACK))
    for step in STEPS:
        desired = request(steps, {"step": step}, secrets).desired
        paths, manifest = dict(facts.paths), facts.manifest
        for path in (*desired.files, *desired.directories):
            for parent in parents(path):
                paths.setdefault(parent, PathFact("directory", mode=0o755))
                if parent not in desired.directories and parent not in manifest.directories:
                    manifest = manifest.with_entry("directories", parent, OwnedDirectory(""))
        for path, directory in desired.directories.items():
            paths[path] = PathFact("directory", directory.owner, directory.group, directory.mode)
            manifest = manifest.with_entry("directories", path, OwnedDirectory(directory.service))
        for path, file in desired.files.items():
            paths[path] = PathFact("file", file.owner, file.group, file.mode, file.sha256, "first")
            text = file.text if file.secret else None
            manifest = manifest.with_entry(
                "files", path, OwnedFile(file.service, file.sha256, file.secret, text)
            )
        units, containers, images = dict(facts.units), dict(facts.containers), dict(facts.images)
        for name, unit in desired.units.items():
            active = unit.state in ("started", "restarted")
            units[name] = UnitFact("loaded", active, "enabled" if unit.enabled else "disabled")
            enabled = False if unit.file or unit.enabled is not None else None
            running = False if unit.file or unit.state is not None else None
            owned_unit = OwnedUnit(unit.service, unit.digest, enabled, running)
            manifest = manifest.with_entry("units", name, owned_unit)
        for name, entry in desired.containers.items():
            once = entry.kind == "once"
            images[entry.image] = f"id of {entry.image}"
            containers[name] = ContainerFact(
                state="exited" if once else "running",
                labels={"undercloud.stack": STACK, "undercloud.hash": entry.hash},
                image=entry.image,
                image_id=images[entry.image],
                health="healthy" if "healthcheck" in entry.spec else "",
            )
            owned = OwnedContainer(
                entry.service,
                entry.kind,
                entry.hash,
                entry.image,
                images[entry.image],
                "done" if once else "healthy",
                {path: (content, "first") for path, content in entry.files.items()},
                tuple(sorted(volume for volume in entry.volumes if "/" not in volume)),
                entry.text,
            )
            manifest = manifest.with_entry("containers", name, owned)
        facts = Facts(manifest, paths, containers, units, images)
    return facts


def node(raw: Json, secrets: Mapping[str, str], wanted: Desired) -> Facts:
    """The facts that a case describes: what was ``deployed``, and how the node differs from that.

    A container's hash ``@NAME`` is the one that the desired container NAME has.
    """
    facts = deployed(whole(raw.get("deployed") or {}), secrets)
    manifest = as_json(facts.manifest)
    for section, changes in (raw.get("manifest") or {}).items():
        if isinstance(changes, dict):
            manifest[section] = _changed(manifest[section], changes, {})
        else:
            manifest[section] = changes
    return Facts(
        from_json(manifest),
        {path: _path_fact(entry) for path, entry in _merged(facts.paths, raw, "paths").items()},
        {
            name: _container_fact(entry, wanted)
            for name, entry in _merged(facts.containers, raw, "containers").items()
        },
        {name: UnitFact(**entry) for name, entry in _merged(facts.units, raw, "units").items()},
        _changed(dict(facts.images), raw.get("images") or {}, ""),
    )


def _merged(there: Mapping[str, Any], raw: Json, section: str) -> Json:
    return _changed(
        {name: dataclasses.asdict(fact) for name, fact in there.items()}, raw.get(section) or {}, {}
    )


def _changed(there: Json, changes: Json, empty: Any) -> Json:
    """A map with some entries taken away (null), replaced, or changed in some keys."""
    result = dict(there)
    for name, change in changes.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            result[name] = {**result.get(name, empty), **change}
        else:
            result[name] = change
    return result


def _path_fact(raw: Json) -> PathFact:
    entry = {"kind": "file", **raw}
    if "content" in entry:
        entry["sha256"] = sha256(entry.pop("content"))
    if isinstance(entry.get("mode"), str):
        entry["mode"] = int(entry["mode"], 8)
    entries = entry.get("entries")
    return PathFact(**{**entry, "entries": None if entries is None else tuple(entries)})


def _container_fact(raw: Json, wanted: Desired) -> ContainerFact:
    entry = {"state": "running", "labels": {"undercloud.stack": STACK}, **raw}
    if "stack" in entry:
        entry["labels"] = {**entry["labels"], "undercloud.stack": entry.pop("stack")}
    if "hash" in entry:
        given = entry.pop("hash")
        given = wanted.containers[given[1:]].hash if given.startswith("@") else given
        entry["labels"] = {**entry["labels"], "undercloud.hash": given}
    return ContainerFact(**entry)


def told(action: Action) -> str:
    """An action in one line: ``KIND VERB NAME: REASON``, in braces where it changes nothing."""
    marks = "".join(
        f" +{mark}" for mark in ("resume", "wait", "rollback", "recursive") if getattr(action, mark)
    )
    text = " ".join(part for part in (action.kind, action.verb, action.name) if part) + marks
    text += f": {action.reason}" if action.reason else ""
    return text if action.changes else f"({text})"


__all__ = ["HOST", "STACK", "STEPS", "UNIT_DIRECTORY", "deployed", "node", "request", "told", "whole"]
