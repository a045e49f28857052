"""Checks that need code: each a function from the subject to findings, with what it reads declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from undercloud.diagnostics import Finding
from undercloud.validation.subject import Subject

Run = Callable[[Subject], Iterable[Finding]]


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: the codes it may give with their titles, the parameters and files it reads, its source."""

    codes: dict[str, str]
    reads: tuple[str, ...]
    source: str
    run: Run


_CHECKS: list[Check] = []


def check(codes: dict[str, str], *, reads: Iterable[str] = (), source: str = "") -> Callable[[Run], Run]:
    """Register a function as a check."""

    def register(run: Run) -> Run:
        _CHECKS.append(Check(codes, tuple(reads), source, run))
        return run

    return register


def registered() -> tuple[Check, ...]:
    """All checks; their modules are loaded when they are asked for first."""
    from undercloud.validation.checks import (  # noqa: F401, PLC0415 - they register themselves
        addresses,
        attachments,
        capacity,
        certificates,
        endpoints,
        hosts,
        needs,
        networks,
        neutron,
        nodes,
        nova,
        options,
        roles,
        services,
        storage,
        structures,
        switch_ports,
        transitions,
        values,
        vips,
    )

    return tuple(_CHECKS)


def run(subject: Subject) -> Iterator[Finding]:
    """The findings of all checks."""
    for each in registered():
        yield from each.run(subject)
