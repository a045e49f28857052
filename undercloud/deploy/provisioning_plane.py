"""The control plane of plans whose nodes are installed by us, where the plan itself says nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from undercloud.conf.baremetal import Baremetal
from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan import documents
from undercloud.plan.files import read_file
from undercloud.topology.deployment import read_deployment


def plane_parameters(area: Baremetal, deployment_file: str) -> dict[str, Any]:
    """``CtlplaneNetworkAttributes`` with the range that is kept for nodes; any file of the plan overrides it.

    Nothing without such a range, or for a plan whose nodes are there already: those are where they are.
    """
    if len(area.node_iprange) != 2 or not _wants_machines(deployment_file):
        return {}
    first, last = area.node_iprange
    subnet: Mapping[str, Any] = {
        "cidr": area.cidr,
        "gateway_ip": area.gateway,
        "allocation_pools": [{"start": first, "end": last}],
    }
    return {"CtlplaneNetworkAttributes": {"subnets": {"ctlplane-subnet": subnet}}}


def _wants_machines(file: str) -> bool:
    """Whether a deployment file has nodes to be installed; what is wrong with it, compiling tells."""
    try:
        document = documents.parse(read_file(file), file) if file and Path(file).is_file() else None
    except UndercloudError:
        return False
    roles = read_deployment(document, Report()).roles.values() if document else ()
    return any(
        (role.count > len(role.instances) and role.defaults.managed)
        or any(one.managed and one.provisioned for one in role.instances)
        for role in roles
    )
