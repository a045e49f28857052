"""What the operator said, as against what templates or the compiler say."""

from __future__ import annotations

from undercloud.diagnostics import Location
from undercloud.plan.environment import Environment, Origin


def set_at(environment: Environment, name: str) -> Location | None:
    """Where the operator set a parameter; None where only the templates' own environment did, or nobody."""
    settings = [one for one in environment.history(name) if one.layer.origin is Origin.OPERATOR]
    return settings[-1].location if settings else None
