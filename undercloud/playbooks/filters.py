"""The filters that late binding adds to Jinja2's own: pure, text in and text out."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote


def ipwrap(address: str) -> str:
    """An address as URLs have it: IPv6 in brackets, all else as it is."""
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address


def b64encode(text: str) -> str:
    """The text's UTF-8 in Base64."""
    return base64.b64encode(str(text).encode()).decode()


def to_json(value: Any) -> str:
    """The value as JSON, keys sorted."""
    return json.dumps(value, sort_keys=True)


def shell_quote(text: object) -> str:
    """One word of a shell's command line; HAProxy's configuration reads words the same way."""
    return shlex.quote(str(text))


def sql_quote(text: object) -> str:
    """A string literal of MariaDB's SQL, with its quotes (in the mode where a backslash escapes)."""
    escaped = str(text).replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def url_quote(text: object) -> str:
    """A part of a URL, such as a password: all but RFC 3986's unreserved characters percent-encoded."""
    return quote(str(text), safe="")


FILTERS: Mapping[str, Callable[..., str]] = {
    "b64encode": b64encode,
    "ipwrap": ipwrap,
    "quote": shell_quote,
    "sql_quote": sql_quote,
    "to_json": to_json,
    "url_quote": url_quote,
}
"""By the names that templates know; ``quote`` is Ansible's name for the same thing."""
