"""``cloud.endpoint_map``: where services are reached, in the form and by the names of TripleO's EndpointMap.

Unlike ``cloud.endpoints`` it may hold endpoints of another stack, which a plan gets as EndpointMapOverride.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from undercloud.playbooks.scope import Scope

OUTPUT = "EndpointMapOverride"
"""The output of our root template with the endpoints that an operator gives a plan."""


def endpoint_map(endpoints: Mapping[str, Scope], override: object) -> Scope:
    """Our own endpoints (of ``cloud.endpoints``) under what an operator gives; theirs win.

    ``KeystonePublic`` → ``{protocol, host, host_nobrackets, port, uri, uri_no_suffix, uri_suffix}``, all
    text; ``Public`` is there where clients reach the endpoint, ``Internal`` and ``Admin`` always.
    """
    given = override if isinstance(override, Mapping) else {}
    return {**{key: entry for name in endpoints for key, entry in _entries(name, endpoints[name])}, **given}


def _entries(name: str, endpoint: Scope) -> Iterator[tuple[str, Scope]]:
    title = "".join(word.capitalize() for word in name.replace("-", "_").split("_"))
    for kind, url in endpoint["url"].items():
        if endpoint["public"] or kind != "public":
            yield f"{title}{kind.capitalize()}", _entry(url)


def _entry(url: str) -> Scope:
    parts = urlsplit(url)
    host = parts.hostname or ""
    entry: dict[str, Any] = {
        "protocol": parts.scheme,
        "host": f"[{host}]" if ":" in host else host,
        "host_nobrackets": host,
        "port": str(parts.port),
        "uri": url,
        "uri_no_suffix": f"{parts.scheme}://{parts.netloc}",
    }
    return {**entry, "uri_suffix": parts.path} if parts.path else entry
