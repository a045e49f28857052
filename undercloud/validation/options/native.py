"""The options in config files of our own contract: entries of ``config_files`` whose format is oslo_config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location
from undercloud.hot.faults import NOWHERE, Fault, Reported
from undercloud.plan.secrets import is_secret
from undercloud.playbooks.role_data import ServiceData
from undercloud.validation.composition import Composition, Service, is_operators
from undercloud.validation.options import definitions
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
                like=definitions.stand_in(path),
                secret=is_secret(value),
            )


def _origin(
    composition: Composition, service: Service, section: str, option: str
) -> tuple[tuple[str, ...], tuple[Location, ...]]:
    """The parameters that an operator wrote an option with, and where; empty if the template wrote it.

    First a parameter of the service's template whose value is a map of sections, as in ``KeystoneExtraConfig``;
    else those that the template fills this option in with.
    """
    assert service.resource is not None, "only services that have a template are asked about"
    template = service.resource.nested_template
    for name, parameter in template.parameters.items():
        for setting in reversed(composition.settings(name)) if parameter.type == "json" else ():
            inner = setting.value.get(section) if isinstance(setting.value, Mapping) else None
            if isinstance(inner, Mapping) and option in inner and is_operators(setting.layer.path):
                place = setting.layer.document.locate(setting.section, setting.name, section, option)
                return (name,), (place,)
    content = template.document.value if template.document else None
    outputs = content.get("outputs") if isinstance(content, Mapping) else None
    own = set(composition.set_by_operator)
    names = tuple(dict.fromkeys(name for name in _filling(outputs, section, option) if name in own))
    return names, tuple(place for name in names for place in composition.locate(name))


def _filling(value: Any, section: str, option: str) -> Iterator[str]:
    """The parameters that are read for an option, wherever a template has it below its section."""
    if isinstance(value, list):
        for item in value:
            yield from _filling(item, section, option)
    elif isinstance(value, Mapping):
        inner = value.get(section)
        if isinstance(inner, Mapping) and option in inner:
            yield from _read(inner[option])
        for item in value.values():
            yield from _filling(item, section, option)


def _read(value: Any) -> Iterator[str]:
    """The names of the parameters that an expression reads."""
    if isinstance(value, list):
        for item in value:
            yield from _read(item)
    elif isinstance(value, Mapping):
        name = value.get("get_param")
        yield from [str(name[0] if isinstance(name, list) and name else name)] if name else []
        for item in value.values():
            yield from _read(item)


def _is_late(value: Any) -> bool:
    """Whether a value is filled in for each node, so that it cannot be judged yet."""
    return isinstance(value, str) and any(sign in value for sign in _LATE)
