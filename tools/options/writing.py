"""The files of definitions: JSON with one option a line, so that a new version can be read as a diff."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.options.puppet import Module

Groups = dict[str, dict[str, Any]]
_DEEPEST = 4


def service(
    path: Path,
    wanted: Mapping[str, Any],
    read: Mapping[str, Any],
    versions: Mapping[str, str],
    shared: set[str],
) -> None:
    """One service: its packages with their versions, its files, its own namespaces."""
    known = read["namespaces"]
    own = {name: _groups(each) for name, each in read["namespaces"].items() if name not in shared}
    content = {
        "packages": versions,
        "files": {file: [name for name in names if name in known] for file, names in read["files"].items()},
        "chosen": wanted.get("chosen", []),
        "foreign": wanted.get("foreign", []),
        "namespaces": own,
    }
    _write(path, content)


def common(path: Path, reads: Iterable[Mapping[str, Any]], shared: set[str]) -> None:
    """The namespaces of libraries, and the options of every way to log in to Keystone."""
    namespaces: dict[str, Groups] = {}
    versions: dict[str, str] = {}
    auth: dict[str, Any] = {}
    for read in reads:
        auth = {name: _compact(option) for name, option in sorted(read["auth"].items())}
        for name, each in read["namespaces"].items():
            if name in shared:
                namespaces[name] = _groups(each)
                versions[name] = each["version"]
    content = {
        "versions": dict(sorted(versions.items())),
        "auth": auth,
        "namespaces": dict(sorted(namespaces.items())),
    }
    _write(path, content)


def module(path: Path, service_name: str, parsed: Module, version: Mapping[str, str]) -> None:
    """One Puppet module: which files it writes, and what its classes' parameters set."""
    classes = {
        name: {
            parameter: ["/".join(target).removeprefix(f"{path.stem}_config/") for target in targets]
            for parameter, targets in parameters.items()
        }
        for name, parameters in sorted(parsed.classes.items())
    }
    content = {
        "service": service_name,
        "packages": version,
        "files": parsed.files,
        "configs": parsed.configs,
        "defines": parsed.defines,
        "classes": classes,
    }
    _write(path, content)


def index(path: Path, data: Path) -> None:
    """Which file of a node is whose: directory of the files → service, Puppet module → service."""
    directories: dict[str, str] = {}
    modules: dict[str, str] = {}
    for each in sorted(data.glob("*.json")):
        for file in json.loads(each.read_text("utf-8")).get("files", {}):
            directories["/".join(file.split("/")[:3])] = each.stem
    for each in sorted((data / "puppet").glob("*.json")):
        modules[each.stem] = json.loads(each.read_text("utf-8"))["service"]
    _write(path, {"directories": directories, "modules": modules})


def _groups(read: Mapping[str, Any]) -> Groups:
    """Group → option → definition."""
    found: Groups = {}
    for name, options in read["groups"]:
        group = found.setdefault(name, {})
        for option, definition in options.items():
            group[option] = _compact(definition)
    return {name: dict(sorted(group.items())) for name, group in sorted(found.items()) if group}


def _compact(definition: Mapping[str, Any]) -> Any:
    """A definition with nothing but a type is the type's name."""
    return definition["type"] if set(definition) == {"type"} else dict(sorted(definition.items()))


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(_text(content, 0) + "\n", encoding="utf-8")
    fresh.replace(path)


def _text(value: Any, depth: int) -> str:
    """JSON with a line for each key of the outer four levels of maps; what is further inside stays on one."""
    if not isinstance(value, Mapping) or not value or depth == _DEEPEST:
        return json.dumps(value, ensure_ascii=False)
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(key)}: {_text(item, depth + 1)}" for key, item in value.items())
        + "}"
    )
