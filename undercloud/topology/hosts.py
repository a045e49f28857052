"""From roles to hosts with addresses: the topology of one stack."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location, Report
from undercloud.plan import networks as plan_networks
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.plan.roles import Role
from undercloud.plan.state import State
from undercloud.topology import networks as building
from undercloud.topology.addresses import Given, Wish, allocate
from undercloud.topology.deployment import Deployment, read_deployment
from undercloud.topology.model import CTLPLANE, NODE_USER, Host, Network, Topology, Vip
from undercloud.topology.nodes import Locate, Node, Settings, find, fixed_address

# Parameters that name and fix virtual addresses where TripleO does not call them after the network.
_CLOUD_NAMES = {"InternalApi": "CloudNameInternal", "StorageMgmt": "CloudNameStorageManagement"}
_FIXED_IPS = {"External": "PublicVirtualFixedIPs", CTLPLANE: "ControlFixedIPs"}


@dataclasses.dataclass(frozen=True)
class PlaceRequest:
    """What hosts are placed by.

    ``parameters`` are the stack's, ``locate`` finds where the operator set one; ``reserved`` is network →
    address → owner of what other stacks hold; ``public_network`` is where clients come in.
    ``assumed_plane`` is the control plane's range where nothing says one: then every node and virtual address
    gets a place, also those of which nothing says where they are (empty: that is an error).
    """

    stack: str
    roles: Sequence[Role]
    networks: Sequence[plan_networks.Network]
    vips: Sequence[plan_networks.Vip]
    deployment: Document | None
    parameters: Mapping[str, Any]
    locate: Locate
    state: State
    declared: Locate = lambda _: None
    public_network: str = CTLPLANE
    reserved: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    assumed_plane: str = ""


@dataclasses.dataclass(frozen=True)
class Placement:
    """The topology, and the state with the indexes, removals and addresses that it uses."""

    topology: Topology
    state: State


def place(request: PlaceRequest, report: Report) -> Placement:
    """Place all hosts; all findings go to the report, what has an error is left out.

    TOP-01x: the deployment file (:func:`read_deployment`); TOP-020, 021, 029, 032, 033: nodes
    (:func:`undercloud.topology.nodes.find`); TOP-022 an unknown network, TOP-023 to 026: addresses
    (:func:`allocate`); TOP-027 no address for the control plane's virtual address; TOP-028: networks; TOP-030
    a node that is there already and whose address nothing says; TOP-031 an assumed range (information);
    TOP-034 a range that nothing says; TOP-035 a network without a VLAN on a node that we install.
    """
    return _Placing(request, report).run()


class _Placing:
    def __init__(self, request: PlaceRequest, report: Report) -> None:
        self._request = request
        self._report = report
        self._settings = Settings(request.parameters, request.locate, request.declared)
        self._domain = str(request.parameters.get("CloudDomain") or "localdomain")
        self._deployment: Deployment | None = None
        self._networks: dict[str, Network] = {}
        self._titles: dict[str, str] = {}

    def run(self) -> Placement:
        request = self._request
        if request.deployment is not None:
            self._deployment = read_deployment(request.deployment, self._report)
        found = find(
            request.stack,
            request.roles,
            self._deployment,
            self._settings,
            state=request.state,
            report=self._report,
        )
        nodes = self._reachable(found.nodes)
        self._networks = self._build_networks(nodes)
        self._titles = {network.title: name for name, network in self._networks.items()}
        vips = self._wanted_vips()
        given: dict[str, dict[str, Given]] = {}
        state = found.state
        wishes = self._wishes(nodes, vips)
        for name, network in self._networks.items():
            known = state.addresses.get(name, {})
            reserved = request.reserved.get(name)
            elsewhere = {one for other, held in request.reserved.items() if other != name for one in held}
            given[name] = allocate(network, wishes[name], known, self._report, reserved, avoided=elsewhere)
            addresses = {owner: one.address for owner, one in given[name].items()}
            if addresses != known:
                state = state.with_addresses(name, addresses)
        hosts = tuple(host for node in nodes if (host := self._host(node, given)) is not None)
        self._check_cards(nodes, given)
        topology = Topology(request.stack, self._domain, hosts, self._networks, self._vips(vips, given))
        return Placement(topology, state)

    def _reachable(self, nodes: Iterable[Node]) -> list[Node]:
        """Without those that are there already and have no address: they are reported, by role."""
        good: list[Node] = []
        lost: dict[str, list[Node]] = {}
        for node in nodes:
            placed = node.instance.managed or self._request.assumed_plane
            if placed or fixed_address(node, CTLPLANE, self._settings):
                good.append(node)
            elif node.listed:
                self._error(
                    "TOP-030",
                    f"nothing says the control plane address of {node.name}, which is there already",
                    "Add 'networks: [{network: ctlplane, fixed_ip: ADDRESS}]' to the instance.",
                    node.locate(),
                )
            else:
                lost.setdefault(node.role.name, []).append(node)
        for role, missing in lost.items():
            there = sum(node.role.name == role for node in good)
            names = ", ".join(node.name for node in missing[:5]) + (", …" if len(missing) > 5 else "")
            self._error(
                "TOP-021",
                f"{role} is to have {there + len(missing)} nodes, and there are {there}: nothing says where "
                f"{names} is found",
                "List the nodes as instances in the deployment file, give their control plane addresses in "
                f"DeployedServerPortMap, or lower {role}Count.",
                missing[0].locate(),
                (f"{role}Count",),
            )
        return good

    def _build_networks(self, nodes: Sequence[Node]) -> dict[str, Network]:
        networks = building.build(self._request.networks, self._domain, self._report)
        if CTLPLANE in networks:
            plane: Network | None = dataclasses.replace(networks.pop(CTLPLANE), vip=True)
        else:
            known = (fixed_address(node, CTLPLANE, self._settings) for node in nodes)
            plane = building.control_plane(
                self._request.parameters,
                filter(None, known),
                self._domain,
                self._settings.place,
                self._report,
            )
            if self._request.assumed_plane:
                plane = building.assumed_plane(
                    plane, self._request.assumed_plane, len(nodes), self._domain, self._report
                )
            elif plane is None and nodes and not self._report.errors:
                self._error(
                    "TOP-034",
                    f"nothing says the control plane's range: {nodes[0].name} can have no address on it",
                    "Set CtlplaneNetworkAttributes, with allocation_pools for the nodes; an undercloud that "
                    "has Ironic knows a range of its own.",
                    nodes[0].locate(),
                    ("CtlplaneNetworkAttributes",),
                )
        return {CTLPLANE: plane, **networks} if plane else networks

    def _wanted_vips(self) -> dict[str, plan_networks.Vip]:
        """One on the control plane, one on each network with ``vip: true``, and those of the file."""
        wanted = {name: plan_networks.Vip(name) for name, network in self._networks.items() if network.vip}
        for vip in self._request.vips:
            name = self._titles.get(vip.network, vip.network)
            if name in self._networks:
                wanted[name] = vip
            elif name != CTLPLANE:
                fix = did_you_mean(name, self._networks) or "Use a network of the networks file, or ctlplane."
                text = f"a virtual address is wanted on the network {vip.network!r}, which is not there"
                self._error("TOP-022", text, fix, vip.location, ("network", vip.network))
        return wanted

    def _wishes(self, nodes: Sequence[Node], vips: Mapping[str, plan_networks.Vip]) -> dict[str, list[Wish]]:
        wishes: dict[str, list[Wish]] = {name: [] for name in self._networks}
        for name, vip in vips.items():
            wish = self._vip_wish(name, vip, alone=len(nodes) == 1)
            if wish:
                wishes[name].append(wish)
        for node in nodes:
            for name, wish in self._node_wishes(node):
                wishes[name].append(wish)
        return wishes

    def _vip_wish(self, name: str, vip: plan_networks.Vip, *, alone: bool) -> Wish | None:
        network = self._networks[name]
        parameter = _FIXED_IPS.get(network.title, f"{network.title}VirtualFixedIPs")
        port = "control_virtual_ip" if name == CTLPLANE else f"{name}_virtual_ip"
        fixed = vip.ip_address or _address_in(self._request.parameters, parameter, port, name)
        known = port in self._request.state.addresses.get(name, {})
        pooled = name != CTLPLANE or any(subnet.pools for subnet in network.subnets.values())
        if not (fixed or known or pooled):
            self._error(
                "TOP-027",
                "the cloud's virtual address on the control plane is not known, and there is no pool "
                "to take one from",
                f"Set {parameter}: [{{'ip_address': 'ADDRESS'}}], or ip_address in the VIPs file.",
                vip.location if vip.location.file else self._settings.place(parameter),
                (parameter,),
            )
            return None
        return Wish(
            port,
            f"the virtual address on {name}",
            vip.subnet,
            fixed,
            lambda: vip.location if vip.ip_address else self._request.locate(parameter),
            # TripleO's cloud of one node has its node's address.
            shared=alone and bool(self._request.assumed_plane),
        )

    def _node_wishes(self, node: Node) -> Iterable[tuple[str, Wish]]:
        """A node is on the control plane, on its role's networks, and on those that the file adds."""
        subnets = self._role_subnets(node.role)
        paths: dict[str, tuple[str | int, ...]] = {}
        for port in node.instance.ports:
            name = self._titles.get(port.network, port.network)
            if name in self._networks:
                subnets[name] = port.subnet or ("" if port.fixed_ip else subnets.get(name, ""))
                paths[name] = port.path
            elif name != CTLPLANE:
                fix = did_you_mean(name, self._networks) or "Use a network of the networks file, or ctlplane."
                text = f"{node.name} is to be on the network {port.network!r}, which is not there"
                place = self._place(node, port.path)
                self._error("TOP-022", text, fix, place, ("network", port.network))
        for name, network in self._networks.items():
            if name in subnets:
                fixed = fixed_address(node, name, self._settings, network.title)
                locate = functools.partial(self._place, node, paths.get(name))
                yield name, Wish(node.name, node.name, subnets[name], fixed, locate)

    def _role_subnets(self, role: Role) -> dict[str, str]:
        """Network → subnet (empty: any) that the role's nodes are in."""
        plane = self._settings.read(f"{role.name}ControlPlaneSubnet", str, "", self._report)
        known = self._networks[CTLPLANE].subnets if CTLPLANE in self._networks else {}
        subnets = {CTLPLANE: plane if plane in known else ""}
        for title, subnet in role.networks.items():
            name = self._titles.get(title, title)
            # TripleO's roles name networks that a plan need not have.
            if name in self._networks:
                subnets[name] = subnet or ""
        return subnets

    def _place(self, node: Node, path: tuple[str | int, ...] | None) -> Location | None:
        if path and self._deployment:
            return self._deployment.locate(*path)
        return node.locate()

    def _host(self, node: Node, given: Mapping[str, Mapping[str, Given]]) -> Host | None:
        ports = {name: owners[node.name] for name, owners in given.items() if node.name in owners}
        if CTLPLANE not in ports:
            return None
        return Host(
            name=node.name,
            fqdn=f"{node.name}.{self._domain}",
            role=node.role.name,
            index=node.index,
            address=node.instance.management_ip or ports[CTLPLANE].address,
            ips={name: port.address for name, port in ports.items()},
            prefixes={name: port.prefix for name, port in ports.items()},
            fqdns={name: f"{node.name}.{self._networks[name].domain}" for name in ports},
            subnets={name: port.subnet for name, port in ports.items()},
            managed=node.instance.managed,
            user=node.instance.user or (NODE_USER if node.instance.managed else None),
            node=node.instance.node or None,
            wishes=node.instance.data if node.instance.managed else {},
            path=node.instance.path if node.instance.managed else (),
        )

    def _check_cards(self, nodes: Iterable[Node], given: Mapping[str, Mapping[str, Given]]) -> None:
        """The one card of a node that we install carries the control plane; other networks need a VLAN."""
        without: dict[tuple[str, str], list[Node]] = {}
        for node in nodes if not self._request.assumed_plane else ():
            for name, owners in given.items() if node.instance.managed else ():
                port = owners.get(node.name)
                if port and name != CTLPLANE and self._networks[name].subnets[port.subnet].vlan is None:
                    without.setdefault((name, port.subnet), []).append(node)
        for (name, subnet), lacking in without.items():
            names = ", ".join(node.name for node in lacking[:5]) + (", …" if len(lacking) > 5 else "")
            self._error(
                "TOP-035",
                f"the subnet {subnet} of {name} has no VLAN id: on the network card that {names} would be "
                "installed with, only the control plane is untagged",
                f"Give {subnet} a vlan in the networks file, take {name} off the role, or configure the "
                "networks of these nodes yourself and deploy on them with managed: false.",
                lacking[0].locate(),
                (name, self._networks[name].title, subnet, "vlan"),
            )

    def _vips(
        self, wanted: Mapping[str, plan_networks.Vip], given: Mapping[str, Mapping[str, Given]]
    ) -> dict[str, Vip]:
        result = {}
        for name, vip in wanted.items():
            network = self._networks[name]
            port = "control_virtual_ip" if name == CTLPLANE else f"{name}_virtual_ip"
            if port in given[name]:
                fqdn = self._cloud_name(network) or f"{vip.dns_name}.{network.domain}"
                result[name] = Vip(name, given[name][port].address, vip.name or port, fqdn)
        return result

    def _cloud_name(self, network: Network) -> str:
        """The parameter that names the cloud on a network; clients come in by ``CloudName``."""
        title = "Ctlplane" if network.name == CTLPLANE else network.title
        name = _CLOUD_NAMES.get(title, f"CloudName{title}")
        if network.name == self._titles.get(self._request.public_network, self._request.public_network):
            name = "CloudName"
        value = self._request.parameters.get(name)
        return value if isinstance(value, str) else ""

    def _error(
        self, code: str, message: str, fix: str, location: Location | None, parameters: tuple[str, ...] = ()
    ) -> None:
        locations = (location,) if location else ()
        self._report.add(Finding(code, message, fix, locations=locations, parameters=parameters))


def _address_in(parameters: Mapping[str, Any], parameter: str, port: str, network: str) -> str:
    """A virtual address that a parameter of TripleO's fixes, or an empty text."""
    fixed = parameters.get(parameter)
    candidates = fixed if isinstance(fixed, list) else []
    by_network = parameters.get("VipPortMap")
    if isinstance(by_network, Mapping):
        candidates = [*candidates, by_network.get(network)]
    plane = parameters.get("ControlPlaneVipData") if network == CTLPLANE else None
    if isinstance(plane, Mapping) and isinstance(plane.get("fixed_ips"), list):
        candidates = [*candidates, *plane["fixed_ips"]]
    by_port = parameters.get("DeployedServerPortMap")
    if isinstance(by_port, Mapping) and isinstance(by_port.get(port), Mapping):
        candidates = [*candidates, *(by_port[port].get("fixed_ips") or ())]
    for candidate in candidates:
        if isinstance(candidate, Mapping) and isinstance(candidate.get("ip_address"), str):
            return str(candidate["ip_address"])
    return ""
