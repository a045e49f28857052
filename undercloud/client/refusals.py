"""What an undercloud on another machine does not do for us: its REST API has no such operation."""

from __future__ import annotations

from typing import Any, NoReturn

from undercloud.diagnostics import UndercloudError


def not_over_there(what: str, fix: str) -> UndercloudError:
    """The error (CLI-045) of something that only the undercloud's own machine does."""
    return UndercloudError.of(
        "CLI-045", f"an undercloud on another machine takes no {what.removeprefix('a ')}", fix=fix
    )


class NoMachines:
    """Implements ``machines.Machines`` by saying where it is done."""

    def _refuse(self, *_arguments: Any, **_named: Any) -> NoReturn:
        raise not_over_there(
            "work with machines", "Give the command on the undercloud itself, without --undercloud."
        )

    prepare_machines = discover_machines = machines = machine = _refuse
    set_maintenance = forget_machines = _refuse
    allocate = addresses = provision = unprovision = provisioned = _refuse
