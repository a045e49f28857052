"""The cloud's networks as the topology has them: those of the networks file, and the control plane."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, Severity
from undercloud.plan import networks as plan_networks
from undercloud.topology.model import CTLPLANE, Network, Subnet

Locate = Callable[[str], Location | None]

_UNDERCLOUD_ADDRESSES = 5
"""So many addresses at the control plane's start are not for nodes: the network's, the undercloud's own."""


def build(networks: Iterable[plan_networks.Network], domain: str, report: Report) -> dict[str, Network]:
    """The enabled networks by lower-case name.

    Findings: TOP-028 a subnet without a range, a range, gateway or pool that is none or lies outside; a
    network without subnets, a warning where it only is named, as TripleO's own for the undercloud is.
    """
    result = {}
    for network in networks:
        if not network.enabled:
            continue
        subnets = {
            name: subnet
            for name, source in network.subnets.items()
            if (subnet := _subnet(network, source, report)) is not None
        }
        if subnets:
            result[network.name_lower] = Network(
                network.name_lower,
                network.name,
                # As TripleO names hosts on a network, whatever dns_domain says to Neutron.
                f"{network.name.lower()}.{domain}",
                subnets,
                network.mtu,
                network.vip,
            )
        elif not network.subnets:
            named = "subnets" not in network.data
            report.add(
                Finding(
                    "TOP-028",
                    f"the network {network.name} has no subnet",
                    "Add one below subnets.",
                    Severity.WARNING if named else Severity.ERROR,
                    (network.location,),
                    (network.name, "subnets"),
                )
            )
    return result


def _subnet(network: plan_networks.Network, source: plan_networks.Subnet, report: Report) -> Subnet | None:
    six = network.ipv6 or not source.cidr
    cidr = source.cidr_v6 if six and source.cidr_v6 else source.cidr
    gateway = source.gateway_v6 if cidr == source.cidr_v6 else source.gateway
    pools = source.pools_v6 if cidr == source.cidr_v6 else source.pools
    routes = source.routes_v6 if cidr == source.cidr_v6 else source.routes
    faults = list(_faults(cidr, gateway, [(pool.start, pool.end) for pool in pools]))
    for fault in faults:
        report.add(
            Finding(
                "TOP-028",
                f"the subnet {source.name} of {network.name}: {fault}",
                "Write ip_subnet as 172.17.0.0/24, and addresses out of it.",
                locations=(source.location,),
                parameters=(network.name, network.name_lower, source.name),
            )
        )
    if faults:
        return None
    return Subnet(
        source.name,
        str(ipaddress.ip_network(cidr, strict=False)),
        gateway or None,
        source.vlan,
        tuple((pool.start, pool.end) for pool in pools),
        tuple(dataclasses.asdict(route) for route in routes),
    )


def _faults(cidr: str, gateway: str, pools: Iterable[tuple[str, str]]) -> Iterable[str]:
    if not cidr:
        yield "it has no ip_subnet"
        return
    try:
        whole = ipaddress.ip_network(cidr, strict=False)
    except ValueError as error:
        yield str(error)
        return
    for what, text in [("the gateway", gateway), *(("a pool", end) for pool in pools for end in pool)]:
        try:
            if text and ipaddress.ip_address(text) not in whole:
                yield f"{what} {text} is not in {cidr}"
        except ValueError as error:
            yield str(error)
    for first, last in pools:
        try:
            if int(ipaddress.ip_address(first)) > int(ipaddress.ip_address(last)):
                yield f"the pool {first} to {last} ends before it begins"
        except ValueError:
            continue  # told above


def control_plane(
    parameters: Mapping[str, Any], addresses: Iterable[str], domain: str, locate: Locate, report: Report
) -> Network | None:
    """The control plane where the networks file does not have it; ``locate`` finds a parameter's place.

    It is TripleO's ``CtlplaneNetworkAttributes`` where that is given (its subnets may have
    ``allocation_pools``), else the network that the known control plane addresses are in, by
    ``ControlPlaneSubnetCidr`` (a prefix length, or a whole range) or 24 bits (TOP-031 tells). None if no
    address is known either. Findings: TOP-032 a parameter that cannot be read.
    """
    attributes = parameters.get("CtlplaneNetworkAttributes")
    mtu = parameters.get("ControlPlaneMtu") or 1500
    subnets: dict[str, Subnet] = {}
    if attributes:
        try:
            subnets = dict(_attribute_subnets(attributes))
            mtu = (attributes.get("network") or {}).get("mtu") or mtu
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            name = "CtlplaneNetworkAttributes"
            text = f"the parameter {name} cannot be read: {error}"
            fix = "Write subnets: {NAME: {cidr: RANGE, gateway_ip: ADDRESS}}."
            report.add(_unreadable(name, text, fix, locate))
            return None
    else:
        derived = _derived(parameters, addresses, locate, report)
        if derived is None:
            return None
        subnets = {derived.name: derived}
    return Network(CTLPLANE, CTLPLANE, f"{CTLPLANE}.{domain}", subnets, int(mtu), vip=True)


def assumed_plane(
    plane: Network | None, cidr: str, hosts: int, domain: str, report: Report
) -> Network | None:
    """A control plane that every node finds an address on, for plans that only are compiled.

    Where nothing says its range it is ``cidr``, widened until the hosts fit. Subnets without pools get one
    that leaves the first addresses to the undercloud. None where the plan's own description is wrong.
    """
    if plane is None:
        if report.errors:
            return None
        whole = ipaddress.ip_network(cidr)
        while whole.num_addresses < hosts + 2 * _UNDERCLOUD_ADDRESSES:
            whole = whole.supernet()
        subnets = {"ctlplane-subnet": Subnet("ctlplane-subnet", str(whole))}
        plane = Network(CTLPLANE, CTLPLANE, f"{CTLPLANE}.{domain}", subnets, vip=True)
        text = f"the control plane is taken to be {whole}: nothing says its range"
        report.add(Finding("TOP-031", text, "Set CtlplaneNetworkAttributes.", Severity.INFO))
    return dataclasses.replace(
        plane, subnets={name: _with_pool(subnet) for name, subnet in plane.subnets.items()}
    )


def _with_pool(subnet: Subnet) -> Subnet:
    whole = ipaddress.ip_network(subnet.cidr)
    if subnet.pools or whole.num_addresses <= 2 * _UNDERCLOUD_ADDRESSES:
        return subnet
    return dataclasses.replace(subnet, pools=((str(whole[_UNDERCLOUD_ADDRESSES]), str(whole[-1])),))


def _attribute_subnets(attributes: Mapping[str, Any]) -> Iterable[tuple[str, Subnet]]:
    for name, subnet in attributes["subnets"].items():
        pools = [(str(pool["start"]), str(pool["end"])) for pool in subnet.get("allocation_pools") or ()]
        gateway = str(subnet.get("gateway_ip") or "")
        for fault in _faults(str(subnet["cidr"]), gateway, pools):
            raise ValueError(fault)
        cidr = str(ipaddress.ip_network(str(subnet["cidr"]), strict=False))
        yield name, Subnet(name, cidr, gateway or None, pools=tuple(pools))


def _unreadable(name: str, text: str, fix: str, locate: Locate) -> Finding:
    places = tuple(filter(None, [locate(name)]))
    return Finding("TOP-032", text, fix, Severity.ERROR, places, (name,))


def _derived(
    parameters: Mapping[str, Any], addresses: Iterable[str], locate: Locate, report: Report
) -> Subnet | None:
    name = str(parameters.get("ControlPlaneSubnet") or "ctlplane-subnet")
    gateway = str(parameters.get("ControlPlaneDefaultRoute") or "") or None
    given = str(parameters.get("ControlPlaneSubnetCidr") or "")
    known = [address for address in addresses if is_address(address)]
    try:
        if "/" in given:
            return Subnet(name, str(ipaddress.ip_network(given, strict=False)), gateway)
        if not known:
            return None
        prefix = int(given) if given else 64 if ":" in known[0] else 24
        cidr = str(ipaddress.ip_network(f"{known[0]}/{prefix}", strict=False))
    except ValueError:
        text = f"the parameter ControlPlaneSubnetCidr is {given!r:.60}, neither a prefix length nor a range"
        fix = "Write a prefix length such as '24', or a range."
        report.add(_unreadable("ControlPlaneSubnetCidr", text, fix, locate))
        return None
    if not given:
        text = f"the control plane is taken to be {cidr}: nothing says its range"
        fix = "Set ControlPlaneSubnetCidr, or describe the network ctlplane in the networks file."
        report.add(Finding("TOP-031", text, fix, Severity.INFO))
    return Subnet(name, cidr, gateway)


def is_address(text: str) -> bool:
    """Whether a text is an address of either family."""
    """Whether a text is an IP address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
