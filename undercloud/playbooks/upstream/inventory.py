"""The Ansible inventory of a stack, as TripleO writes it (tripleo-common 18.0.0, from a stack's outputs)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.topology.model import CTLPLANE, NODE_USER

UNDERCLOUD = "Undercloud"
LOCAL: Mapping[str, str] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "/usr/bin/python3",
}
"""The variables of a group whose only host is the one that Ansible runs on."""
MASKED = "******"
"""What Heat shows of a hidden parameter; the client writes it into the inventory as it gets it."""

_CEPH_GROUPS = {
    "ceph_mon": "mons",
    "ceph_osd": "osds",
    "ceph_mgr": "mgrs",
    "ceph_rgw": "rgws",
    "ceph_mds": "mdss",
    "ceph_nfs": "nfss",
    "ceph_client": "clients",
    "ceph_rbdmirror": "rbdmirrors",
    "ceph_grafana": "grafana-server",
}
"""Service → the group that ceph-ansible knew it by."""


@dataclasses.dataclass(frozen=True)
class Access:
    """How Ansible reaches the nodes: user, and the Python of the undercloud.

    ``variables`` are more variables of groups, by group.
    """

    user: str = NODE_USER
    python: str = "/usr/bin/python3"
    variables: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


def inventory(
    stack: str, outputs: Mapping[str, Any], settings: Mapping[str, Any], access: Access
) -> dict[str, Any]:
    """The groups; ``settings`` are the environment's parameter_defaults."""
    groups: dict[str, Any] = {UNDERCLOUD: _undercloud(stack, outputs, settings, access)}
    networks: set[str] = set()
    roles = []
    for role, names in (outputs.get("RoleNetHostnameMap") or {}).items():
        addresses = (outputs.get("RoleNetIpMap") or {}).get(role) or {}
        if not names or CTLPLANE not in addresses:
            continue
        group = _role(role, names, addresses, outputs.get("ServerIdData") or {}, access)
        if role in groups and role != UNDERCLOUD:
            group = {**groups[role], **group}
        groups[role] = group
        networks |= addresses.keys()
        roles.append(role)
    if roles:
        groups[stack] = {
            "vars": _stack_variables(outputs.get("VipMap") or {}, networks, settings),
            "children": {role: {} for role in sorted(roles)},
        }
        groups["allovercloud"] = {"children": {stack: {}}}
    for service, members in _services(outputs.get("EnabledServices") or {}).items():
        present = [role for role in members if role in groups]
        if present:
            group = groups.setdefault(service.lower(), {})
            group.setdefault("children", {role: {} for role in present})
            group.setdefault("vars", {}).setdefault("ansible_ssh_user", access.user)
    excluded = [name for name in outputs.get("BlacklistedHostnames") or () if name]
    groups["excluded_overcloud"] = {"hosts": {name: {} for name in excluded}}
    for name, variables in access.variables.items():
        if name in groups:
            groups[name].setdefault("vars", {}).update(variables)
    return groups


def _undercloud(
    stack: str, outputs: Mapping[str, Any], settings: Mapping[str, Any], access: Access
) -> dict[str, Any]:
    variables: dict[str, Any] = {
        "ansible_host": "localhost",
        "ansible_connection": "local",
        "ansible_remote_tmp": "/tmp/ansible-${USER}",  # noqa: S108 - the user's own, as TripleO has it
        "any_error_fatal": True,
        "max_fail_percentage": 0,
        "ansible_python_interpreter": access.python,
        "undercloud_service_list": ["tripleo_ironic_conductor"],
        "plan": stack,
    }
    if settings.get("AdminPassword"):
        variables["overcloud_admin_password"] = MASKED
    if outputs.get("KeystoneURL"):
        variables["overcloud_keystone_url"] = outputs["KeystoneURL"]
    dashboard = ((outputs.get("EndpointMap") or {}).get("HorizonPublic") or {}).get("uri")
    if dashboard:
        variables["overcloud_horizon_url"] = dashboard
    return {"hosts": {"undercloud": {}}, "vars": variables}


def _role(
    role: str,
    names: Mapping[str, Sequence[str]],
    addresses: Mapping[str, Sequence[str]],
    servers: Mapping[str, Any],
    access: Access,
) -> dict[str, Any]:
    identifiers = (servers.get("server_ids") or {}).get(role)
    hosts: dict[str, Any] = {}
    for index, name in enumerate(short_names(names)):
        host: dict[str, Any] = {"ansible_host": addresses[CTLPLANE][index]}
        if identifiers:
            host["deploy_server_id"] = identifiers[index]
        host |= {f"{network}_ip": listed[index] for network, listed in addresses.items()}
        host |= {f"{network}_hostname": listed[index] for network, listed in names.items()}
        hosts[name] = host
    variables = {
        "ansible_ssh_user": access.user,
        "bootstrap_server_id": servers.get("bootstrap_server_id"),
        "tripleo_role_name": role,
        "tripleo_role_networks": sorted(addresses),
        "serial": 1,
    }
    return {"hosts": hosts, "vars": variables}


def short_names(names: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts' short names out of a role's names by network, in lower case."""
    return [name.split(f".{CTLPLANE}.")[0].lower() for name in names.get(CTLPLANE) or ()]


def _stack_variables(
    vips: Mapping[str, Any], networks: set[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    found = {
        f"{name}_vip": vip for name, vip in vips.items() if vip and (name in networks or name == "redis")
    }
    return {**found, "container_cli": settings.get("ContainerCli")}


def _services(enabled: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Service → roles by name; Ceph's services once more under the names of ceph-ansible's groups."""
    roles: dict[str, set[str]] = {}
    for role, services in enabled.items():
        for service in services or ():
            roles.setdefault(service, set()).add(role)
    found = {service: sorted(members) for service, members in roles.items()}
    return found | {group: found[name] for name, group in _CEPH_GROUPS.items() if name in found}
