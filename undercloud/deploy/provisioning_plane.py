"""The control plane as the undercloud knows it: the range for nodes, and addresses that are no node's."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from undercloud.conf import Settings
from undercloud.conf.baremetal import Baremetal
from undercloud.deploy import ironic_access
from undercloud.deploy.compiling import Reserved
from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan import documents
from undercloud.plan.bundle import Bundle
from undercloud.topology.deployment import read_deployment
from undercloud.topology.model import CTLPLANE

_LARGEST = 65536  # addresses of ramdisks, which are held one by one; an IPv6 network has any number


def plane_parameters(settings: Settings, bundle: Bundle) -> dict[str, Any]:
    """``CtlplaneNetworkAttributes`` with the range that is kept for nodes; any file of the plan overrides it.

    Nothing without Ironic or such a range, or for a plan whose nodes are there already: those are where they
    are.
    """
    area = settings.baremetal
    if len(area.node_iprange) != 2 or not ironic_access.is_known(settings) or not _wants_machines(bundle):
        return {}
    first, last = area.node_iprange
    subnet: Mapping[str, Any] = {
        "cidr": area.cidr,
        "gateway_ip": area.gateway,
        "allocation_pools": [{"start": first, "end": last}],
    }
    return {"CtlplaneNetworkAttributes": {"subnets": {"ctlplane-subnet": subnet}}}


def own_addresses(area: Baremetal) -> Reserved:
    """What no stack gets on the control plane: the undercloud's own addresses, and those of ramdisks.

    Raises as :func:`ramdisk_range`.
    """
    held = dict.fromkeys(area.undercloud_addresses, "the undercloud")
    held.update(dict.fromkeys(ramdisk_range(area), "the ramdisks of machines"))
    return {CTLPLANE: held} if held else {}


def ramdisk_range(area: Baremetal) -> tuple[str, ...]:
    """All addresses of ``inspection_iprange``, in their order; none where it is empty.

    Raises BM-122 where it is no range, not in ``cidr``, or larger than any control plane needs.
    """
    if not area.inspection_iprange:
        return ()
    try:
        if len(area.inspection_iprange) != 2:
            raise ValueError(f"{','.join(area.inspection_iprange)} is not FIRST,LAST")
        first, last = map(ipaddress.ip_address, area.inspection_iprange)
        network = ipaddress.ip_network(area.cidr, strict=False)
        if first not in network or last not in network:
            raise ValueError(f"{first} to {last} is not in {network}")
        size = int(last) - int(first) + 1
        if not 0 < size <= _LARGEST:
            raise ValueError(f"{first} to {last} has {max(size, 0)} addresses, not 1 to {_LARGEST}")
    except ValueError as error:
        raise UndercloudError.of(
            "BM-122",
            f"[baremetal] inspection_iprange cannot be used: {error}",
            fix="Write inspection_iprange = 192.168.24.100,192.168.24.120, out of cidr.",
        ) from None
    return tuple(str(first + number) for number in range(size))


def _wants_machines(bundle: Bundle) -> bool:
    """Whether the deployment file has nodes to be installed; what is wrong with it, compiling tells."""
    file = bundle.named.get("baremetal", "")
    if file not in bundle.files:
        return False
    try:
        document = documents.parse(bundle.files[file], file)
    except UndercloudError:
        return False
    roles = read_deployment(document, Report()).roles.values()
    return any(
        (role.count > len(role.instances) and role.defaults.managed)
        or any(one.managed and one.provisioned for one in role.instances)
        for role in roles
    )
