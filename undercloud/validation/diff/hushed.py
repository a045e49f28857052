"""Secrets in what is compared: a digest stands for each, so that another value is seen and none is shown.

The digests are never printed, and are kept only beside the secrets themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any

from undercloud.plan.secrets import MASK, Secret

_TOKEN = re.compile(r"<<hidden:[0-9a-f]{64}>>")


ANOTHER = " (another secret)"
"""What is said of a secret of another value: both are masked."""


def digest(text: str) -> str:
    """What is kept of a secret: SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(b"undercloud\0" + text.encode("utf-8", "surrogatepass")).hexdigest()


def token(value: Any) -> str:
    """What stands for a secret value where values are compared."""
    return f"<<hidden:{digest(str(value))}>>"


def hushed(value: Any, known: Collection[str] = ()) -> Any:
    """A copy of plain data with a token for each secret text, and for each whose digest is ``known``."""
    if isinstance(value, Secret):
        return token(value.reveal())
    if isinstance(value, str):
        return token(value) if known and digest(value) in known else value
    if isinstance(value, Mapping):
        return {hushed(key): hushed(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hushed(item, known) for item in value]
    return value


def hidden(value: Any) -> Any:
    """The same shape with a token for every text and number: the value of a hidden parameter."""
    if isinstance(value, Mapping):
        return {str(key): hidden(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(item) for item in value]
    return value if value is None or value == "" else token(value)


def digests(*values: Any) -> set[str]:
    """The digest of every secret text in plain data; what stands in several places is looked at once."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if type(value) is Secret:
            found.add(digest(value.reveal()))
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            waiting += value
            if isinstance(value, dict):
                waiting += value.values()
    return found


def tokens(text: str) -> list[str]:
    """The tokens in a text."""
    return _TOKEN.findall(text) if "<<hidden:" in text else []


def shown(value: Any) -> Any:
    """A compared value, fit to print."""
    if isinstance(value, str):
        return _TOKEN.sub(MASK, value) if "<<hidden:" in value else value
    if isinstance(value, Mapping):
        return {shown(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def is_hushed(value: Any) -> bool:
    """Whether there is a token in a value."""
    if isinstance(value, str):
        return "<<hidden:" in value and bool(_TOKEN.search(value))
    if isinstance(value, Mapping):
        return any(is_hushed(key) or is_hushed(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(is_hushed(item) for item in value)
