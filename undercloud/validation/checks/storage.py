"""Back ends of storage: their credentials, and the maps that describe several of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.plan.names import did_you_mean
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import entries, finding
from undercloud.validation.composition import Composition
from undercloud.validation.parameters import is_deprecated
from undercloud.validation.subject import Subject

_BACKEND = re.compile(r"(Cinder|Manila)Backend\w+")
_NEEDED = re.compile(
    r"(?:Cinder|Manila)(?!\w*Secondary)\w+?"
    r"(SanIp|SanLogin|SanPassword|NasServer|NasLogin|NasPassword|ServerHostname|Login|Password|APIToken|MgmtIp|DataIp|Array|StoragePools)"
)
_ELSEWHERE = re.compile(r"CinderDellEMCVNXSan(Login|Password)|Cinder\w+StoragePools")
"""What may stay empty: VNX has a file of its own for credentials; pools are found by the driver."""

_EMPTY: tuple[object, ...] = (None, "", [])


@check(
    {"STO-101": "A back end has its server and credentials"},
    reads=("Cinder*SanIp, *Login, *Password and the like", "Manila*Nas*"),
    source="environments/cinder-*-config.yaml; environments/manila-*-config.yaml",
)
def credentials(subject: Subject) -> Iterator[Finding]:
    """Every back end that runs, against the parameters of its own template."""
    composition = subject.composition
    for service in sorted(composition.running):
        if not _BACKEND.fullmatch(service):
            continue
        declared = _parameters(composition, composition.implementation_of(service))
        switch = next((name for name in declared if name.startswith("CinderEnable")), "")
        if switch and composition.value(switch) is False:
            continue
        multiple = next((name for name in declared if name.endswith("MultiConfig")), "")
        several = composition.value(multiple) if multiple else None
        several = several if isinstance(several, Mapping) else {}
        for name in declared:
            if not _NEEDED.fullmatch(name) or _ELSEWHERE.fullmatch(name):
                continue
            if composition.value(name) not in _EMPTY:
                continue
            if several and all(isinstance(one, Mapping) and one.get(name) for one in several.values()):
                continue
            text = f"the back end {service} runs, and {name} is empty"
            yield finding(
                composition, "STO-101", text, f"Set {name}.", [name, f"OS::TripleO::Services::{service}"]
            )


def _parameters(composition: Composition, template: str) -> list[str]:
    """The names that a template declares and does not list as deprecated."""
    if not template or template not in composition.plan.tree:
        return []
    value = composition.plan.tree.document(template).value
    declared = value.get("parameters") if isinstance(value, Mapping) else None
    if not isinstance(declared, Mapping):
        return []
    return [str(name) for name in declared if not any(map(is_deprecated, composition.declared.get(name, ())))]


@check(
    {
        "STO-102": "A back end that is described is one of those that are named",
        "STO-103": "A description of a back end has parameters that are known",
    },
    reads=("Cinder*MultiConfig", "Cinder*BackendName", "GlanceMultistoreConfig"),
    source="descriptions of the parameters that end in MultiConfig",
)
def multiple(subject: Subject) -> Iterator[Finding]:
    """The maps from a back end to its own parameters."""
    composition = subject.composition
    for name in sorted(composition.given):
        value = composition.given[name]
        if not re.fullmatch(r"Cinder\w+MultiConfig|GlanceMultistoreConfig", name) or not isinstance(
            value, Mapping
        ):
            continue
        names = name.replace("MultiConfig", "BackendName")
        known = entries(composition.value(names)) if names != name else []
        for backend, settings in value.items():
            if known and backend not in known:
                text = f"{name} describes {backend}, and {names} ({', '.join(known)}) does not have it: it is not used"
                fix = did_you_mean(str(backend), known) or f"Add {backend} to {names}."
                yield finding(composition, "STO-102", text, fix, [name, names, str(backend)])
            yield from _unknown(composition, name, str(backend), settings)


def _unknown(composition: Composition, name: str, backend: str, settings: Any) -> Iterator[Finding]:
    for key in settings if isinstance(settings, Mapping) else ():
        if key not in composition.known_parameters:
            text = f"{name}: {backend} sets {key}, which no template knows"
            family = [each for each in composition.known_parameters if each[:4] == str(key)[:4]]
            fix = did_you_mean(str(key), family) or "Remove it."
            yield finding(composition, "STO-103", text, fix, [name, str(key)])
