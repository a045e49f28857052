"""What switches say of the ports that machines are on, against the networks of the nodes that they may become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.networks import Network, Subnet
from undercloud.validation.checks import check
from undercloud.validation.checks.attachments import subnet_of
from undercloud.validation.checks.networks import about, enabled
from undercloud.validation.checks.nodes import fitting
from undercloud.validation.subject import Subject

_NAMED = 5


@check(
    {"BM-034": "The switch port of a machine carries the networks of its role"},
    reads=("nodes", "baremetal_deployment", "networks", "roles"),
    source="Ironic: parse-lldp inspection hook; IEEE 802.1Q and 802.3, their organizationally specific TLVs",
)
def switch_ports(subject: Subject) -> Iterator[Finding]:
    """The port of the provisioning card, where inspection has heard it."""
    roles = {role.name: role for role in subject.plan.roles}
    networks = [(net, subnet) for net in enabled(subject) for subnet in net.subnets.values()]
    lacking: dict[tuple[str, str], tuple[Network, Subnet, list[str]]] = {}
    for name, machine in fitting(subject):
        port = machine.get("switch_port")
        if name not in roles or not isinstance(port, Mapping):
            continue
        for net, subnet in networks:
            if subnet_of(roles[name], net) is subnet:
                for what in _lacks(port, net, subnet):
                    _, _, ports = lacking.setdefault((name, what), (net, subnet, []))
                    ports.append(f"{machine.get('name') or machine.get('uuid')} ({port.get('name')})")
    for (name, what), (net, subnet, ports) in lacking.items():
        where = ", ".join(ports[:_NAMED]) + (", …" if len(ports) > _NAMED else "")
        text = f"{what}, as {name} needs it: the switch ports of {where} do not carry it"
        fix = "Configure these ports, and inspect the machines again; or give the role other machines."
        yield about("BM-034", text, fix, net, subnet, "vlan", "mtu", name, severity=Severity.WARNING)


def _lacks(port: Mapping[Any, Any], net: Network, subnet: Subnet) -> Iterator[str]:
    """What of a network a port does not carry; nothing where the switch does not tell."""
    vlans, largest = port.get("vlans"), port.get("mtu")
    if isinstance(vlans, list) and vlans and subnet.vlan is not None and subnet.vlan not in vlans:
        yield f"VLAN {subnet.vlan} of {net.name}"
    if isinstance(largest, int) and 0 < largest < (net.mtu or 0):
        yield f"the MTU {net.mtu} of {net.name}"
