"""The container image parameters that TripleO's client sends where no environment sets them.

Names and defaults are those of tripleo-common 18.0.0 (``container-images/``); ``ContainerImagePrepare``
changes them as it does there, except that a tag is never looked up in a registry.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml

DEFAULTS: Mapping[str, str] = {
    "namespace": "quay.io/tripleomastercentos9",
    "name_prefix": "openstack-",
    "name_suffix": "",
    "tag": "current-tripleo",
    "ceph_namespace": "quay.rdoproject.org/tripleomastercentos9",
    "ceph_image": "daemon",
    "ceph_tag": "current-ceph",
    "ceph_prometheus_namespace": "quay.io/prometheus",
    "ceph_prometheus_image": "prometheus",
    "ceph_prometheus_tag": "v2.33.4",
    "ceph_alertmanager_namespace": "quay.io/prometheus",
    "ceph_alertmanager_image": "alertmanager",
    "ceph_alertmanager_tag": "v0.23.0",
    "ceph_node_exporter_namespace": "quay.io/prometheus",
    "ceph_node_exporter_image": "node-exporter",
    "ceph_node_exporter_tag": "v1.3.1",
    "ceph_grafana_namespace": "quay.io/ceph",
    "ceph_grafana_image": "ceph-grafana",
    "ceph_grafana_tag": "6.7.4",
    "ceph_haproxy_namespace": "quay.io/ceph",
    "ceph_haproxy_image": "haproxy",
    "ceph_haproxy_tag": "2.3",
    "ceph_keepalived_namespace": "quay.io/ceph",
    "ceph_keepalived_image": "keepalived",
    "ceph_keepalived_tag": "2.1.5",
    "pushgateway_namespace": "quay.io/prometheus",
    "pushgateway_image": "pushgateway",
    "pushgateway_tag": "v1.4.2",
}
"""The settings that ``set`` of ContainerImagePrepare overrides."""

SERVICE = "OS::TripleO::Services::"
LOCAL_REGISTRY_PORT = 8787


@dataclasses.dataclass(frozen=True)
class Image:
    """An entry of images.yaml; the file's head says what the fields mean."""

    parameters: tuple[str, ...]
    services: frozenset[str]
    ovn_services: frozenset[str]
    ovn_only: bool
    name: str = ""
    group: str = ""
    plain: str = ""

    def reference(self, settings: Mapping[str, Any]) -> str:
        """The image by settings as in :data:`DEFAULTS`."""
        if self.group:
            space, name, tag = (settings[f"{self.group}_{part}"] for part in ("namespace", "image", "tag"))
            return f"{space}/{name}:{tag}"
        before, after = _dashed(settings, "name_prefix"), _dashed(settings, "name_suffix")
        name = self.plain or f"{before}{self.name}{after}"
        return f"{settings['namespace']}/{name}:{settings['tag']}"


def _dashed(settings: Mapping[str, Any], name: str) -> str:
    value = str(settings[name] or "")
    if not value:
        return ""
    return value.rstrip("-") + "-" if name == "name_prefix" else "-" + value.lstrip("-")


@functools.cache
def catalogue() -> tuple[Image, ...]:
    """All images of images.yaml."""
    text = (importlib.resources.files(__package__) / "images.yaml").read_text("utf-8")
    return tuple(_image(entry) for entry in yaml.load(text, Loader=yaml.CSafeLoader))


def _image(entry: Mapping[str, Any]) -> Image:
    ovn = entry.get("ovn")
    return Image(
        parameters=tuple(entry["parameters"]),
        services=_services(entry.get("services")),
        ovn_services=_services(ovn if isinstance(ovn, list) else ()),
        ovn_only=ovn is True,
        name=entry.get("name", ""),
        group=entry.get("from", ""),
        plain=entry.get("plain", ""),
    )


def _services(names: Collection[str] | None) -> frozenset[str]:
    return frozenset(name if "::" in name else SERVICE + name for name in names or ())


def parameters(settings: Mapping[str, Any], services: Collection[str]) -> dict[str, str]:
    """Every image parameter, those of the services in the plan as ContainerImagePrepare says.

    ``settings`` are the environment's parameter_defaults.
    """
    found = _named(DEFAULTS, catalogue())
    prepare = settings.get("ContainerImagePrepare")
    for entry in prepare if isinstance(prepare, list) else ():
        if isinstance(entry, Mapping):
            found |= _prepared(entry, settings, frozenset(services))
    return found


def role_parameters(role: str, settings: Mapping[str, Any], services: Collection[str]) -> dict[str, str]:
    """The image parameters of one role, where the operator prepares images for it alone; else none."""
    entries = settings.get(f"{role}ContainerImagePrepare")
    if not isinstance(entries, list):
        return {}
    found: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            found |= _prepared(entry, settings, frozenset(services))
    return found


def _prepared(
    entry: Mapping[str, Any], settings: Mapping[str, Any], services: frozenset[str]
) -> dict[str, str]:
    """What one entry of ContainerImagePrepare says."""
    given = entry.get("set")
    values = {**DEFAULTS, **(given if isinstance(given, Mapping) else {})}
    drivers = settings.get("NeutronMechanismDrivers", "ovn")
    ovn = values.get("neutron_driver", "ovn" if "ovn" in drivers else "other") == "ovn"
    includes, excludes = entry.get("includes"), entry.get("excludes")

    def wanted(image: Image) -> bool:
        needed = image.services | image.ovn_services if ovn else image.services
        if (image.ovn_only and not ovn) or not needed & services:
            return False
        if image.group.startswith("ceph") and values.get("ceph_images") is False:
            return False
        reference = image.reference(values)
        if includes:
            return any(re.search(str(pattern), reference) for pattern in includes)
        return not any(re.search(str(pattern), reference) for pattern in excludes or ())

    found = _named(values, filter(wanted, catalogue()))
    destination = entry.get("push_destination")
    if destination is True:
        local = settings.get("LocalContainerRegistry")
        destination = f"{local}:{LOCAL_REGISTRY_PORT}" if local else None
    if not destination:
        return found
    return {name: f"{destination}/{image.partition('/')[2]}" for name, image in found.items()}


def _named(settings: Mapping[str, Any], images: Iterable[Image]) -> dict[str, str]:
    return {name: image.reference(settings) for image in images for name in image.parameters}
