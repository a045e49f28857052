"""OpenStack's network_data.json for one interface, on a ramdisk's boot medium or a node's config drive.

Format: https://docs.openstack.org/nova/latest/user/metadata.html, as the agent and cloud-init read it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any


def static(
    mac: str, address: str, cidr: str, *, gateway: str = "", mtu: int = 0, dns: Sequence[str] = ()
) -> Any:
    """One link with one address; ``cidr`` is the network's range."""
    network = ipaddress.ip_network(cidr, strict=False)
    six = network.version == 6
    everywhere, no_mask = ("::", "::") if six else ("0.0.0.0", "0.0.0.0")  # noqa: S104 - a route's words
    routes = [{"network": everywhere, "netmask": no_mask, "gateway": gateway}] if gateway else []
    link: dict[str, Any] = {"id": "provisioning", "type": "phy", "ethernet_mac_address": mac}
    return {
        "links": [{**link, **({"mtu": mtu} if mtu else {})}],
        "networks": [
            {
                "id": "ctlplane",
                "network_id": "ctlplane",
                "type": "ipv6" if six else "ipv4",
                "link": "provisioning",
                "ip_address": address,
                "netmask": str(network.netmask),
                "routes": routes,
            }
        ],
        "services": [{"type": "dns", "address": server} for server in dns],
    }
