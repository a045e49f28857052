"""The control plane as the undercloud knows it: the range for nodes, and addresses that are no node's."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from undercloud.conf.baremetal import Baremetal
from undercloud.deploy.compiling import Reserved
from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan import documents
from undercloud.plan.files import read_file
from undercloud.topology.deployment import read_deployment
from undercloud.topology.model import CTLPLANE


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


def own_addresses(area: Baremetal) -> Reserved:
    """What no stack gets on the control plane: the undercloud's own addresses, and those of ramdisks."""
    held = dict.fromkeys(area.undercloud_addresses, "the undercloud")
    held.update(dict.fromkeys(_each(area.inspection_iprange), "the ramdisks of machines"))
    return {CTLPLANE: held} if held else {}


def _each(ends: tuple[str, ...]) -> Iterator[str]:
    """All addresses of a range (first, last); none for an empty one."""
    if len(ends) == 2:
        first, last = (ipaddress.ip_address(end) for end in ends)
        yield from (str(type(first)(number)) for number in range(int(first), int(last) + 1))


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
