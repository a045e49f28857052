"""From the JSON that the action plugin hands over to the planner's terms: pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, secrets
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    PREVIOUS,
    UNIT_DIRECTORY,
    ContainerEntry,
    Desired,
    DirectoryEntry,
    FileEntry,
    Kept,
    UnitEntry,
)

CONFIG_DATA = "/var/lib/config-data/"
NOT_IN_HASH = ("origin", "order", "rerun", "timeout", "secrets")


@dataclasses.dataclass(frozen=True)
class Validation:
    """A command that must succeed: in a container, or on the host without one. ``delay`` in seconds.

    One with a ``group`` is no part of a deployment; ``code`` and ``fix`` are what is told where it fails.
    """

    name: str
    command: tuple[str, ...] = dataclasses.field(repr=False)
    container: str = ""
    retries: int = 5
    delay: float = 2.0
    group: str = ""
    code: str = ""
    fix: str = ""


@dataclasses.dataclass(frozen=True)
class Request:
    """A call of the module: what shall be, the files' real content by path, and the checks at the end."""

    desired: Desired
    contents: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    validations: tuple[Validation, ...] = ()


def parse(params: Mapping[str, Any], *, check: bool = False) -> Request:
    """The module's parameters as a request.

    Raises NodeError for a secret that is not known (NODE-013) and an entry that cannot be (NODE-016).
    """
    state, values = params.get("desired") or {}, params.get("secrets") or {}
    try:
        return _parse(params, state, values, check)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise errors.NodeError.of(
            errors.ENTRY, f"the desired state cannot be read: {error!r}", "Compile the plan again."
        ) from error


def _parse(
    params: Mapping[str, Any], state: Mapping[str, Any], values: Mapping[str, str], check: bool
) -> Request:
    keep = kept(params.get("keep") or {}, int(params.get("step") or 0))
    contents: dict[str, str] = {}
    files: dict[str, FileEntry] = {}
    for path, raw in _with_unit_files(state).items():
        contents[path] = secrets.reveal(raw["content"], values)
        files[path] = _file(raw, sha256(contents[path]))
    sums = {path: entry.sha256 for path, entry in (*keep.earlier_files.items(), *files.items())}
    known = {**keep.earlier_files, **files}
    desired = Desired(
        stack=str(params["stack"]),
        step=int(params.get("step") or 0),
        fence=int(params.get("fence") or 0),
        finish=bool(params.get("finish")),
        purge=bool(params.get("purge")),
        purge_images=bool(params.get("purge_images")),
        check=check,
        files=files,
        directories={path: _directory(raw) for path, raw in (state.get("directories") or {}).items()},
        units={name: _unit(name, raw, known) for name, raw in (state.get("units") or {}).items()},
        containers={
            name: _container(name, raw, values, sums) for name, raw in (state.get("containers") or {}).items()
        },
        keep=keep,
    )
    raws = [raw for raw in state.get("validations") or () if not raw.get("group")]
    checks = tuple(validation(raw, values) for raw in raws)
    return Request(desired, contents, checks)


def keep_of(steps: Mapping[str, Mapping[str, Any]], step: int, values: Mapping[str, str]) -> dict[str, Any]:
    """What the node must know of other steps: every name, what earlier ones leave, the next one's images.

    ``steps`` is a host's part of the desired state. The result is JSON; ``kept`` reads it.
    """
    result: dict[str, Any] = {"files": {}, "directories": {}, "units": {}, "containers": {}, "images": []}
    result["next_images"] = {}
    for number in sorted(steps, key=int):
        part, earlier = steps[number], int(number) < step
        for path, raw in _with_unit_files(part).items():
            entry: dict[str, Any] = {"step": int(number)}
            if earlier:
                content = sha256(secrets.reveal(raw["content"], values))
                entry.update({key: raw[key] for key in ("owner", "group", "mode")}, sha256=content)
                entry["origin"] = {"service": _service(raw)}
            result["files"][path] = entry
        for path, raw in (part.get("directories") or {}).items():
            attributes = {key: raw[key] for key in ("owner", "group", "mode")} if earlier else {}
            result["directories"][path] = {"step": int(number), **attributes}
        for kind in ("units", "containers"):
            result[kind].update(dict.fromkeys(part.get(kind) or {}, int(number)))
        containers = part.get("containers") or {}
        if earlier:
            result["images"] += [raw["image"] for raw in containers.values()]
        elif int(number) > step and not result["next_images"]:
            result["next_images"] = {
                name: {"image": raw["image"], "service": _service(raw)} for name, raw in containers.items()
            }
    result["images"] = sorted(set(result["images"]))
    return result


def kept(raw: Mapping[str, Any], step: int) -> Kept:
    """What ``keep_of`` made, in the planner's terms."""
    files, directories = raw.get("files") or {}, raw.get("directories") or {}
    return Kept(
        files={path: int(entry["step"]) for path, entry in files.items()},
        directories={path: int(entry["step"]) for path, entry in directories.items()},
        units=dict(raw.get("units") or {}),
        containers=dict(raw.get("containers") or {}),
        earlier_files={
            path: _file(entry, entry["sha256"]) for path, entry in files.items() if int(entry["step"]) < step
        },
        earlier_directories={
            path: _directory(entry) for path, entry in directories.items() if int(entry["step"]) < step
        },
        earlier_images=frozenset(raw.get("images") or ()),
        next_images={
            name: (str(entry["image"]), str(entry["service"]))
            for name, entry in (raw.get("next_images") or {}).items()
        },
    )


def sha256(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def container_hash(spec: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """The hash that a container carries: over its entry with real values and the files that it reads.

    What does not matter to a running container (origin, order, when it runs again, timeout) is left out.
    """
    relevant = {key: value for key, value in spec.items() if key not in NOT_IN_HASH}
    return sha256(json.dumps([relevant, dict(files)], sort_keys=True, separators=(",", ":")))


def _with_unit_files(state: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The files of a step, with the content of units among them."""
    files = dict(state.get("files") or {})
    for name, raw in (state.get("units") or {}).items():
        if raw.get("content") is not None:
            attributes = {"owner": "0", "group": "0", "mode": "0644"}
            files[f"{UNIT_DIRECTORY}/{name}"] = {
                **attributes,
                "content": raw["content"],
                "origin": raw.get("origin"),
            }
    return files


def _service(raw: Mapping[str, Any]) -> str:
    return str((raw.get("origin") or {}).get("service") or "")


def _file(raw: Mapping[str, Any], content: str) -> FileEntry:
    text = str(raw.get("content") or "")
    attributes = (int(raw["owner"]), int(raw["group"]), int(str(raw["mode"]), 8))
    return FileEntry(_service(raw), content, *attributes, text, bool(secrets.names_in(text)))


def _directory(raw: Mapping[str, Any]) -> DirectoryEntry:
    return DirectoryEntry(_service(raw), int(raw["owner"]), int(raw["group"]), int(str(raw["mode"]), 8))


def _unit(name: str, raw: Mapping[str, Any], files: Mapping[str, FileEntry]) -> UnitEntry:
    """A restart is due when the unit's file changed; with ``restarted`` for any of its service's files."""
    own = f"{UNIT_DIRECTORY}/{name}" if raw.get("content") is not None else ""
    covered = {own} if own else set()
    if raw.get("state") == "restarted":
        covered |= {
            path
            for path, entry in files.items()
            if entry.service == _service(raw) and not path.startswith((CONFIG_DATA, UNIT_DIRECTORY))
        }
    content = {path: files[path].sha256 for path in covered}
    digest = sha256(json.dumps(content, sort_keys=True)) if own or raw.get("state") == "restarted" else ""
    return UnitEntry(_service(raw), raw.get("enabled"), raw.get("state"), own, digest)


def _container(
    name: str, raw: Mapping[str, Any], values: Mapping[str, str], sums: Mapping[str, str]
) -> ContainerEntry:
    if name.endswith(PREVIOUS):
        raise errors.NodeError.of(
            errors.ENTRY,
            f"a container cannot be called '{name}': while one is replaced, the old one is called that",
            "Give it another name.",
            container=name,
        )
    spec = secrets.reveal(
        {key: value for key, value in raw.items() if key not in ("origin", "secrets")}, values
    )
    missing = sorted(set(raw.get("files") or ()) - set(sums))
    if missing:
        raise errors.NodeError.of(
            errors.ENTRY,
            f"container '{name}' reads {', '.join(missing)}, which no step up to its own writes",
            "Compile the plan again; a file is written in the step of the first container that reads it.",
            container=name,
        )
    files = {path: sums[path] for path in raw.get("files") or ()}
    masked = {key: value for key, value in raw.items() if key not in NOT_IN_HASH}
    return ContainerEntry(
        service=_service(raw),
        kind=str(raw.get("kind") or "service"),
        image=str(raw["image"]),
        hash=container_hash(spec, files),
        spec=spec,
        text=json.dumps(masked, indent=1, sort_keys=True),
        rerun=str(raw.get("rerun") or "config"),
        order=int(raw.get("order") or 0),
        files=files,
        secret_variables=frozenset(
            key for key, value in (raw.get("environment") or {}).items() if secrets.names_in(value)
        ),
    )


def validation(raw: Mapping[str, Any], values: Mapping[str, str]) -> Validation:
    """A check of a step, with the secrets of its command. Raises NodeError NODE-013."""
    retries, delay = raw.get("retries"), raw.get("delay")
    return Validation(
        str(raw["name"]),
        tuple(secrets.reveal(list(raw["command"]), values)),
        str(raw.get("container") or ""),
        5 if retries is None else int(retries),
        2.0 if delay is None else float(delay),
        *(str(raw.get(key) or "") for key in ("group", "code", "fix")),
    )
