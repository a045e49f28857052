"""OpenStack's network_data.json for one network card, on a ramdisk's boot medium or a node's config drive.

Format: https://docs.openstack.org/nova/latest/user/metadata.html, as the agent and cloud-init read it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_CARD = "provisioning"


@dataclass(frozen=True)
class Attachment:
    """A fixed address on a network; ``cidr`` is the network's range.

    With ``vlan`` its packets are tagged. ``gateway`` is that of the default route (empty: not here), ``mtu``
    0 where nothing says one; ``routes`` are destination → next hop.
    """

    network: str
    address: str
    cidr: str
    gateway: str = ""
    mtu: int = 0
    vlan: int | None = None
    routes: Mapping[str, str] = field(default_factory=dict)


def static(mac: str, attachments: Sequence[Attachment], *, dns: Sequence[str] = ()) -> Any:
    """One card with all these addresses; it takes packets as large as the largest network's."""
    mtu = max((one.mtu for one in attachments), default=0)
    card = {"id": _CARD, "type": "phy", "ethernet_mac_address": mac, **_mtu(mtu)}
    return {
        "links": [card, *(_vlan(one, mac) for one in attachments if one.vlan is not None)],
        "networks": [_network(one) for one in attachments],
        "services": [{"type": "dns", "address": server} for server in dns],
    }


def _vlan(one: Attachment, mac: str) -> dict[str, Any]:
    link = {"vlan_link": _CARD, "vlan_id": one.vlan, "vlan_mac_address": mac}
    return {"id": one.network, "type": "vlan", **link, **_mtu(one.mtu)}


def _network(one: Attachment) -> dict[str, Any]:
    whole = ipaddress.ip_network(one.cidr, strict=False)
    everywhere = "::/0" if whole.version == 6 else "0.0.0.0/0"
    routes = {**one.routes, **({everywhere: one.gateway} if one.gateway else {})}
    return {
        "id": one.network,
        "network_id": one.network,
        "type": f"ipv{whole.version}",
        "link": _CARD if one.vlan is None else one.network,
        "ip_address": one.address,
        "netmask": str(whole.netmask),
        "routes": [_route(destination, hop) for destination, hop in routes.items()],
    }


def _route(destination: str, hop: str) -> dict[str, str]:
    whole = ipaddress.ip_network(destination, strict=False)
    return {"network": str(whole.network_address), "netmask": str(whole.netmask), "gateway": hop}


def _mtu(value: int) -> dict[str, int]:
    return {"mtu": value} if value else {}
