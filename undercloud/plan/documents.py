"""YAML texts as values with positions.

Values are constructed as Heat constructs them (YAML 1.1 by PyYAML's safe rules, but timestamps stay strings).
The composed nodes, which carry the positions, are several times as large as the value and slow the garbage
collector, so they are made again when a position is asked for, which is only to report something.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from yaml.nodes import Node

from undercloud.diagnostics import Finding, Location, Severity, UndercloudError
from undercloud.plan.collecting import uncollected
from undercloud.plan.nodes import Constructor, child, compose

_LARGE = 1024 * 1024

Origin = Callable[[int], Location | None]
"""From a line of the text (from 1) to the place it was rendered from."""


class Document:
    """One parsed YAML text.

    ``value`` is plain data and shared by everyone who parses the same text: never change it.
    ``findings`` are the warnings of the parse.
    """

    __slots__ = ("_origin", "_root", "file", "findings", "text", "value")

    def __init__(
        self,
        file: str,
        text: str,
        value: Any,
        findings: tuple[Finding, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        self.file = file
        self.text = text
        self.value = value
        self.findings = findings
        self._origin = origin
        self._root: Node | None = None

    def with_origin(self, origin: Origin) -> Document:
        """The same document, whose locations name the template that it was rendered from."""
        return Document(self.file, self.text, self.value, self.findings, origin)

    def locate(self, *path: str | int | float | None) -> Location:
        """Where the key or item that ``path`` leads to stands; as far as the path can be followed."""
        if self._root is None:
            with uncollected():
                self._root = compose(self.text, self.file)
        node, mark = self._root, None
        for step in path:
            found = child(node, step)
            if found is None:
                break
            mark, node = found
        if mark is None:
            mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return mapped(Location(self.file, line, column), self._origin)


def mapped(location: Location, origin: Origin | None) -> Location:
    """The place in the template that a place of a rendered text came from, if that is known."""
    return (origin(location.line) if origin and location.line else None) or location


def parse(text: str | bytes, file: str, *, duplicate_keys: Severity = Severity.ERROR) -> Document:
    """Parse one YAML text (UTF-8 if it is bytes); the same text and file give the same document again.

    Raises UndercloudError: PLAN-001 no valid YAML, PLAN-002 a key twice in a map (all of them; a finding of
    the document if ``duplicate_keys`` is less than an error), PLAN-003 a limit on size, depth or aliases,
    PLAN-004 undecodable bytes, PLAN-005 a tag or value that YAML's safe rules do not know, PLAN-006 a tab.
    """
    if isinstance(text, bytes):
        text = decode(text, file)
    kept = _parse if len(text) < _LARGE else _parse_large
    return kept(text, file, duplicate_keys)


def decode(data: bytes, file: str) -> str:
    """Bytes as UTF-8 text without its byte order mark; raises UndercloudError PLAN-004 with the position."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise UndercloudError.of(
            "PLAN-004",
            f"byte 0x{data[error.start]:02x} is not valid UTF-8 ({error.reason})",
            fix="Save the file as UTF-8 text.",
            location=Location(file, before.count(b"\n") + 1, column),
        ) from None


def _parse_now(text: str, file: str, duplicate_keys: Severity) -> Document:
    with uncollected():
        root = compose(text, file)
        if root is None:
            return Document(file, text, None)
        constructor = Constructor(file, duplicate_keys)
        value = constructor.construct(root)
        del root
    findings = tuple(constructor.findings)
    errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
    if errors:
        raise UndercloudError(*errors)
    return Document(file, text, value, findings)


# Templates are parsed again and again, large files (the nodes of a large cloud) in a few versions only.
_parse = functools.lru_cache(maxsize=4096)(_parse_now)
_parse_large = functools.lru_cache(maxsize=4)(_parse_now)
