"""The ways of machines between enrolment and deployment: inspected, cleaned, configured, provided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from undercloud.baremetal.fleet import Journey, has_failed, to_states
from undercloud.baremetal.ironic import Ironic, Machine

_INSPECTING = frozenset({"inspecting", "inspect wait"})
_CLEANING = frozenset({"cleaning", "clean wait"})
Steps = Sequence[Mapping[str, Any]]
ERASE_METADATA: Steps = ({"interface": "deploy", "step": "erase_devices_metadata"},)


def inspect(ironic: Ironic, retries: int = 0) -> Journey:
    """Look at the hardware, by the inspect interface that each machine has."""
    return Journey(
        "inspect",
        lambda machine: ironic.move(machine.title, "inspect"),
        to_states(["manageable"]),
        has_failed,
        _INSPECTING,
        "manageable",
        retries,
    )


def make_manageable(ironic: Ironic, machine: Machine) -> None:
    """Take a machine whose cleaning failed back to where it can begin: Ironic put it into maintenance."""
    if machine.provision_state == "clean failed":
        ironic.set_maintenance(machine.title, False)
        ironic.move(machine.title, "manage")


def provide(ironic: Ironic) -> Journey:
    """Clean as Ironic is told to, and offer for deployment."""

    def begin(machine: Machine) -> None:
        make_manageable(ironic, machine)
        ironic.move(machine.title, "provide")

    return Journey(
        "provide",
        begin,
        to_states(["available"]),
        has_failed,
        _CLEANING | {"available"},
        "available",
    )


def clean(
    ironic: Ironic, steps: Steps, what: str = "clean", raid: Mapping[str, Any] | None = None
) -> Journey:
    """Carry out cleaning steps; ``raid`` is set as what they are to make."""

    def begin(machine: Machine) -> None:
        make_manageable(ironic, machine)
        if raid is not None:
            ironic.set_raid(machine.title, raid)
        ironic.move(machine.title, "clean", cleansteps=[dict(step) for step in steps])

    return Journey(what, begin, to_states(["manageable"]), has_failed, _CLEANING, "manageable")


def bios_steps(settings: Mapping[str, Any]) -> Steps:
    """The cleaning steps that set BIOS settings."""
    listed = [{"name": name, "value": value} for name, value in settings.items()]
    return ({"interface": "bios", "step": "apply_configuration", "args": {"settings": listed}},)


BIOS_RESET: Steps = ({"interface": "bios", "step": "factory_reset"},)
RAID_STEPS: Steps = (
    {"interface": "raid", "step": "delete_configuration"},
    {"interface": "raid", "step": "create_configuration"},
)


def power(ironic: Ironic, target: str, *, soft: bool = False) -> Journey:
    """Power on, off, or off and on again (reboot)."""
    wanted = "power off" if target == "off" else "power on"

    def there(machine: Machine) -> bool:
        return machine.power_state == wanted and not machine.target_power

    def failed(machine: Machine) -> bool:
        return bool(machine.last_error) and not machine.target_power and machine.power_state != wanted

    return Journey(
        f"power {target}",
        lambda machine: ironic.set_power(machine.title, target, soft=soft),
        there,
        failed,
    )
