"""What is validated: a plan and what it is made of, and what an operator hands over besides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.plan.documents import Document
from undercloud.plan.loader import Plan
from undercloud.validation.composition import Composition
from undercloud.validation.undercloud_conf import UndercloudConf


@dataclasses.dataclass(frozen=True)
class Previous:
    """What is known of the earlier compilation, to be compared with.

    ``values``: parameter → value (secrets masked); ``roles``: name → count, hostname_format; ``networks``:
    lower-case name → name, subnets (name → its ranges); ``vips``: network → fixed address or empty;
    ``services``: short names of those that ran on a node; ``keys``: secret →
    digest; ``placement``: service → the roles that ran it.
    """

    values: Mapping[str, Any]
    roles: Mapping[str, Mapping[str, Any]]
    networks: Mapping[str, Mapping[str, Any]]
    vips: Mapping[str, str]
    services: frozenset[str]
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    placement: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Subject:
    """One plan with all that is known about it."""

    composition: Composition
    nodes: Document | None = None
    undercloud: UndercloudConf | None = None
    previous: Previous | None = None

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.composition.plan
