"""Putting an entry into the operator's clouds.yaml or underclouds.yaml, or taking it out; the rest stays.

``top`` is the key that the entries stand under.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from undercloud.cli import files
from undercloud.diagnostics import Location, UndercloudError

CLOUDS = "clouds"


def put(path: Path, name: str, entry: Mapping[str, Any], top: str = CLOUDS) -> bool:
    """Make ``path`` say ``TOP: {name: entry}`` beside the clouds it has; whether it had to be written.

    Comments and order are kept where the file is written as clouds.yaml usually is (block style); other
    clouds are kept in any case. Raises UndercloudError (CLI-020) for a file that is not a clouds.yaml, which
    then stays as it is.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before = _load(text, path, top)
    clouds = before.get(top) or {}
    if clouds.get(name) == entry:
        return False
    _rewrite(path, {**before, top: {**clouds, name: dict(entry)}}, _spliced(text, name, entry, top))
    return True


def drop(path: Path, name: str, entry: Mapping[str, Any], top: str = CLOUDS) -> bool:
    """Take a cloud out that says ``entry``; False where it is not there, or is somebody else's.

    Raises as ``put`` does.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before = _load(text, path, top)
    clouds = before.get(top) or {}
    if clouds.get(name) != entry:
        return False
    others = {key: value for key, value in clouds.items() if key != name}
    _rewrite(path, {**before, top: others}, _spliced(text, name, None, top))
    return True


def is_empty(path: Path, top: str = CLOUDS) -> bool:
    """Whether the file holds no entry, and nothing else."""
    content = _load(path.read_text(encoding="utf-8"), path, top)
    return not any(content.values())


def _rewrite(path: Path, after: Mapping[str, Any], spliced: str | None) -> None:
    """Write the spliced text if it says what is wanted, else the plain YAML of that."""
    if spliced is None or not _says(spliced, after):
        spliced = yaml.safe_dump(dict(after), sort_keys=False)
    files.write(path, spliced)


def _says(text: str, value: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml.safe_load(text) == value)
    except yaml.YAMLError:  # an anchor stood in the lines that were replaced
        return False


def _load(text: str, path: Path, top: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = Location(str(path), mark.line + 1, mark.column + 1) if mark else Location(str(path))
        raise _not_clouds(place, top) from problem
    if value is None:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get(top) or {}, dict):
        raise _not_clouds(Location(str(path)), top)
    return value


def _not_clouds(place: Location, top: str) -> UndercloudError:
    return UndercloudError.of(
        "CLI-020",
        f"this is not a {top}.yaml, so it was left as it is",
        fix="mend or move the file; for a cloud that stands: openstack overcloud credentials",
        location=place,
    )


def _spliced(text: str, name: str, entry: Mapping[str, Any] | None, top: str) -> str | None:
    """The text with only the cloud's own lines changed (taken out without an entry); None where its style
    does not allow that.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    clouds = next((value for key, value in _items(root) if key.value == top), None)
    if not isinstance(clouds, yaml.MappingNode) or clouds.flow_style or not clouds.value:
        return None
    indent = clouds.start_mark.column
    body = yaml.safe_dump({name: dict(entry)}, sort_keys=False) if entry is not None else ""
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    old = next(((key, value) for key, value in _items(clouds) if key.value == name), None)
    begin = old[0].start_mark.line if old else _last_line(clouds) + 1
    end = _last_line(old[1]) + 1 if old else begin
    return "".join([*lines[:begin], textwrap.indent(body, " " * indent), *lines[end:]])


def _items(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _last_line(node: yaml.Node) -> int:
    """The line of the last thing in a node; a block's own end mark lies behind the comments after it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end: yaml.Mark = node.end_mark
    return end.line if end.column else max(node.start_mark.line, end.line - 1)
