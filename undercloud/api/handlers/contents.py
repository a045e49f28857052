"""What a version of a plan says: environments, parameters with provenance, roles, networks, its stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from undercloud.api.calls import Answer, Call, Handler, page
from undercloud.api.library import Evaluated
from undercloud.deploy import wire
from undercloud.diagnostics import UndercloudError
from undercloud.hot.stack import ResourceNode
from undercloud.plan.environment import Setting
from undercloud.plan.loader import Plan


def environments(call: Call) -> Answer:
    """The files in the order of merging."""
    found = [
        {
            "path": layer.document.file,
            "origin": str(layer.origin),
            "parameters": sorted(
                str(name)
                for section in ("parameter_defaults", "parameters")
                for name in layer.section(section)
            ),
            "resource_types": sorted(str(name) for name in layer.section("resource_registry")),
        }
        for layer in _plan(call).environment.layers
    ]
    return Answer({"environments": found})


def parameters(call: Call) -> Answer:
    """Every parameter that a template declares or a file sets."""
    seen = _evaluated(call)
    names = sorted({*map(str, seen.composition.declared), *map(str, seen.composition.given)})
    shown = page(names, str, call)
    return Answer({"parameters": [_parameter(seen, name) for name in shown]})


def _parameter(seen: Evaluated, name: str) -> dict[str, Any]:
    composition = seen.composition
    declared = composition.declared.get(name, ())
    value = composition.values.get(name, composition.given.get(name))
    return {
        "name": name,
        "type": declared[0].type if declared else "",
        "description": declared[0].description if declared else "",
        "value": seen.veil.of_parameter(name, value),
        "hidden": seen.veil.is_hidden(name),
        "set": [_place(setting) for setting in composition.environment.history(name)],
    }


def _place(setting: Setting) -> dict[str, Any]:
    place = setting.location
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "origin": str(setting.layer.origin),
    }


def roles(call: Call) -> Answer:
    """The roles in their order."""
    found = [
        {
            "name": role.name,
            "description": role.description,
            "services": list(role.services),
            "networks": dict(role.networks),
            "tags": list(role.tags),
        }
        for role in _plan(call).roles
    ]
    return Answer({"roles": found})


def networks(call: Call) -> Answer:
    """The networks in their order."""
    found = [
        {
            "name": network.name,
            "vip": network.vip,
            "ipv6": network.ipv6,
            "mtu": network.mtu,
            "enabled": network.enabled,
            "subnets": {
                name: {
                    "cidr": subnet.cidr or subnet.cidr_v6,
                    "gateway": subnet.gateway or subnet.gateway_v6,
                    "vlan": subnet.vlan,
                    "pools": [
                        {"start": pool.start, "end": pool.end} for pool in (*subnet.pools, *subnet.pools_v6)
                    ],
                }
                for name, subnet in network.subnets.items()
            },
        }
        for network in _plan(call).networks
    ]
    return Answer({"networks": found})


def resources(call: Call) -> Answer:
    """The resources of the stack, or of the stack that a path leads to."""
    level: Mapping[str, ResourceNode] = _evaluated(call).compilation.stack.resources()
    for name in filter(None, call["path"].split("/")):
        if name not in level:
            raise UndercloudError.of(
                "API-010",
                f"the stack has no resource {call['path']}",
                fix="Go down from …/resources one name at a time.",
            )
        level = level[name].children
    shown = page(sorted(level.values(), key=lambda node: node.name), lambda node: node.name, call)
    return Answer({"resources": [_resource(node) for node in shown]})


def _resource(node: ResourceNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "type": node.type,
        "path": "/".join(node.path),
        "template": node.template,
        "members": len(node.children),
        "location": wire.to_plain(node.location),
    }


def outputs(call: Call) -> Answer:
    """The outputs of the stack."""
    seen = _evaluated(call)
    found = seen.compilation.stack.outputs
    return Answer({"outputs": {name: seen.veil.whole(value) for name, value in found.items()}})


def _plan(call: Call) -> Plan:
    return call.service.library.plan(call["plan"], call["version"])


def _evaluated(call: Call) -> Evaluated:
    return call.service.library.evaluated(call["plan"], call["version"])


OPERATIONS: dict[str, Handler] = {
    "listEnvironments": environments,
    "listParameters": parameters,
    "listRoles": roles,
    "listNetworks": networks,
    "listResources": resources,
    "listOutputs": outputs,
}
