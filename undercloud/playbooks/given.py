"""What the operator said, as against what templates or the compiler say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from undercloud.diagnostics import Finding, Location
from undercloud.plan.environment import Environment, Origin
from undercloud.plan.roles import Role


def set_at(environment: Environment, name: str) -> Location | None:
    """Where the operator set a parameter; None where only the templates' own environment did, or nobody."""
    settings = [one for one in environment.history(name) if one.layer.origin is Origin.OPERATOR]
    return settings[-1].location if settings else None


def with_roles(findings: Iterable[Finding], roles: Iterable[Role]) -> list[Finding]:
    """The same findings; one about a service names the roles file's place of it before the template's."""
    places: dict[str, list[Location]] = {}
    for role in roles:
        for name, place in role.services_at.items():
            places.setdefault(name, []).append(place)
    return [
        dataclasses.replace(finding, locations=(*found, *finding.locations))
        if (found := [place for name in finding.parameters for place in places.get(name, ())])
        else finding
        for finding in findings
    ]
