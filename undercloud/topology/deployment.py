"""baremetal_deployment.yaml: which nodes each role has, and what is fixed about them.

The format is TripleO's (``openstack overcloud node provision``); the keys of an instance are metalsmith's.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Location, Report, Severity
from undercloud.plan.documents import Document
from undercloud.plan.entries import Entry, Keys

_ROLE_KEYS: Keys = {
    "name": (str,),
    "hostname_format": (str,),
    "count": (int,),
    "defaults": (dict,),
    "instances": (list,),
    "ansible_playbooks": (list,),
}
_INSTANCE_KEYS: Keys = {
    "capabilities": (dict,),
    "conductor_group": (str,),
    "config_drive": (dict,),
    "hostname": (str,),
    "image": (dict,),
    "managed": (bool,),
    "management_ip": (str,),
    "name": (str,),
    "netboot": (bool,),
    "network_config": (dict,),
    "networks": (list,),
    "nics": (list,),
    "passwordless_sudo": (bool,),
    "profile": (str,),
    "provisioned": (bool,),
    "resource_class": (str,),
    "root_size_gb": (int,),
    "ssh_public_keys": (str,),
    "swap_size_mb": (int,),
    "traits": (list,),
    "user_name": (str,),
}
_PORT_KEYS: Keys = {
    "network": (str,),
    "subnet": (str,),
    "fixed_ip": (str,),
    "port": (str,),
    "vif": (bool,),
}
_IMAGE_KEYS: Keys = {"href": (str,), "checksum": (str,), "kernel": (str,), "ramdisk": (str,)}
_NETWORK_CONFIG_KEYS: Keys = {
    "template": (str,),
    "physical_bridge_name": (str,),
    "public_interface_name": (str,),
    "network_config_update": (bool,),
    "net_config_data_lookup": (dict,),
    "default_route_network": (list,),
    "networks_skip_config": (list,),
    "dns_search_domains": (str, list),
    "bond_interface_ovs_options": (str,),
    "num_dpdk_interface_rx_queues": (int,),
}
_PLAYBOOK_KEYS: Keys = {"playbook": (str,), "extra_vars": (dict,)}
_LEAST = {"root_size_gb": 4, "swap_size_mb": 64}
_BY_YOURSELF = (
    "Nodes start with VLANs on one card (docs: Networks of a node); for more configure them yourself."
)
_IDLE: Mapping[str, tuple[Any, str]] = {
    "netboot": (False, "Nodes boot from their disk."),
    "passwordless_sudo": (True, "The user of a node always may use sudo without a password."),
    "swap_size_mb": (None, "Make a swap file with config_drive: {cloud_config: {runcmd: […]}}."),
    "vif": (True, "The control plane is on the machine's first port; other networks need none."),
    "port": (None, "Addresses are the undercloud's own: write fixed_ip."),
    **{key: (None, _BY_YOURSELF) for key in _NETWORK_CONFIG_KEYS if key != "default_route_network"},
}
"""Keys that do nothing here: the value that asks for what happens anyway, and what to do instead."""
_NESTED = ("defaults", "instances", "network_config", "networks", "nics")
_OWN = ("hostname", "name", "provisioned")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclasses.dataclass(frozen=True)
class Port:
    """A node on a network; ``subnet`` and ``fixed_ip`` are empty where they are left open."""

    network: str
    subnet: str = ""
    fixed_ip: str = ""
    path: tuple[str | int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Instance:
    """One node of a role, the role's defaults filled in.

    ``hostname`` is empty where it is made from the role's format; ``node`` names the machine; ``data`` has
    the other keys as the file gives them (image, traits, network_config …).
    """

    hostname: str = ""
    node: str = ""
    provisioned: bool = True
    managed: bool = True
    management_ip: str = ""
    user: str = ""
    ports: tuple[Port, ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    path: tuple[str | int, ...] = ()


@dataclasses.dataclass(frozen=True)
class RoleNodes:
    """The nodes of one role: ``count`` of them, the ``instances`` first, the others like ``defaults``."""

    role: str
    count: int
    hostname_format: str
    instances: tuple[Instance, ...]
    defaults: Instance
    path: tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Deployment:
    """The whole file, by role."""

    document: Document
    roles: Mapping[str, RoleNodes]

    def locate(self, *path: str | int) -> Location:
        """Where a key or entry stands."""
        return self.document.locate(*path)


def usable_hostname(name: str) -> bool:
    """Whether a name is one label as RFC 1123 has it: letters, digits and hyphens, at most 63."""
    return _HOSTNAME.fullmatch(name) is not None


def read_deployment(document: Document, report: Report) -> Deployment:
    """Read the file; all findings are added to the report, what has an error is left out.

    TOP-010 no list of maps, TOP-011 a role without a name, TOP-012 a role twice, TOP-013 an unknown key,
    TOP-014 a value of the wrong type or out of range, TOP-015 a key without effect (a warning),
    TOP-016 more instances than ``count``, TOP-017 a host name that is not usable or stands twice,
    TOP-018 a key that defaults cannot have, TOP-019 a node twice.
    """
    file = Entry(document, (), "the deployment file", "TOP-01", report)
    if not isinstance(document.value, list | None):
        file.error("0", "the deployment file is a list of roles", "Start each role with '- name: ROLE'.")
        return Deployment(document, {})
    roles: dict[str, RoleNodes] = {}
    for index, data in enumerate(document.value or ()):
        entry = file.at(index).called(f"role {index + 1}")
        nodes = _role(entry, data)
        if nodes is None:
            continue
        if nodes.role in roles:
            first = document.locate(*roles[nodes.role].path)
            entry.error(
                "2", f"the role {nodes.role} stands twice", "Put its instances into one entry.", first
            )
        else:
            roles[nodes.role] = nodes
    _check_unique(Deployment(document, roles), file)
    _tell_idle(file)
    return Deployment(document, roles)


def _tell_idle(file: Entry) -> None:
    """One warning for each key that does nothing, wherever it stands."""
    told = set()
    for path, key, value in _keys(file.document.value, ()):
        harmless, instead = _IDLE.get(key, (value, ""))
        if value not in (harmless, None) and key not in told:
            told.add(key)
            file.at(*path).note(Severity.WARNING, "5", f"{key} is read and has no effect here", instead)


def _keys(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every key below a value with its path, as deep as keys of the format go."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys(item, (*path, index))
    for key, item in value.items() if isinstance(value, dict) else ():
        yield (*path, key), str(key), item
        if key in _NESTED:
            yield from _keys(item, (*path, key))


def _role(entry: Entry, data: Any) -> RoleNodes | None:
    if not isinstance(data, dict):
        entry.error("0", f"{entry.what} is not a map", "Start it with '- name: ROLE'.")
        return None
    name = data.get("name")
    if not isinstance(name, str) or not name:
        entry.error("1", f"{entry.what} has no name", "Add 'name: ROLE' with a role of the roles file.")
        return None
    entry = entry.called(f"the role {name}")
    good = entry.checked(data, _ROLE_KEYS)
    for index, item in enumerate(good.get("ansible_playbooks", ())):
        place = entry.at("ansible_playbooks", index).called(f"playbook {index + 1} of {name}")
        if not isinstance(item, dict):
            place.wrong(item, "a map", "Write '- playbook: PATH'.")
        elif "playbook" not in place.checked(item, _PLAYBOOK_KEYS):
            place.error("4", f"{place.what} has no path", "Add 'playbook: PATH'.")
    defaults_entry = entry.at("defaults").called(f"defaults of the role {name}")
    defaults = defaults_entry.checked(good.get("defaults", {}), _INSTANCE_KEYS)
    for key in _OWN:
        if defaults.pop(key, None) is not None:
            text = f"defaults of the role {name} cannot have {key}: it is a node's own"
            defaults_entry.at(key).error("8", text, "Write it at the instances.")
    default_ports = _ports(defaults_entry, defaults)
    instances = []
    for index, item in enumerate(good.get("instances", ())):
        place = entry.at("instances", index).called(f"instance {index + 1} of {name}")
        if isinstance(item, dict):
            own = place.checked(item, _INSTANCE_KEYS)
            instances.append(_instance(place, own, defaults, _ports(place, own), default_ports))
        else:
            place.error("0", f"{place.what} is not a map", "Start it with '- hostname: NAME'.")
    count = good.get("count", 1)
    if count < 0:
        entry.at("count").called(f"count of {name}").wrong(count, "a number from 0 on")
        count = 0
    listed = sum(instance.provisioned for instance in instances)
    if listed > count:
        text = f"the role {name} has {listed} instances, and its count is {count}"
        fix = f"Set count: {listed}, or mark instances that shall go with provisioned: false."
        entry.at("count" if "count" in data else "instances").error("6", text, fix)
    return RoleNodes(
        name,
        count,
        good.get("hostname_format", ""),
        tuple(instances),
        _instance(defaults_entry, defaults, {}, default_ports, ()),
        entry.path,
    )


def _instance(
    entry: Entry,
    own: Mapping[str, Any],
    defaults: Mapping[str, Any],
    ports: Sequence[Port],
    default_ports: Sequence[Port],
) -> Instance:
    data = {**defaults, **own}
    for key, least in _LEAST.items():
        if own.get(key, least) < least:
            entry.at(key).called(f"{key} of {entry.what}").wrong(own[key], f"a number from {least} on")
    _check_maps(entry, own)
    hostname = own.get("hostname") or own.get("name", "")
    if hostname and not usable_hostname(hostname):
        text = f"{hostname!r:.80} is no usable host name"
        fix = "Use letters, digits and hyphens, at most 63; the domain is the parameter CloudDomain."
        entry.at("hostname" if own.get("hostname") else "name").error("7", text, fix)
    named = {port.network for port in ports}
    return Instance(
        hostname=hostname,
        node=data.get("name", ""),
        provisioned=data.get("provisioned", True),
        managed=data.get("managed", True),
        management_ip=data.get("management_ip", ""),
        user=data.get("user_name", ""),
        ports=(*ports, *(port for port in default_ports if port.network not in named)),
        data={key: value for key, value in data.items() if key not in {*_OWN, "networks", "nics"}},
        path=entry.path,
    )


def _check_maps(entry: Entry, own: Mapping[str, Any]) -> None:
    """The maps among an instance's own keys."""
    image = entry.at("image").called(f"image of {entry.what}")
    known = image.checked(own.get("image", {}), _IMAGE_KEYS)
    if known.keys() == own.get("image", {}).keys() and known and "href" not in known:
        image.error("4", f"{image.what} has no href", "Add 'href: file:///PATH' or the URL of the image.")
    config = entry.at("network_config").called(f"network_config of {entry.what}")
    config.checked(own.get("network_config", {}), _NETWORK_CONFIG_KEYS)


def _ports(entry: Entry, data: Mapping[str, Any]) -> tuple[Port, ...]:
    """Networks, and nics that name one; a nic's settings win where both name the same network."""
    found: dict[str, Port] = {}
    for key in ("networks", "nics"):
        for port in _port_list(entry.at(key), key, data.get(key, ())):
            found[port.network] = port
    return tuple(found.values())


def _port_list(entry: Entry, key: str, items: Sequence[Any]) -> Iterator[Port]:
    for index, item in enumerate(items):
        place = entry.at(index).called(f"entry {index + 1} of {key}")
        if not isinstance(item, dict):
            place.wrong(item, "a map", "Write '- network: NAME'.")
            continue
        good = place.checked(item, _PORT_KEYS)
        if "network" in good:
            yield Port(
                good["network"],
                good.get("subnet", ""),
                good.get("fixed_ip", ""),
                place.path,
            )
        elif "port" not in good:
            place.error("4", f"{place.what} names no network", "Add 'network: NAME'.")


def _check_unique(deployment: Deployment, file: Entry) -> None:
    hostnames: dict[str, Instance] = {}
    nodes: dict[str, Instance] = {}
    for role in deployment.roles.values():
        for instance in role.instances:
            for value, seen, digit, what, key in (
                (instance.hostname.lower(), hostnames, "7", "host name", "hostname"),
                (instance.node, nodes, "9", "node", "name"),
            ):
                first = seen.setdefault(value, instance) if value else instance
                if first is not instance:
                    other = deployment.locate(*first.path)
                    place = file.at(*instance.path, key)
                    place.error(digit, f"the {what} {value!r} stands twice", "Give each its own.", other)
