"""A plan of plans.yaml as an operator's files: the same files go to real Heat and to our compiler.

What an undercloud would know (networks, addresses, passwords, the moment) is fixed here and given as ordinary
environment files, so that both sides start from the same values.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from undercloud.plan import passwords
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.secrets import Secret
from undercloud.plan.state import State

STACK = "overcloud"
CTLPLANE = ipaddress.ip_network("192.168.24.0/24")
FIRST_HOST, VIP = 10, 5
MOMENT = "1700000000"
"""What TripleO's client calls DeployIdentifier: the second of the deployment."""


@dataclasses.dataclass(frozen=True)
class Material:
    """The files of one plan; ``environments`` in the order of the command line."""

    name: str
    roles: Path
    networks: Path
    passwords: Path
    environments: tuple[Path, ...]


def plans() -> dict[str, Mapping[str, Any]]:
    """All plans by name."""
    text = (Path(__file__).parent / "plans.yaml").read_text()
    return {plan["name"]: plan for plan in yaml.safe_load(text)}


def write(plan: Mapping[str, Any], templates: Path, folder: Path) -> Material:
    """Write a plan's files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [templates / f"roles/{name}.yaml" for name in plan["roles"]]
    roles = folder / "roles_data.yaml"
    roles.write_text("\n".join(path.read_text() for path in listed or [templates / "roles_data.yaml"]))
    networks = folder / "network_data.yaml"
    samples = [templates / f"network-data-samples/{name}.yaml" for name in plan.get("networks", ())]
    networks.write_text("\n".join(path.read_text() for path in samples))
    secret = _dump(folder / "passwords.yaml", {"parameter_defaults": fixed_passwords()})
    made = provisioned(
        yaml.safe_load(roles.read_text()),
        yaml.safe_load(networks.read_text()) or [],
        plan.get("counts") or {},
        templates,
    )
    own = {"parameter_defaults": plan.get("parameters") or {}}
    own["resource_registry"] = {
        name: value if value.startswith("OS::") else str(_template(value, templates))
        for name, value in (plan.get("registry") or {}).items()
    }
    if plan.get("merge_strategies"):
        own["parameter_merge_strategies"] = plan["merge_strategies"]
    environments = (
        *(templates / f"environments/{name}.yaml" for name in plan.get("environments") or ()),
        _dump(folder / "provisioned.yaml", made),
        _dump(folder / "operator.yaml", {name: value for name, value in own.items() if value}),
    )
    return Material(plan["name"], roles, networks, secret, environments)


def _template(path: str, templates: Path) -> Path:
    """A template of ours, or one of TripleO's."""
    own = Path(__file__).parent / "templates" / path
    return own if own.exists() else templates / path


def fixed_passwords() -> dict[str, Any]:
    """A value for every password that the client would generate, the same in each run."""
    made = passwords.complete(State(), {}, SeededEntropy("conformance"))
    return {name: _clear(value) for name, value in made.passwords.items()}


def _clear(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clear(item) for key, item in value.items()}
    return value.reveal() if isinstance(value, Secret) else value


def provisioned(
    roles: Iterable[Mapping[str, Any]],
    networks: Iterable[Mapping[str, Any]],
    counts: Mapping[str, int],
    templates: Path,
) -> dict[str, Any]:
    """The environment that provisioning networks, virtual addresses and nodes leaves behind.

    The keys are those of TripleO's commands ``overcloud network provision``, ``network vip provision`` and
    ``node provision``; every host and address follows from its number.
    """
    used = [network for network in networks if network.get("enabled", True)]
    registry = {
        "OS::TripleO::Network": str(templates / "network/deployed_networks.yaml"),
        "OS::TripleO::Network::Ports::ControlPlaneVipPort": str(
            templates / "network/ports/deployed_vip_ctlplane.yaml"
        ),
        "OS::TripleO::DeployedServer::ControlPlanePort": str(
            templates / "deployed-server/deployed-neutron-port.yaml"
        ),
    }
    for network in used:
        if network.get("vip"):
            registry[f"OS::TripleO::Network::Ports::{network['name']}VipPort"] = str(
                templates / f"network/ports/deployed_vip_{_lower(network)}.yaml"
            )
    parameters: dict[str, Any] = {
        "DeployIdentifier": MOMENT,
        "UndercloudHostsEntries": ["192.168.24.1 undercloud.ctlplane.localdomain undercloud.ctlplane"],
        "CtlplaneNetworkAttributes": {
            "network": {"name": "ctlplane", "mtu": 1500, "dns_domain": "ctlplane.localdomain.", "tags": []},
            "subnets": {"ctlplane-subnet": _subnet("ctlplane-subnet", str(CTLPLANE), "192.168.24.1")},
        },
        "DeployedNetworkEnvironment": _network_environment(used),
        "VipPortMap": {_lower(network): _port(_cidr(network), VIP) for network in used if network.get("vip")},
        "ControlPlaneVipData": {
            "name": "control_virtual_ip",
            "fixed_ips": [{"ip_address": str(CTLPLANE[VIP])}],
            "subnets": [{"ip_version": 4}],
            "network": {"tags": [str(CTLPLANE)]},
        },
        "HostnameMap": {},
        "NodePortMap": {},
        "DeployedServerPortMap": {},
    }
    number = FIRST_HOST
    for role in roles:
        name = role["name"]
        count = counts.get(name, 0)
        form = role.get("HostnameFormatDefault") or f"%stackname%-{name.lower()}-%index%"
        parameters |= {f"{name}Count": count, f"{name}HostnameFormat": form}
        there = [network for network in used if network["name"] in (role.get("networks") or ())]
        for network in there:
            registry[f"OS::TripleO::{name}::Ports::{network['name']}Port"] = str(
                templates / f"network/ports/deployed_{_lower(network)}.yaml"
            )
        for index in range(count):
            host = form.replace("%stackname%", STACK).replace("%index%", str(index))
            parameters["HostnameMap"][host] = host
            parameters["NodePortMap"][host] = {
                "ctlplane": _port(str(CTLPLANE), number),
                **{_lower(network): _port(_cidr(network), number) for network in there},
            }
            parameters["DeployedServerPortMap"][f"{host}-ctlplane"] = {
                "fixed_ips": [{"ip_address": str(CTLPLANE[number])}]
            }
            number += 1
    return {"resource_registry": registry, "parameter_defaults": parameters}


def _network_environment(networks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    attributes = {}
    for index, network in enumerate(networks):
        title = network["name"]
        tags = [f"tripleo_network_name={title}", f"tripleo_net_idx={index}"]
        attributes[_lower(network)] = {
            "network": {
                "name": _lower(network),
                "mtu": network.get("mtu", 1500),
                "dns_domain": f"{title.lower()}.localdomain.",
                "tags": [*tags, *(["tripleo_vip=true"] if network.get("vip") else [])],
            },
            "subnets": {
                name: {
                    **_subnet(name, cidr, subnet.get("gateway_ip") or subnet.get("gateway_ipv6")),
                    "tags": [f"tripleo_vlan_id={subnet['vlan']}"] if "vlan" in subnet else [],
                }
                for name, subnet, cidr in _subnets(network)
            },
        }
    listed = {_lower(network): [cidr for _, _, cidr in _subnets(network)] for network in networks}
    versions = {name: ipaddress.ip_network(cidrs[0]).version for name, cidrs in listed.items()}
    return {"net_ip_version_map": versions, "net_cidr_map": listed, "net_attributes_map": attributes}


def _subnets(network: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any], str]]:
    for name, subnet in network["subnets"].items():
        yield name, subnet, subnet["ipv6_subnet"] if network.get("ipv6") else subnet["ip_subnet"]


def _cidr(network: Mapping[str, Any]) -> str:
    return next(cidr for _, _, cidr in _subnets(network))


def _subnet(name: str, cidr: str, gateway: str | None) -> dict[str, Any]:
    return {
        "name": name,
        "cidr": cidr,
        "gateway_ip": gateway,
        "host_routes": [],
        "dns_nameservers": [],
        "ip_version": ipaddress.ip_network(cidr).version,
    }


def _port(cidr: str, number: int) -> dict[str, str]:
    network = ipaddress.ip_network(cidr)
    address = network[number]
    uri = f"[{address}]" if address.version == 6 else str(address)
    return {
        "ip_address": str(address),
        "ip_address_uri": uri,
        "ip_subnet": f"{address}/{network.prefixlen}",
    }


def _lower(network: Mapping[str, Any]) -> str:
    return str(network.get("name_lower") or network["name"].lower())


def _dump(path: Path, value: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(value))
    return path
