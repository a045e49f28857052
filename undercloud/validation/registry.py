"""What is found about the resource registry and lists of services without any rule."""

from __future__ import annotations

from collections.abc import Iterator

from undercloud.diagnostics import Finding, Severity
from undercloud.plan.names import did_you_mean
from undercloud.plan.registry import entries
from undercloud.validation.composition import NONE, SERVICE, Composition, is_operators
from undercloud.validation.finding import about


def check(composition: Composition) -> Iterator[Finding]:
    """VAL-010 … VAL-013: see the functions below."""
    yield from _unknown_types(composition)
    yield from _service_lists(composition)


def _unknown_types(composition: Composition) -> Iterator[Finding]:
    """VAL-010: an entry for a type that nothing in the templates, roles or files names."""
    names = dict.fromkeys(
        str(entry.keys[-1])
        for layer in composition.environment.layers
        for entry in entries(layer.section("resource_registry"))
        if len(entry.keys) == 1
    )
    own = {role.name for role in composition.plan.roles}
    for name in names:
        settings = composition.environment.registry_history(name)
        if not settings or _is_known(composition, name):
            continue
        parts = name.split("::")
        absent = len(parts) > 3 and parts[1] == "TripleO" and parts[2] not in own and parts[3] == "Ports"
        if absent or (len(parts) > 3 and parts[3:] in (["Net", "SoftwareConfig"],)):
            text = f"{name} is mapped, but this plan has no role {parts[2]} with such a port"
            yield about("VAL-011", text, "Remove the entry.", settings, Severity.INFO)
            continue
        text = f"nothing uses the type {name}: the entry has no effect"
        fix = did_you_mean(name, composition.known_types) or "Remove the entry, or list the type in a role."
        yield about("VAL-010", text, fix, settings)


def _is_known(composition: Composition, name: str) -> bool:
    """Whether a template, a role or a shipped registry names a type; wildcards and other families are left."""
    return name.endswith("*") or not name.startswith("OS::TripleO::") or name in composition.known_types


def _service_lists(composition: Composition) -> Iterator[Finding]:
    """VAL-012 a listed service that no registry maps, VAL-013 one that the operator lists though it is nothing."""
    registry = composition.environment.resource_registry
    services = [name for name in registry if str(name).startswith(SERVICE)]
    for role in composition.plan.roles:
        name = f"{role.name}Services"
        settings = composition.settings(name)
        for kind in composition.listed[role.name]:
            if kind not in registry:
                text = f"the role {role.name} lists {kind}, which the resource registry does not know"
                fix = did_you_mean(kind, services) or "Map it in a resource_registry, or remove it."
                places = (settings[-1].location,) if settings else (role.location,)
                yield Finding("VAL-012", text, fix, Severity.ERROR, places, (name, kind, role.name))
            elif settings and is_operators(settings[-1].layer.path) and registry.get(kind) == NONE:
                text = f"{name} lists {kind}, which is mapped to {NONE}: it is not deployed"
                fix = "Remove it, or map it to its template with an environment that enables it."
                yield about("VAL-013", text, fix, settings, Severity.INFO, (kind,))
