"""The parts that an undercloud on one machine has."""

from __future__ import annotations

import graphlib

from undercloud.install.part import Part
from undercloud.install.parts.api import Api
from undercloud.install.parts.engine import Engine
from undercloud.install.parts.files import Files
from undercloud.install.parts.ironic import Ironic
from undercloud.install.parts.masquerade import Masquerading, masqueraded
from undercloud.install.parts.network import Network
from undercloud.install.parts.network_boot import NetworkBoot
from undercloud.install.parts.registry import Registry
from undercloud.install.site import Site


def all_parts(site: Site) -> tuple[Part, ...]:
    """Every part of this undercloud, each after those it needs. A new part gets its line here."""
    return in_order(
        Network(site),
        *((Masquerading(site),) if masqueraded(site.conf) else ()),
        Registry(site),
        Api(site),
        *((Engine(site),) if site.settings.messaging.transport_url else ()),
        *((Files(site), Ironic(site)) if site.conf.get("enable_ironic") else ()),
        *((NetworkBoot(site),) if site.conf.network_boot else ()),
    )


def left_over(site: Site) -> tuple[Part, ...]:
    """Parts that are no longer asked for, and outlive their processes until they are removed."""
    masquerading = Masquerading(site)
    return (masquerading,) if masquerading.began and not masqueraded(site.conf) else ()


def in_order(*parts: Part) -> tuple[Part, ...]:
    """The parts, each after those it needs; otherwise as they are given."""
    named = {part.name: part for part in parts}
    order = graphlib.TopologicalSorter({part.name: part.needs for part in parts}).static_order()
    return tuple(named[name] for name in order)
