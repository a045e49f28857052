"""What a machine is made of, as its inspection saw it, and which of its disks becomes the root disk.

An inspection's data is that of ironic-python-agent (``inventory`` and ``plugin_data``, as Ironic's
``GET /v1/nodes/NODE/inventory`` gives them); a Redfish inspection has parts of the same form.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from oslo_utils import specs_matcher, strutils

GIB = 1024**3
_LEAST_ROOT = 4 * GIB
"""The agent takes no smaller disk than this when there is no hint (ironic-python-agent: hardware.py)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """A disk; ``size`` is in bytes, ``name`` is what the ramdisk called it (/dev/sda)."""

    name: str
    size: int
    serial: str = ""
    wwn: str = ""
    model: str = ""
    vendor: str = ""
    rotational: bool = False
    hctl: str = ""
    by_path: str = ""
    wwn_with_extension: str = ""
    wwn_vendor_extension: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.size // GIB} GiB{', serial ' + self.serial if self.serial else ''})"


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbour:
    """The switch port at the other end of a cable, as LLDP tells.

    ``vlans`` are the ids that it carries, ``untagged`` that of what has none; ``mtu`` is its largest frame in
    bytes. 0 and empty: it does not tell.
    """

    switch: str = ""
    port: str = ""
    system: str = ""
    vlans: tuple[int, ...] = ()
    untagged: int = 0
    mtu: int = 0

    def __str__(self) -> str:
        return " port ".join(part for part in (self.system or self.switch, self.port) if part)


@dataclasses.dataclass(frozen=True, slots=True)
class Nic:
    """A network card; ``speed`` is in Mbit/s (0: not told), ``link`` whether a cable is in."""

    name: str
    mac: str
    link: bool = True
    speed: int = 0
    driver: str = ""
    numa: int | None = None
    neighbour: Neighbour | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class NumaNode:
    """A NUMA node: its memory in MiB, its physical cores with the threads of each, its cards' names."""

    id: int
    memory: int = 0
    cores: tuple[tuple[int, ...], ...] = ()
    nics: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What a machine is made of; ``memory`` is in MiB, ``cpus`` counts threads."""

    memory: int = 0
    cpus: int = 0
    architecture: str = ""
    cpu_model: str = ""
    cpu_flags: tuple[str, ...] = ()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    numa: tuple[NumaNode, ...] = ()
    vendor: str = ""
    product: str = ""
    serial: str = ""
    boot_mode: str = ""

    @property
    def hugepages(self) -> bool:
        """Whether the processor knows pages of 1 GiB."""
        return "pdpe1gb" in self.cpu_flags


def facts_of(data: Mapping[str, Any]) -> Facts:
    """The facts in an inspection's data; what is absent stays empty."""
    inventory, plugins = _map(data.get("inventory")), _map(data.get("plugin_data"))
    cpu, maker = _map(inventory.get("cpu")), _map(inventory.get("system_vendor"))
    numa = tuple(_numa(_map(plugins.get("numa_topology"))))
    where = {name: node.id for node in numa for name in node.nics}
    return Facts(
        memory=_number(_map(inventory.get("memory")).get("physical_mb")),
        cpus=_number(cpu.get("count")),
        architecture=_text(cpu.get("architecture")),
        cpu_model=_text(cpu.get("model_name")),
        cpu_flags=tuple(map(str, cpu.get("flags") or ())),
        disks=tuple(_disk(_map(each)) for each in inventory.get("disks") or ()),
        nics=tuple(_nic(_map(each), plugins, where) for each in inventory.get("interfaces") or ()),
        numa=numa,
        vendor=_text(maker.get("manufacturer")),
        product=_text(maker.get("product_name")),
        serial=_text(maker.get("serial_number")),
        boot_mode=_text(_map(inventory.get("boot")).get("current_boot_mode")),
    )


def root_disk(facts: Facts, hints: Mapping[str, Any]) -> Disk | None:
    """The very disk that the operating system goes on, by the rules of Ironic; None where none fits.

    Without hints it is the smallest one of at least 4 GiB. Hints are those of Ironic's ``root_device``: all
    have to match, sizes are GiB, texts and numbers may begin with an operator of oslo.utils' specs_matcher.
    """
    if not hints:
        large = [disk for disk in facts.disks if disk.size >= _LEAST_ROOT]
        return min(large, key=lambda disk: (disk.size, disk.name), default=None)
    return next((disk for disk in facts.disks if all(_fits(disk, *hint) for hint in hints.items())), None)


def _fits(disk: Disk, hint: str, wanted: Any) -> bool:
    if hint not in {field.name for field in dataclasses.fields(Disk)}:
        return False
    value = getattr(disk, hint)
    if hint == "rotational":
        return bool(value is strutils.bool_from_string(str(wanted)))
    if hint == "size":
        said = str(wanted).strip()
        return bool(specs_matcher.match(str(value // GIB), f"== {said}" if said.isdecimal() else said))
    if not value:
        return False
    asked = str(wanted).strip().lower()
    bare = not asked.startswith(("s=", "s!", "s<", "s>", "<", "=", "!", ">"))
    return bool(specs_matcher.match(value.lower(), f"s== {asked}" if bare else asked))


def _disk(data: Mapping[str, Any]) -> Disk:
    texts = (
        "serial",
        "wwn",
        "model",
        "vendor",
        "hctl",
        "by_path",
        "wwn_with_extension",
        "wwn_vendor_extension",
    )
    return Disk(
        name=_text(data.get("name")),
        size=_number(data.get("size")),
        rotational=bool(data.get("rotational")),
        **{name: _text(data.get(name)).strip() for name in texts},
    )


def _nic(data: Mapping[str, Any], plugins: Mapping[str, Any], numa: Mapping[str, int]) -> Nic:
    name = _text(data.get("name"))
    told = _map(_map(plugins.get("parsed_lldp")).get(name))
    neighbour = Neighbour(
        _text(told.get("switch_chassis_id")),
        _text(told.get("switch_port_id")),
        _text(told.get("switch_system_name")),
        tuple(_number(_map(each).get("id")) for each in told.get("switch_port_vlans") or ()),
        _number(told.get("switch_port_untagged_vlan_id")),
        _number(told.get("switch_port_mtu")),
    )
    return Nic(
        name,
        _text(data.get("mac_address")).lower(),
        data.get("has_carrier") is not False,
        _number(data.get("speed_mbps")),
        _text(data.get("driver")),
        numa.get(name),
        neighbour if told else None,
    )


def _numa(data: Mapping[str, Any]) -> Iterator[NumaNode]:
    """The agent's ``numa-topology`` collector: lists of ram, cpus and nics that name their node."""

    def of(kind: str, node: int) -> list[Mapping[str, Any]]:
        return [each for each in map(_map, data.get(kind) or ()) if each.get("numa_node") == node]

    for node in sorted({_number(_map(each).get("numa_node")) for each in data.get("ram") or ()}):
        yield NumaNode(
            node,
            sum(_number(each.get("size_kb")) for each in of("ram", node)) // 1024,
            tuple(tuple(map(int, each.get("thread_siblings") or ())) for each in of("cpus", node)),
            tuple(_text(each.get("name")) for each in of("nics", node)),
        )


def from_plain(data: Mapping[str, Any]) -> Facts:
    """The facts that :func:`dataclasses.asdict` wrote, also after a way through JSON."""

    def each(key: str, kind: Callable[..., Any]) -> tuple[Any, ...]:
        return tuple(kind(**item) for item in data.get(key) or ())

    def nic(**item: Any) -> Nic:
        seen = item.pop("neighbour", None)
        neighbour = Neighbour(**{**seen, "vlans": tuple(seen.get("vlans") or ())}) if seen else None
        return Nic(**item, neighbour=neighbour)

    def numa(**item: Any) -> NumaNode:
        cores: Sequence[Sequence[int]] = item.pop("cores", ())
        return NumaNode(**{**item, "nics": tuple(item["nics"])}, cores=tuple(map(tuple, cores)))

    parts = {"disks": each("disks", Disk), "nics": each("nics", nic), "numa": each("numa", numa)}
    return Facts(**{**data, **parts, "cpu_flags": tuple(data.get("cpu_flags") or ())})


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0
