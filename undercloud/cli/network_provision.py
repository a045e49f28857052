"""`overcloud network provision` and `overcloud network vip provision`."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from undercloud.cli import base, errors, files, plan_part, rendering, reporting, tripleo_flags
from undercloud.topology.model import CTLPLANE, Network

_DIRECTORY = tripleo_flags.Flag("--working-dir", True, "everything lies in the state directory")
_SILENT = tripleo_flags.Flag("-y --yes", False, "nothing is asked")
_NETWORKS = (
    _DIRECTORY,
    _SILENT,
    tripleo_flags.Flag("--templates", True, "networks are described by their file alone"),
)
_CONTROL = "control_virtual_ip"


class NetworkProvision(base.Ours):
    """Check a networks file as a whole, and write the environment with its ranges.

    There is no Neutron on the undercloud: a network is what its file says, and its addresses are given out
    by the undercloud, to all stacks together, when nodes are placed.
    """

    examples = (
        ("check", "overcloud network provision network_data.yaml"),
        (
            "the environment as TripleO writes it",
            "overcloud network provision -o networks.yaml network_data.yaml",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the file, where to write."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        parser.add_argument("networks_file", metavar="<file>", help="network_data.yaml (version 2)")
        parser.add_argument("-o", "--output", metavar="<file>", help="Write an environment with the ranges")
        tripleo_flags.add_harmless(parser, _NETWORKS)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Read, check, list, write."""
        self.tell_notes(parsed_args)
        networks = _read(parsed_args.networks_file)
        if parsed_args.output:
            files.write(Path(parsed_args.output).expanduser().absolute(), _environment(networks))
        rows = [
            (f"{network.title} {subnet.name}", f"{subnet.cidr}  {_pools(subnet.pools)}")
            for network in networks.values()
            for subnet in network.subnets.values()
        ]
        self.app.stdout.write(rendering.pairs(rows))
        return errors.CLEAN


class NetworkVipProvision(plan_part.PlanPart):
    """Give a plan its virtual addresses: those that are fixed, and free ones of the networks' pools.

    They are the plan's from then on, whatever becomes of it, until it is deleted; other stacks do not get
    them. `overcloud deploy` does this by itself.
    """

    examples = (
        (
            "the virtual addresses of a stack",
            "overcloud network vip provision --stack overcloud -o vips.yaml vip_data.yaml",
        ),
    )

    input_help = "vip_data.yaml"
    harmless = (_DIRECTORY, _SILENT)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Give them, list them, write them."""
        self.tell_notes(parsed_args)
        parsed_args.vip_file = parsed_args.input
        wanted = self.wanted(parsed_args)
        status = self.follow(lambda engine: (engine.allocate(wanted), 0), parsed_args)
        if status == errors.CLEAN:
            with self.engine() as engine:
                found = _virtual(engine.addresses(parsed_args.stack))
            self.write(parsed_args, _vip_environment(found))
            self.app.stderr.write(rendering.pairs(found.items()))
        return status

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """What was kept."""
        return "\nStopped. Addresses that were given are kept; give the same command again.\n"


def _read(file: str) -> Mapping[str, Network]:
    """The networks of a file; UndercloudError with all that is wrong with it."""
    from undercloud.diagnostics import Report, raise_for  # noqa: PLC0415  (start-up)
    from undercloud.plan import documents  # noqa: PLC0415
    from undercloud.plan.networks import read_networks  # noqa: PLC0415
    from undercloud.topology.networks import build  # noqa: PLC0415

    path, text = reporting.read(file)
    report = Report()
    networks = build(read_networks(documents.parse(text, path), report), "localdomain", report)
    raise_for(report)
    return networks


def _pools(pools: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{first} to {last}" for first, last in pools) or "every address"


def _environment(networks: Mapping[str, Network]) -> str:
    ranges = {name: [subnet.cidr for subnet in one.subnets.values()] for name, one in networks.items()}
    versions = {name: ipaddress.ip_network(listed[0]).version for name, listed in ranges.items()}
    attributes = {
        name: {
            "network": {"dns_domain": f"{one.domain}.", "mtu": one.mtu, "name": one.title, "tags": []},
            "subnets": {
                subnet.name: {
                    "cidr": subnet.cidr,
                    "gateway_ip": subnet.gateway,
                    "host_routes": [dict(route) for route in subnet.routes],
                    "ip_version": versions[name],
                    "tags": [f"tripleo_vlan_id={subnet.vlan}"] if subnet.vlan else [],
                }
                for subnet in one.subnets.values()
            },
        }
        for name, one in networks.items()
    }
    deployed = {
        "net_attributes_map": attributes,
        "net_cidr_map": ranges,
        "net_ip_version_map": versions,
    }
    return _yaml({"DeployedNetworkEnvironment": deployed}, "network provision")


def _virtual(addresses: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Network → its virtual address."""
    found = {}
    for network, owners in addresses.items():
        address = owners.get(_CONTROL if network == CTLPLANE else f"{network}_virtual_ip")
        if address:
            found[network] = address
    return found


def _vip_environment(found: Mapping[str, str]) -> str:
    ports = {network: {"ip_address": address} for network, address in found.items() if network != CTLPLANE}
    parameters: dict[str, Any] = {"VipPortMap": ports}
    if CTLPLANE in found:
        parameters["ControlPlaneVipData"] = {
            "name": _CONTROL,
            "fixed_ips": [{"ip_address": found[CTLPLANE]}],
            "network": {"tags": []},
            "subnets": [],
        }
    return _yaml(parameters, "network vip provision")


def _yaml(parameters: Mapping[str, Any], command: str) -> str:
    import yaml  # noqa: PLC0415  (start-up)

    head = f"# Written by `openstack overcloud {command}`.\n"
    return head + yaml.safe_dump({"parameter_defaults": dict(parameters)}, sort_keys=False)
