"""Writing an image to a machine's disk, and giving the machine back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from undercloud.baremetal.errors import UnfitError
from undercloud.baremetal.fleet import Journey, to_states
from undercloud.baremetal.ironic import Ironic, Machine, Patch

_UNDERWAY = frozenset({"deploying", "wait call-back"})
_GIVING_BACK = frozenset({"deleting", "cleaning", "clean wait"})
_NEEDED = ("power", "management", "deploy", "boot")


@dataclasses.dataclass(frozen=True)
class Image:
    """What a disk gets: ``href`` is a URL, ``checksum`` SHA-256 or a URL of sums; raw unless it says else."""

    href: str
    checksum: str = ""
    kernel: str = ""
    ramdisk: str = ""


@dataclasses.dataclass(frozen=True)
class Order:
    """What a machine is to become; ``root_size`` is in GiB, 0 for the whole disk."""

    host: str
    image: Image
    drive: Mapping[str, Any] = dataclasses.field(repr=False)
    root_size: int = 0
    capabilities: Mapping[str, str] = dataclasses.field(default_factory=dict)
    traits: tuple[str, ...] = ()


def deploy(ironic: Ironic, orders: Mapping[str, Order]) -> Journey:
    """Install machines; ``orders`` is by UUID. One that failed before is installed anew."""

    def begin(machine: Machine) -> None:
        order = orders[machine.uuid]
        ironic.update(machine.title, _instance(order))
        problems = ironic.problems(machine.title, _NEEDED)
        if problems:
            told = "; ".join(f"{interface}: {why}" for interface, why in problems.items())
            raise UnfitError(f"deploy {machine.title}", told)
        ironic.move(machine.title, "active", configdrive=dict(order.drive))

    there: Callable[[Machine], bool] = to_states(["active"])
    failed = to_states(["deploy failed", "error"])
    return Journey("deploy", begin, there, failed, _UNDERWAY | {"active"}, "active")


def give_back(ironic: Ironic) -> Journey:
    """Take the instance off machines; Ironic cleans them, if it is told to, and offers them again."""
    return Journey(
        "give back",
        lambda machine: ironic.move(machine.title, "deleted"),
        to_states(["available"]),
        to_states(["error", "clean failed"]),
        _GIVING_BACK | {"available"},
        "available",
    )


def _instance(order: Order) -> Patch:
    """The machine's instance_info, whole: what an earlier try left there is gone."""
    image = order.image
    info: dict[str, Any] = {"display_name": order.host, "image_source": image.href}
    if image.checksum:
        info |= _sum(image.checksum)
    if image.kernel:
        info |= {"kernel": image.kernel, "ramdisk": image.ramdisk}
    else:
        info["image_type"] = "whole-disk"
    if urlsplit(image.href).path.endswith(".raw"):
        info["image_disk_format"] = "raw"
    if order.root_size:
        info["root_gb"] = order.root_size
    if order.capabilities:
        info["capabilities"] = dict(order.capabilities)  # text, as in properties, is refused here
    if order.traits:
        info["traits"] = list(order.traits)
    return [{"op": "add", "path": "/instance_info", "value": info}]


def _sum(checksum: str) -> dict[str, str]:
    if "://" in checksum:
        return {"image_checksum": checksum}
    names = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
    kind = names.get(len(checksum), "sha256")
    return {"image_os_hash_algo": kind, "image_os_hash_value": checksum}
