"""Services that are no use without others."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Iterator

import yaml

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.validation.checks import check
from undercloud.validation.composition import NONE, SERVICE, Composition, is_operators
from undercloud.validation.subject import Subject

_NOTHING: tuple[object, ...] = (None, "", [], {}, False)


@dataclasses.dataclass(frozen=True)
class Need:
    """One line of needs.yaml."""

    service: str
    others: tuple[str, ...]
    why: str
    on_role: bool = False
    unless: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


@functools.cache
def needs() -> tuple[Need, ...]:
    """All of them."""
    file = importlib.resources.files("undercloud.validation").joinpath("data/needs.yaml")
    return tuple(
        Need(
            each["service"],
            tuple(each["any"]),
            each["why"],
            each.get("where") == "role",
            tuple(each.get("unless", ())),
            tuple(each.get("with", ())),
            Severity(each.get("severity", "error")),
        )
        for each in yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    )


@check(
    {
        "SVC-006": "A role has what its services need beside them",
        "SVC-008": "A plan has what its services need",
    },
    reads=("roles", "ROLEServices", "resource_registry", "NovaAdditionalCell", "AuthCloudName"),
    source="roles/*.yaml; the services' architecture documentation",
)
def needed(subject: Subject) -> Iterator[Finding]:
    """Every need that is not met."""
    composition = subject.composition
    for need in needs():
        roles = composition.running.get(need.service, frozenset())
        if not roles or any(composition.value(name) not in _NOTHING for name in need.unless):
            continue
        if need.beside and not composition.has(*need.beside):
            continue
        if not need.on_role:
            if not composition.has(*need.others):
                yield _unmet(composition, need, "")
            continue
        for role in sorted(roles):
            if not any(role in composition.running.get(other, ()) for other in need.others):
                yield _unmet(composition, need, role)


def _unmet(composition: Composition, need: Need, role: str) -> Finding:
    listed = need.others[:3]
    wanted = " or ".join(SERVICE + other for other in listed)
    where = f"the role {role} runs {SERVICE}{need.service}, and does not run" if role else None
    text = f"{where or f'{SERVICE}{need.service} runs, and no node runs'} {wanted}: {need.why}"
    fix = f"Map {SERVICE}{listed[0]} and give it to a role with nodes, or remove {need.service}."
    if role:
        fix = f"Add {SERVICE}{listed[0]} to the role."
    names = (*(SERVICE + other for other in need.others), SERVICE + need.service, *((role,) if role else ()))
    severity = Severity.WARNING if _left_out_by_a_sample(composition, need) else need.severity
    code = "SVC-006" if role else "SVC-008"
    return Finding(code, text, fix, severity, _places(composition, need, role), names)


def _left_out_by_a_sample(composition: Composition, need: Need) -> bool:
    """Whether an environment of the templates takes the service away on purpose, as disable-neutron.yaml does."""
    base = composition.plan.registry_file
    last = [composition.environment.registry_history(SERVICE + other)[-1:] for other in need.others]
    return any(
        one.value == NONE and one.layer.path != base and not is_operators(one.layer.path)
        for found in last
        for one in found
    )


def _places(composition: Composition, need: Need, role: str) -> tuple[Location, ...]:
    """Where what is missing was taken away, else where the role is."""
    if role:
        places = composition.locate(f"{role}Services") if f"{role}Services" in composition.given else ()
        described = composition.role(role)
        return places or ((described.location,) if described else ())
    history = composition.environment.registry_history
    return tuple(one.location for other in need.others for one in history(SERVICE + other)[-1:])[:3]
