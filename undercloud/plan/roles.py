"""roles_data.yaml: which groups of nodes there are, and which services run on them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from undercloud.diagnostics import Location, Report, Severity, raise_for
from undercloud.plan.documents import Document
from undercloud.plan.entries import NOWHERE, Entry, Keys, brief

# Key → the types that its value may have. TripleO's roles/README.rst and roles_data.yaml are the source.
_KEYS: Keys = {
    "name": (str,),
    "description": (str,),
    "CountDefault": (int,),
    "HostnameFormatDefault": (str,),
    "ImageDefault": (str,),
    "FlavorDefault": (str,),
    "ServicesDefault": (list,),
    "RoleParametersDefault": (dict,),
    "ExtraConfigDefault": (dict,),
    "tags": (list,),
    "networks": (list, dict),
    "networks_skip_config": (list,),
    "default_route_networks": (list,),
    "rhsm_enforce": (bool,),
    "update_serial": (int, str),
    "deploy_serial": (int, str),
    "upgrade_batch_size": (int,),
    "disable_constraints": (bool,),
    "disable_upgrade_deployment": (bool,),
    "uses_deprecated_params": (bool,),
    "deprecated_param_extraconfig": (str,),
    "deprecated_param_flavor": (str,),
    "deprecated_param_image": (str,),
    "deprecated_param_ips": (str,),
    "deprecated_param_metadata": (str,),
    "deprecated_param_scheduler_hints": (str,),
    "deprecated_server_resource_name": (str,),
    "deprecated_nic_config_name": (str,),
    "ansible_playbooks": (list,),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

# Tags that TripleO gives to roles of these names: announced to end, but its tools still do it.
_TAGS_BY_NAME: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Compute", "HciCeph", "DistributedCompute"), "compute"),
    (("Ceph",), "ceph"),
    (("ComputeOvsDpdk",), "ovsdpdk"),
    (("ObjectStorage", "BlockStorage", "Ceph"), "storage"),
)


@dataclasses.dataclass(frozen=True)
class Role:
    """One role.

    ``networks`` maps a network's name to the subnet that the role uses there, None where the file leaves it
    open. ``services_at`` says where each of the services is named. ``data`` is the role as the file has it,
    tags completed: what templates see as ``role``.
    """

    name: str
    description: str = ""
    count_default: int = 0
    hostname_format_default: str = ""
    services: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    networks: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    default_route_networks: tuple[str, ...] = ()
    parameters_default: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    location: Location = NOWHERE
    services_at: Mapping[str, Location] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def hostname_format(self) -> str:
        """The format of host names where no parameter says otherwise."""
        return self.hostname_format_default or f"%stackname%-{self.name.lower()}-%index%"


def primary(roles: Iterable[Role]) -> Role | None:
    """The role that leads the deployment: the first tagged both primary and controller, else the first."""
    listed = list(roles)
    tagged = (role for role in listed if {"primary", "controller"} <= set(role.tags))
    return next(tagged, listed[0] if listed else None)


def read_roles(document: Document, report: Report) -> tuple[Role, ...]:
    """The roles of a file, all findings added to the report.

    PLAN-010 no list of maps, PLAN-011 a role without a usable name, PLAN-012 a role twice, PLAN-013 an
    unknown key (warning), PLAN-014 a value of the wrong type, PLAN-015 something twice in a list (warning).
    A faulty value counts as left out, a role without a name is left out.
    """
    file = Entry(document, (), "the roles file", "PLAN-01", report)
    if not isinstance(document.value, list) or not document.value:
        text = "a roles file is a list of roles, and has at least one"
        file.error("0", text, "Start each role with '- name: NAME' at the left margin.")
        return ()
    roles: dict[str, Role] = {}
    for index, data in enumerate(document.value):
        role = _role(file.at(index).called(f"role {index + 1}"), data)
        if role is None:
            continue
        first = roles.setdefault(role.name.lower(), role)
        if first is not role:
            text = f"the role {role.name} stands twice (names that differ in letter case count as the same)"
            file.at(index).error("2", text, "Rename or remove one of the two.", first.location)
    return tuple(roles.values())


def parse_roles(document: Document) -> tuple[Role, ...]:
    """The roles of a file; raises UndercloudError with every error there is (codes: :func:`read_roles`)."""
    report = Report()
    roles = read_roles(document, report)
    raise_for(report)
    return roles


def _role(entry: Entry, data: Any) -> Role | None:
    if not isinstance(data, dict):
        entry.error("0", f"{entry.what} is not a map", "Start it with '- name: NAME'.")
        return None
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = f"the role name {brief(name)} is not usable" if "name" in data else f"{entry.what} has no name"
        fix = "A name begins with a letter and has letters, digits, - and _, as in 'name: Controller'."
        entry.at("name").error("1", text, fix)
        return None
    entry = entry.called(f"the role {name}")
    good = entry.checked(data, _KEYS, unknown=Severity.WARNING)
    lists = {
        key: entry.at(key).called(f"{key} of {entry.what}").texts(good.get(key, []))
        for key in ("ServicesDefault", "tags", "default_route_networks")
    }
    tags = _tags(name, lists["tags"])
    return Role(
        name=name,
        description=good.get("description", ""),
        count_default=good.get("CountDefault", 0),
        hostname_format_default=good.get("HostnameFormatDefault", ""),
        services=lists["ServicesDefault"],
        tags=tags,
        networks=_networks(entry.at("networks"), good.get("networks", [])),
        default_route_networks=lists["default_route_networks"],
        parameters_default=good.get("RoleParametersDefault", {}),
        data={**data, "tags": list(tags)},
        location=entry.location,
        services_at=_places(entry.at("ServicesDefault"), good.get("ServicesDefault", [])),
    )


def _places(entry: Entry, names: list[Any]) -> dict[str, Location]:
    """Where a list has each of its texts, the first place of one that it has twice."""
    numbers = {name: number for number, name in reversed(list(enumerate(names))) if isinstance(name, str)}
    return {name: entry.at(number).location for name, number in numbers.items()}


def _networks(entry: Entry, value: Any) -> dict[str, str | None]:
    """Both spellings: a list of names, or a map of names to ``{subnet: NAME}``."""
    networks: dict[str, str | None] = {}
    entries = value.items() if isinstance(value, dict) else ((item, None) for item in value)
    for number, (name, options) in enumerate(entries):
        place = entry.at(name if isinstance(value, dict) else number).called(f"a network of {entry.what}")
        subnet = options.get("subnet") if isinstance(options, dict) else None
        if not isinstance(name, str) or not isinstance(options, dict | None):
            place.wrong(
                name, "a name", "Write '- Storage', or 'Storage:' with 'subnet: storage_subnet' below it."
            )
        elif not isinstance(subnet, str | None):
            place.at("subnet").wrong(subnet, "the name of a subnet")
        else:
            networks[name] = subnet
    return networks


def _tags(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    tags = list(given)
    for prefixes, tag in _TAGS_BY_NAME:
        if name.startswith(prefixes) and tag not in tags:
            tags.append(tag)
    return tuple(tags)
