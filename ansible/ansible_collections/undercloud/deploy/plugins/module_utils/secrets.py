"""Secret values: put in where ``<<secret:NAME>>`` stands, and taken out of whatever is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors

REFERENCE = re.compile(r"<<secret:([^<>\s]+)>>")
SHORTEST_MASKED = 4
SHORTEST_LINE = 12


def names_in(value: Any) -> set[str]:
    """The names of all secrets that a text, list or map refers to."""
    if isinstance(value, str):
        return set(REFERENCE.findall(value)) if "<<" in value else set()
    if isinstance(value, Mapping):
        return {name for item in value.values() for name in names_in(item)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in names_in(item)}
    return set()


def reveal(value: Any, secrets: Mapping[str, str]) -> Any:
    """The text, list or map with the secrets' values in it.

    Raises NodeError (NODE-013) naming every reference that is not known.
    """
    unknown = sorted(names_in(value) - set(secrets))
    if unknown:
        raise errors.NodeError.of(
            errors.SECRET,
            "unknown secrets are referred to: " + ", ".join(unknown),
            "Compile the plan again, and hand over the secrets file that belongs to it.",
        )
    return _reveal(value, secrets)


def _reveal(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: secrets[match.group(1)], value) if "<<" in value else value
    if isinstance(value, Mapping):
        return {key: _reveal(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_reveal(item, secrets) for item in value]
    return value


def _lines(value: str) -> list[str]:
    """The lines of a secret of several lines (a key, say) that give it away on their own."""
    lines = value.splitlines()
    return [line for line in lines if len(line) >= SHORTEST_LINE and "--" not in line] if lines[1:] else []


class Mask:
    """Puts references back where values of secrets stand; but for values too short to be told from chance."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = {line: name for name, value in secrets.items() for line in _lines(value)}
        self._names.update({value: name for name, value in secrets.items() if len(value) >= SHORTEST_MASKED})
        longest_first = sorted(self._names, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if self._values is None:
            return text
        return self._values.sub(lambda match: f"<<secret:{self._names[match.group()]}>>", text)
