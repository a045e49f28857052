"""What is sent along with a request: the operator's files as a plan's version, the way into nodes."""

from __future__ import annotations

import tempfile
from typing import Any
from urllib.parse import quote

from undercloud.client.http import Http
from undercloud.client.refusals import not_over_there
from undercloud.deploy.plan_source import plan_source
from undercloud.deploy.requests import DeployRequest, SshAccess
from undercloud.plan import archive
from undercloud.plan.bundle import Bundle, read


def keep_plan(http: Http, bundle: Bundle) -> int:
    """Send a plan's files; the number of the version they are."""
    with tempfile.TemporaryFile() as stream:
        archive.pack(bundle, stream)
        stream.seek(0)
        path = f"/v1/plans/{quote(bundle.name, safe='')}/versions"
        return int(http.send(path, stream, "application/gzip")["number"])


def version_of(http: Http, request: DeployRequest) -> int:
    """The kept version that is asked for; else the files are sent, and it is the one that they are."""
    return request.version or keep_plan(http, read(plan_source(request)))


def way_in(ssh: SshAccess) -> dict[str, Any]:
    """How the undercloud enters the nodes: with its own key (CLI-045 for one of this machine)."""
    if ssh.private_key or ssh.known_hosts:
        raise not_over_there(
            "a key or known_hosts of this machine", "The undercloud enters nodes with its own."
        )
    return {"ssh_user": ssh.user, "ssh_port": ssh.port}
