"""What is found about parameters without any rule: unknown, unread, overridden, deprecated, of absent roles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.hot.parameters import NotConvertible, Parameter
from undercloud.hot.values import Normaliser
from undercloud.plan.entries import brief
from undercloud.plan.environment import Setting
from undercloud.plan.names import did_you_mean
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.finding import about

# Read by TripleO's client, its image preparation or its node provisioning, and declared in no template.
CLIENT_PARAMETERS = frozenset(
    {
        "ContainerImagePrepare",
        "ContainerImagePrepareDebug",
        "ContainerImageRegistryCredentials",
        "ContainerImageRegistryLogin",
        "DefaultPasswords",
        "DnsServers",
        "NeutronDriver",
        "NodeExistsStack",
        "UndercloudHostsEntries",
        "VipPortMap",
    }
)
_OF_A_ROLE = (
    "Parameters",
    "Count",
    "Services",
    "ExtraConfig",
    "HostnameFormat",
    "IPs",
    "NetworkConfigTemplate",
    "ContainerImagePrepare",
    "RemovalPolicies",
    "RemovalPoliciesMode",
    "SchedulerHints",
    "ServerMetadata",
    "Image",
    "Flavor",
    "GroupVars",
    "ControlPlaneSubnet",
)
_REPLACED = re.compile(
    r"(?:use|replaced (?:by|with)|in favou?r of|see)\s+(?:the\s+)?(?:parameters?\s+)?[`'\"]?"
    r"([A-Z][A-Za-z0-9_]{4,})[`'\"]?",
)
_HINT = "Known names are in the parameters section of the templates."


def check(composition: Composition) -> Iterator[Finding]:
    """VAL-001 … VAL-009: see the functions below."""
    names = dict.fromkeys(
        name
        for layer in composition.environment.layers
        for section in ("parameter_defaults", "parameters")
        for name in layer.section(section)
        if isinstance(name, str)
    )
    for name in names:
        settings = composition.settings(name)
        if not settings or not any(setting.layer.path for setting in settings):
            continue
        if name in composition.declared:
            yield from _differing(composition, name, settings)
            yield from _deprecated(composition, name, settings)
        else:
            yield from _unread(composition, name, settings)
    for role in composition.plan.roles:
        yield from _own_parameters(composition, role.name)


def _unread(composition: Composition, name: str, settings: Sequence[Setting]) -> Iterator[Finding]:
    """VAL-001 unknown everywhere, VAL-002 read by nothing in this plan, VAL-004 of a role that is not there."""
    if name in CLIENT_PARAMETERS:
        return
    role = absent_role(composition, name)
    if role and not _means_nothing(settings[-1].value):
        text = f"{name} is set, and this plan has no role {role}: it reaches no node"
        known = ", ".join(each.name for each in composition.plan.roles)
        fix = did_you_mean(role, [each.name for each in composition.plan.roles])
        fix = f"{fix} The roles are {known}.".strip()
        yield about("VAL-004", text, fix, settings)
        return
    if role:
        return
    if name in composition.known_parameters:
        text = f"{name} is set, but nothing in this plan reads it: the services that do are not part of it"
        fix = "Remove it, or add the service to a role."
        yield about("VAL-002", text, fix, settings, Severity.INFO)
        return
    if _is_own_role_parameter(composition, name):
        return
    if name in ("resource_registry", "parameter_defaults", "parameters", "parameter_merge_strategies"):
        text = f"{name} stands among the parameters, so that nothing of it takes effect"
        yield about("VAL-003", text, "Move it to the left margin: it is a section of its own.", settings)
        return
    text = f"no template knows a parameter {name}, so that it has no effect"
    fix = did_you_mean(name, composition.known_parameters) or f"Remove it. {_HINT}"
    yield about("VAL-001", text, fix, settings)


def absent_role(composition: Composition, name: str) -> str:
    """The role that a parameter is meant for, if the plan does not have it; else empty."""
    there = {role.name for role in composition.plan.roles}
    for suffix in _OF_A_ROLE:
        role = name.removesuffix(suffix)
        if role == name or role in there or name in composition.known_parameters:
            continue
        if role in stock_roles(composition):
            return role
    return ""


def stock_roles(composition: Composition) -> frozenset[str]:
    """The roles that come with the templates, by the names of their files."""
    return frozenset(
        path.removeprefix("roles/").removesuffix(".yaml")
        for path in composition.plan.tree
        if path.startswith("roles/") and path.endswith(".yaml") and path.count("/") == 1
    ) | {"Controller", "Compute", "CephStorage", "BlockStorage", "ObjectStorage"}


def _means_nothing(value: Any) -> bool:
    """Whether a value asks for nothing: no nodes, no settings."""
    return value in (None, 0, "0", "", {}, [])


def _is_own_role_parameter(composition: Composition, name: str) -> bool:
    """Whether the client reads it for a role of the plan, as with ``ControllerContainerImagePrepare``."""
    return any(name == f"{role.name}{suffix}" for role in composition.plan.roles for suffix in _OF_A_ROLE)


def _differing(composition: Composition, name: str, settings: Sequence[Setting]) -> Iterator[Finding]:
    """VAL-005: two files give different values (and none of them is the templates' own default)."""
    if composition.environment.merge_strategies.get(name, "overwrite") != "overwrite":
        return
    base = composition.plan.registry_file
    given = [setting for setting in settings if setting.layer.path and setting.layer.path != base]
    if len(given) < 2 or all(setting.value == given[-1].value for setting in given):
        return
    secret = any(parameter.hidden for parameter in composition.declared[name])
    wins = "" if secret else f" = {brief(given[-1].value)}"
    loses = next(setting for setting in reversed(given) if setting.value != given[-1].value)
    was = "" if secret else f" ({brief(loses.value)} there)"
    text = f"{name} is set differently in several files: {given[-1].layer.document.file} wins{wins}{was}"
    yield about("VAL-005", text, "Keep one of them, if that is not meant.", given, Severity.INFO)


def _deprecated(composition: Composition, name: str, settings: Sequence[Setting]) -> Iterator[Finding]:
    """VAL-006: a template lists the parameter as deprecated."""
    for parameter in composition.declared[name]:
        if not is_deprecated(parameter):
            continue
        described = parameter.description.strip()
        match = _REPLACED.search(described)
        fix = f"Use {match.group(1)} instead." if match else f"The template says: {described[:200]}"
        text = f"{name} is deprecated"
        own = any(is_operators(setting.layer.path) for setting in settings)
        yield about("VAL-006", text, fix, settings, Severity.WARNING if own else Severity.INFO)
        return


def is_deprecated(parameter: Parameter) -> bool:
    """Whether a template lists it in a group of deprecated ones, or its description begins so."""
    document = parameter.site.document
    groups = document.value.get("parameter_groups") if document else None
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, Mapping) and "deprecated" in str(group.get("label", "")).lower():
            names = group.get("parameters")
            if isinstance(names, list) and parameter.name in names:
                return True
    return parameter.description.lstrip().lower().startswith(("deprecated", "[deprecated"))


def _own_parameters(composition: Composition, role: str) -> Iterator[Finding]:
    """VAL-007 an unknown name, VAL-008 a value that does not fit, among what is set for one role alone."""
    described = composition.role(role)
    own_file = is_operators(composition.plan.bundle.named.get("roles", ""))
    for name, value in ((described.parameters_default if described else None) or {}).items():
        assert described is not None, "its parameters are gone through"
        yield from _role_value(composition, role, str(name), value, described.location, own=own_file)
    settings = composition.settings(f"{role}Parameters")
    for setting in settings:
        if not isinstance(setting.value, Mapping):
            continue
        own = is_operators(setting.layer.path)
        for name, value in setting.value.items():
            place = setting.layer.document.locate(setting.section, setting.name, name)
            yield from _role_value(composition, role, str(name), value, place, own=own)


def _role_value(
    composition: Composition, role: str, name: str, value: Any, place: Location, *, own: bool
) -> Iterator[Finding]:
    severity = Severity.ERROR if own else Severity.WARNING
    names = (f"{role}Parameters", name)
    declared = composition.declared.get(name)
    if declared is None:
        if name in composition.known_parameters:
            return
        text = f"no template knows a parameter {name}, so that it has no effect for {role}"
        fix = did_you_mean(name, composition.known_parameters) or f"Remove it. {_HINT}"
        yield Finding("VAL-007", text, fix, severity, (place,), names)
        return
    for parameter in declared:
        wrong = misfit(parameter, value)
        if wrong:
            text = f"the value of {name} for the role {role} does not fit: {wrong}"
            yield Finding("VAL-008", text, f"Give {name} another value.", severity, (place,), names)
            return


def misfit(parameter: Parameter, value: Any) -> str:
    """What is wrong with a value for a parameter; empty if it fits."""
    if value is None:
        return ""
    try:
        wrong = parameter.violations(parameter.convert(value, Normaliser()), custom=False)
    except NotConvertible as error:
        return str(error)
    return "; ".join(wrong)
