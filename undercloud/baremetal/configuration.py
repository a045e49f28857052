"""Setting how machines boot: boot mode, ramdisk, capabilities, and the hint for the root disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from undercloud.baremetal.enrolment import set_property
from undercloud.baremetal.ironic import Machine, Patch
from undercloud.diagnostics import UndercloudError
from undercloud.topology.facts import GIB, Disk, Facts
from undercloud.topology.machines import written


def capabilities(machine: Machine, wanted: Mapping[str, str]) -> Patch:
    """The patch that sets capabilities; an empty value takes one away."""
    if not wanted:
        return []
    merged = {**machine.capabilities, **wanted}
    return set_property(machine, "capabilities", written({k: v for k, v in merged.items() if v}))


def ramdisk(machine: Machine, kernel: str, image: str) -> Patch:
    """The patch that sets which kernel and ramdisk do the work on a machine."""
    wanted = {"deploy_kernel": kernel, "deploy_ramdisk": image}
    return [
        {"op": "add", "path": f"/driver_info/{key}", "value": value}
        for key, value in wanted.items()
        if value and machine.driver_info.get(key) != value
    ]


def root_device(
    machine: Machine, facts: Facts | None, strategy: str, *, least: int, overwrite: bool
) -> Patch:
    """The patch that names the root disk by its serial number or WWN.

    ``strategy`` is ``smallest``, ``largest`` or names of disks (``sda,vda``) in the order of preference;
    ``least`` is in GiB. Raises BM-120 where there is no such disk, or it was never inspected.
    """
    if not strategy or (machine.root_device and not overwrite):
        return []
    disks = [disk for disk in facts.disks if disk.size >= least * GIB] if facts else []
    disk = _choose(disks, strategy)
    if disk is None:
        seen = ", ".join(map(str, facts.disks)) if facts and facts.disks else "it was never inspected"
        raise UndercloudError.of(
            "BM-120",
            f"{machine.title} has no root disk by the strategy {strategy} of {least} GiB or more: {seen}",
            fix="Inspect it first, or name another strategy: smallest, largest, or names of disks.",
        )
    hint = {"wwn": disk.wwn} if disk.wwn else {"serial": disk.serial} if disk.serial else {"name": disk.name}
    return set_property(machine, "root_device", hint)


def _choose(disks: Sequence[Disk], strategy: str) -> Disk | None:
    by_size = sorted(disks, key=lambda disk: (disk.size, disk.name))
    if strategy == "smallest":
        return by_size[0] if by_size else None
    if strategy == "largest":
        return by_size[-1] if by_size else None
    names = [f"/dev/{name.strip().removeprefix('/dev/')}" for name in strategy.split(",")]
    by_name = {disk.name: disk for disk in disks}
    return next((by_name[name] for name in names if name in by_name), None)
