"""What the operator said, as against what templates or the compiler say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from undercloud.diagnostics import Finding, Location
from undercloud.plan import passwords
from undercloud.plan.environment import Environment, Origin
from undercloud.plan.roles import Role
from undercloud.plan.secrets import conceal


def with_secrets(environment: Environment) -> Environment:
    """The environment with the operator's values for passwords and keys made secret.

    Not every template that reads one says that it is hidden; what is built from them is secret all the same.
    """

    def concealed(values: dict[str, Any]) -> dict[str, Any]:
        found = {
            name: conceal(value) for name, value in values.items() if passwords.is_password(name) and value
        }
        return values | found if found else values

    return dataclasses.replace(
        environment,
        parameter_defaults=concealed(environment.parameter_defaults),
        parameters=concealed(environment.parameters),
    )


def set_at(environment: Environment, name: str) -> Location | None:
    """Where the operator set a parameter; None where only the templates' own environment did, or nobody."""
    settings = [one for one in environment.history(name) if one.layer.origin is Origin.OPERATOR]
    return settings[-1].location if settings else None


def with_places(
    findings: Iterable[Finding], roles: Iterable[Role], environment: Environment
) -> list[Finding]:
    """One finding a mistake, beginning with where the operator said what it is about.

    That is where the roles file names a service, and where a parameter was set; the template's place follows.
    What several templates say of the same value is one finding with all their places.
    """
    services: dict[str, list[Location]] = {}
    for role in roles:
        for name, place in role.services_at.items():
            services.setdefault(name, []).append(place)

    def said(name: str) -> list[Location]:
        place = set_at(environment, name)
        return [*services.get(name, ()), *([place] if place else [])]

    told: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        found = [place for name in finding.parameters for place in said(name)]
        places = (*found, *finding.locations)
        key = (finding.code, finding.message, finding.severity, places[:1])
        first = told.get(key, finding)
        before = first.locations if key in told else ()
        told[key] = dataclasses.replace(first, locations=tuple(dict.fromkeys((*before, *places))))
    return list(told.values())
