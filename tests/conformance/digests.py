"""Results in a form that two runs share, and digests of them: no text of the results is kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "digests"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NESTED = re.compile(r"(?m)^(\s*)(\S*-[a-z0-9]{12})/ID$")
_WHEN = re.compile(r'creation_time: "[^"]*"')
_INVENTORIES = {"tripleo-ansible-inventory.yaml", "inventory/tripleo"}
_ACCESS = {"ansible_ssh_user", "ansible_python_interpreter", "ansible_connection"}
_LISTS = re.compile(r"(pre_network|(pre|post)_deployments)_")


def path(name: str) -> Path:
    """Where a plan's digests are kept."""
    return FOLDER / f"{name}.json"


def save(name: str, found: Mapping[str, Any]) -> None:
    """Keep a plan's digests."""
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    new = path(name).with_suffix(".new")
    new.write_text(text)
    new.rename(path(name))


def load(name: str) -> dict[str, dict[str, str]]:
    """The kept digests: ``outputs`` and ``files``, each name → digest."""
    return json.loads(path(name).read_text())  # type: ignore[no-any-return]


def of_reference(folder: Path) -> dict[str, dict[str, str]]:
    """The digests of what the reference program left in a folder."""
    outputs = json.loads((folder / "stack_outputs.json").read_text())
    root = folder / "config-download"
    texts = {
        str(file.relative_to(root)): file.read_text(errors="replace")
        for file in sorted(root.rglob("*"))
        if file.is_file() and ".git" not in file.relative_to(root).parts
    }
    return of(outputs, texts)


def of(outputs: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The digests of outputs and of a directory's files (relative path → text)."""
    names = server_names(outputs)
    return {
        "outputs": {name: digest(normal_value(value, names)) for name, value in outputs.items()},
        "files": {name: digest(value) for name, value in values(texts, names).items()},
    }


def values(texts: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    """The normalised content of files: parsed where it is YAML, else text."""
    return {name: _file(name, normal_text(text, names)) for name, text in texts.items()}


def server_names(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The servers' identifiers, which are random, and what stands for each: role and index."""
    found = (outputs.get("ServerIdData") or {}).get("server_ids") or {}
    return {
        identifier: f"SERVER-{role}-{index}"
        for role, identifiers in found.items()
        for index, identifier in enumerate(identifiers or ())
        if identifier
    }


def normal_text(text: str, names: Mapping[str, str]) -> str:
    """A text without what is random in each run: identifiers, names of nested stacks, times."""

    def stand_in(match: re.Match[str]) -> str:
        return names.get(match.group(), match.group())

    return _WHEN.sub('creation_time: "TIME"', _UUID.sub(stand_in, text))


def normal_value(value: Any, names: Mapping[str, str]) -> Any:
    """The same for a value."""
    return _mapped(value, lambda text: normal_text(text, names))


def _file(name: str, text: str) -> Any:
    if "/" not in name and name.endswith(".j2"):
        return text
    try:
        value = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError:
        return text
    if name.startswith("host_vars/") and isinstance(value, dict):
        # Upstream sorts deployments by the second of their creation: by chance.
        return {key: sorted(item) if _LISTS.match(key) and item else item for key, item in value.items()}
    if name in _INVENTORIES:
        return _without_access(value)
    if _is_deployment(value):
        return _mapped(value, lambda item: _NESTED.sub(r"\1NESTED/ID", _UUID.sub("ID", item)))
    return value


def _without_access(value: Any) -> Any:
    """An inventory without who Ansible is, which is said from outside."""
    if isinstance(value, dict):
        return {key: _without_access(item) for key, item in value.items() if key not in _ACCESS}
    return value


def _is_deployment(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (only,) = value.values()
    return isinstance(only, dict) and {"creation_time", "deployment_name", "inputs"} <= only.keys()


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_mapped(key, change): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    return value


def digest(value: Any) -> str:
    """Stands for a value: equal values have equal digests; 1, 1.0 and true differ."""
    text = json.dumps(_keyed(value), sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _keyed(value: Any) -> Any:
    """With keys that are no text told apart from those that are."""
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else f"{key!r}": _keyed(item) for key, item in value.items()}
    return [_keyed(item) for item in value] if isinstance(value, list) else value


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterable[str]:
    """The names whose values differ, or that only one side has."""
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in ours:
            yield f"{name} (only Heat has it)"
        elif name not in theirs:
            yield f"{name} (only we have it)"
        elif theirs[name] != ours[name]:
            yield name


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
