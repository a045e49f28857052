"""The parameters of our own templates, as an operator may set them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from undercloud.plan.bundle import PlanSource
from undercloud.plan.loader import Plan, load

_GIVEN = frozenset({"ServiceNetMap", "RoleName", "RoleParameters", "ServiceData", "EndpointMap", "Services"})
"""What a service's template gets from the one above it; no operator sets it in an environment."""

SERVICE = "OS::TripleO::Services::"


@dataclasses.dataclass
class Described:
    """One parameter: its declaration, the templates that read it, the stock roles whose services do."""

    name: str
    type: str
    description: str
    default: Any
    required: bool
    hidden: bool
    constraints: list[str]
    templates: list[str]
    roles: list[str]


def described(templates: Path, roles: Path) -> list[Described]:
    """Every parameter of the tree; ``roles`` is the directory of the stock roles."""
    plan = load(PlanSource(templates=str(templates)))
    found: dict[str, Described] = {}
    for path in sorted(plan.tree):
        if path != plan.root and not (path.startswith("deployment/") and path.endswith(".yaml")):
            continue
        value = plan.tree.document(path).value
        if isinstance(value, Mapping) and "heat_template_version" in value:
            for name, data in (value.get("parameters") or {}).items():
                _add(found, plan, path, name, data)
    _roles(found, plan, roles)
    return list(found.values())


def _add(found: dict[str, Described], plan: Plan, path: str, name: str, data: Mapping[str, Any]) -> None:
    if name in _GIVEN and path != plan.root:
        return
    general = _general(plan, name)
    known = found.get(general)
    if known is None:
        found[general] = known = Described(
            general,
            str(data.get("type", "string")),
            _general(plan, str(data.get("description", "")).strip()),
            data.get("default"),
            "default" not in data,
            bool(data.get("hidden")),
            [_constraint(each) for each in data.get("constraints", ())],
            [],
            [],
        )
    if path not in known.templates:
        known.templates.append(path)


def _general(plan: Plan, text: str) -> str:
    """A text with the name of a role that it begins with as ROLE."""
    for role in plan.roles:
        if text.startswith(role.name):
            return f"ROLE{text.removeprefix(role.name)}"
    return text


def _constraint(data: Mapping[str, Any]) -> str:
    told = data.get("description")
    kind, value = next((key, value) for key, value in data.items() if key != "description")
    if kind in {"range", "length"}:
        limits = [
            f"from {value['min']}" if "min" in value else "",
            f"to {value['max']}" if "max" in value else "",
        ]
        text = f"{'length ' if kind == 'length' else ''}{' '.join(filter(None, limits))}"
    elif kind == "allowed_values":
        text = f"one of {', '.join(map(str, value))}" if isinstance(value, list) else f"one of {value}"
    else:
        text = f"{kind.replace('_', ' ')} {value}"
    return f"{text} ({told})" if told else text


def _roles(found: Mapping[str, Described], plan: Plan, roles: Path) -> None:
    """Which stock roles have a service that reads a parameter."""
    registry = plan.environment.resource_registry
    for name, services in _stock(roles):
        templates = {registry.get(service) for service in services}
        for each in found.values():
            if templates & set(each.templates) and name not in each.roles:
                each.roles.append(name)


def _stock(roles: Path) -> Iterator[tuple[str, list[str]]]:
    for path in sorted(roles.glob("*.yaml")):
        for role in yaml.safe_load(path.read_text("utf-8")) or ():
            yield role["name"], list(role.get("ServicesDefault", ()))
