"""What is validated: a plan and what it is made of, and what an operator hands over besides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from undercloud.plan.documents import Document
from undercloud.plan.loader import Plan
from undercloud.validation.composition import Composition
from undercloud.validation.undercloud_conf import UndercloudConf


@dataclasses.dataclass(frozen=True)
class Previous:
    """The earlier compilation: its files by name, as ``plan compile`` wrote them (parsed JSON)."""

    plan: Mapping[str, Any]
    stack: Mapping[str, Any]

    @property
    def given(self) -> Mapping[str, Any]:
        """The parameters that its environments set; secrets are masked."""
        found = self.plan.get("parameters")
        return found if isinstance(found, Mapping) else {}


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
