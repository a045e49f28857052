"""The options in config files of our own contract: entries of ``config_files`` whose format is oslo_config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location
from undercloud.hot.faults import NOWHERE, Fault, Reported
from undercloud.plan.secrets import is_secret
from undercloud.playbooks.role_data import ServiceData
from undercloud.validation.composition import Composition, Service, is_operators
from undercloud.validation.options.source import Given

_LATE = ("{{", "{%", "{#")


def options(composition: Composition) -> Iterator[Given]:
    """What the services of a native stack write into files of oslo.config's format."""
    if "RoleDataContract" not in composition.stack.outputs:
        return
    for service in composition.services:
        if service.resource is None or composition.counts.get(service.role, 0) < 1:
            continue
        try:
            data = service.resource.attribute("role_data", (), NOWHERE)
        except (Fault, Reported):
            continue
        files = data.get("config_files") if isinstance(data, Mapping) else None
        for path, entry in files.items() if isinstance(files, Mapping) else ():
            if isinstance(entry, Mapping) and entry.get("format") == "oslo_config":
                yield from _of_file(composition, service, str(path), entry.get("content"), data)


def _of_file(
    composition: Composition, service: Service, path: str, content: Any, data: Mapping[str, Any]
) -> Iterator[Given]:
    if not isinstance(content, Mapping):
        return
    tree = composition.plan.tree
    document = tree.document(service.template) if service.template in tree else None
    said = ServiceData(service.role, data, service.template, document, service.name)
    for section, options_ in content.items():
        for option, value in options_.items() if isinstance(options_, Mapping) else ():
            if value is None:
                continue
            names, places = _origin(composition, service, str(section), str(option))
            where = said.locate(("config_files", path, "content", str(section), str(option)))
            yield Given(
                path,
                str(section),
                str(option),
                None if _is_late(value) else value,
                places or ((where,) if where else ()),
                (*names, f"{section}.{option}"),
                own=bool(places) or is_operators(service.template),
                wording=f"{service.name}: {path}",
                secret=is_secret(value),
            )


def _origin(
    composition: Composition, service: Service, section: str, option: str
) -> tuple[tuple[str, ...], tuple[Location, ...]]:
    """The parameter that an operator wrote an option into, and where; empty if the template wrote it.

    A parameter of the service's template whose value is a map of sections, as in ``KeystoneExtraConfig``.
    """
    if service.resource is None:
        return (), ()
    for name, parameter in service.resource.nested_template.parameters.items():
        if parameter.type != "json":
            continue
        for setting in reversed(composition.settings(name)):
            inner = setting.value.get(section) if isinstance(setting.value, Mapping) else None
            if isinstance(inner, Mapping) and option in inner and is_operators(setting.layer.path):
                place = setting.layer.document.locate(setting.section, setting.name, section, option)
                return (name,), (place,)
    return (), ()


def _is_late(value: Any) -> bool:
    """Whether a value is filled in for each node, so that it cannot be judged yet."""
    return isinstance(value, str) and any(sign in value for sign in _LATE)
