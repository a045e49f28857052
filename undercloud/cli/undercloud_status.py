"""`undercloud status`: what runs, and whether it does its work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, rendering, undercloud_options

if TYPE_CHECKING:
    from undercloud.install.installation import Installation

COLUMNS = ("Part", "Process", "State", "PID", "Since", "Boot", "Healthy", "Says")


class UndercloudStatus(base.Lister):
    """Show every part of the undercloud: its processes, what starts them after a boot, its health.

    Exit status: 0 all is well, 1 something is not, 2 no undercloud is installed.
    """

    _well = True
    examples = (
        ("all parts", "undercloud status"),
        ("for a program", "undercloud status -f json"),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """One row a process."""
        del parsed_args
        rows = tuple(processes(undercloud_options.needed(self.app)))
        self._well = all(row[COLUMNS.index("Healthy")] for row in rows)
        return COLUMNS, rows

    def run(self, parsed_args: argparse.Namespace) -> int:
        """As any command; 1 where something is not well."""
        return super().run(parsed_args) or (errors.CLEAN if self._well else errors.FOUND)


def processes(installation: Installation) -> Iterator[tuple[Any, ...]]:
    """A row of ``COLUMNS`` for every process of an installation."""
    from undercloud.install.processes.manager import Condition, State  # noqa: PLC0415  (start-up)

    states = installation.manager.states()
    boot = str(installation.boot.taken)
    for part in installation.parts:
        health = part.healthy()
        for process in part.processes():
            state = states.get(process.name, State(Condition.STOPPED))
            if health.ok and state.condition is Condition.STARTING:
                # A manager waits for seconds until it says so; what answers has started.
                state = replace(state, condition=Condition.RUNNING)
            since = rendering.duration(state.seconds) if state.pid else ""
            yield (
                part.name,
                process.name,
                str(state.condition),
                state.pid,
                since,
                boot,
                health.ok and state.condition is Condition.RUNNING,
                health.message,
            )
