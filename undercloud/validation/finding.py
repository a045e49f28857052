"""Findings about settings: their severity follows from whose file they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.plan.environment import Setting
from undercloud.validation.composition import is_operators


def severity_of(settings: Iterable[Setting]) -> Severity:
    """An error where the operator set it; at most a warning where only shipped files did."""
    own = any(is_operators(setting.layer.path) for setting in settings)
    return Severity.ERROR if own else Severity.WARNING


def about(
    code: str,
    message: str,
    fix: str,
    settings: Sequence[Setting],
    severity: Severity | None = None,
    parameters: Iterable[str] = (),
) -> Finding:
    """A finding about a parameter or registry entry, at every place that sets it, the winning one first."""
    places = tuple(dict.fromkeys(setting.location for setting in reversed(settings)))
    names = tuple(dict.fromkeys((*(setting.name for setting in settings), *parameters)))
    return Finding(code, message, fix, severity or severity_of(settings), places, names)


def at(*places: Location | None) -> tuple[Location, ...]:
    """The places that are known."""
    return tuple(place for place in places if place)
