"""What a node will have to speak to registries with, out of its desired state: pure.

The files are podman's own (containers-auth.json(5), containers-certs.d(5), containers-registries.conf(5));
before the first deployment they are not on the node yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import secrets

AUTHFILE = "/etc/undercloud/registry-auth.json"
REGISTRIES = "/etc/containers/registries.conf.d/"
_AUTHORITY = re.compile(r"^/etc/containers/certs\.d/([^/]+)/[^/]+\.crt$")
_INSECURE = re.compile(r'location\s*=\s*"([^"]+)"\s*\ninsecure\s*=\s*true')


def access_of(document: Mapping[str, Any], host: str, values: Mapping[str, str]) -> dict[str, Any]:
    """``auth``, ``certificates`` and ``insecure`` as checks_registry takes them. Raises NodeError."""
    steps = ((document.get("hosts") or {}).get(host) or {}).get("steps") or {}
    found: dict[str, Any] = {"auth": "", "certificates": {}, "insecure": []}
    for step in steps.values():
        for path, entry in (step.get("files") or {}).items():
            authority = _AUTHORITY.match(path)
            if path == AUTHFILE:
                found["auth"] = secrets.reveal(entry["content"], values)
            elif authority:
                found["certificates"][authority[1]] = secrets.reveal(entry["content"], values)
            elif path.startswith(REGISTRIES):
                found["insecure"] += _INSECURE.findall(entry["content"])
    return found
