"""CPU sets, PCI devices and other lists of Nova's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import entries, finding, passthrough, scopes
from undercloud.validation.subject import Subject

_SETS = ("NovaComputeCpuSharedSet", "NovaComputeCpuDedicatedSet", "NovaVcpuPinSet")
_LISTS = ("IsolCpusList", "OvsPmdCoreList", "OvsDpdkCoreList", "OVNContainerCpusetCpus")
_SELECTORS = (
    "vendor_id",
    "product_id",
    "address",
    "devname",
    "physical_network",
    "trusted",
    "remote_managed",
    "resource_class",
    "traits",
    "parent_ifname",
    "managed",
    "live_migratable",
    "one_time_use",
)
_HEX = re.compile(r"[0-9a-fA-F]{4}|\*")


def cpus(value: Any) -> set[int]:
    """The CPUs of a list such as ``4-15,^8``; raises ValueError."""
    given: set[int] = set()
    excluded: set[int] = set()
    for entry in entries(value):
        target, text = (excluded, entry[1:]) if entry.startswith("^") else (given, entry)
        first, dash, last = text.partition("-")
        if not first.strip().isdecimal() or (dash and not last.strip().isdecimal()):
            raise ValueError(f"{entry!r} is neither a number nor a range")
        start, end = int(first), int(last) if dash else int(first)
        if start > end or end > 100_000:
            raise ValueError(f"{entry!r} is no range")
        target |= set(range(start, end + 1))
    return given - excluded


@check(
    {
        "NOVA-101": "Lists of CPUs are numbers and ranges",
        "NOVA-102": "Shared and dedicated CPUs are disjoint",
        "NOVA-103": "Polling threads and instances have CPUs of their own",
    },
    reads=(*_SETS, *_LISTS),
    source="Nova configuration reference: compute.cpu_dedicated_set; descriptions of the parameters",
)
def cpu_sets(subject: Subject) -> Iterator[Finding]:
    """Which CPU is whose, for each role that runs instances."""
    composition = subject.composition
    for role in ("", *sorted(composition.running.get("NovaCompute", ()))):
        found: dict[str, set[int]] = {}
        for name in (*_SETS, *_LISTS):
            try:
                found[name] = cpus(composition.value(name, role))
            except ValueError as error:
                yield finding(composition, "NOVA-101", f"{name}: {error}", "Write 4-15 or 0,2.", [name], role)
        if role and not composition.role_parameters(role).keys() & {*_SETS, *_LISTS}:
            continue
        shared, dedicated = (found.get(name, set()) for name in _SETS[:2])
        if shared & dedicated:
            text = f"{_listed(shared & dedicated)} are in {_SETS[0]} and in {_SETS[1]}, which have to be disjoint"
            yield finding(composition, "NOVA-102", text, "Leave them out of one.", _SETS[:2], role)
        polling = found.get("OvsPmdCoreList", set())
        for name in _SETS:
            if polling & found.get(name, set()):
                text = f"{_listed(polling & found[name])} are in OvsPmdCoreList and in {name}"
                fix = "Leave them out of the CPUs of instances: a thread that polls takes all of a CPU."
                yield finding(composition, "NOVA-103", text, fix, ["OvsPmdCoreList", name], role)


def _listed(numbers: set[int]) -> str:
    some = ", ".join(map(str, sorted(numbers)[:8]))
    return f"CPUs {some}" + (" …" if len(numbers) > 8 else "")


@check(
    {
        "NOVA-104": "A device is chosen by its name or its address, not both",
        "NOVA-105": "Entries of NovaPCIPassthrough have known keys with values of their form",
    },
    reads=("NovaPCIPassthrough",),
    source="Nova configuration reference: pci.device_spec",
)
def pci_devices(subject: Subject) -> Iterator[Finding]:
    """The devices that are passed through."""
    composition, name = subject.composition, "NovaPCIPassthrough"
    for role in scopes(composition, name):
        for device in passthrough(composition.value(name, role)):
            if "devname" in device and "address" in device:
                text = f"an entry of {name} has devname {device['devname']} and address {device['address']}"
                yield finding(
                    composition, "NOVA-104", text, "Keep one of the two.", [name, "devname", "address"], role
                )
            for wrong in _wrong(device):
                fix = f"The keys are {', '.join(_SELECTORS[:6])}."
                yield finding(composition, "NOVA-105", f"{name}: {wrong}", fix, [name], role)


def _wrong(device: dict[str, Any]) -> Iterator[str]:
    for key, value in device.items():
        if key not in _SELECTORS:
            yield f"{key} is no key of a device"
        elif key in ("vendor_id", "product_id") and not _HEX.fullmatch(str(value)):
            yield f"{key} {value!r} is not four hexadecimal digits"
        elif key == "address" and isinstance(value, str) and not _address(value):
            yield f"address {value!r} is no PCI address"


def _address(text: str) -> bool:
    """Parts may be left out or be ``*``: ``0000:05:00.0``, ``*:05:*.*``, ``:0a:00.``."""
    parts = re.fullmatch(r"([^:]*):([^:]*):([^.:]*)\.?([^.:]*)", text) or re.fullmatch(
        r"()([^:]*):([^.:]*)\.?([^.:]*)", text
    )
    widths = (4, 2, 2, 1)
    return bool(parts) and all(
        part in ("", "*") or re.fullmatch(rf"[0-9a-fA-F]{{1,{width}}}", part)
        for part, width in zip(parts.groups(), widths, strict=True)  # type: ignore[union-attr]
    )


@check(
    {"NOVA-106": "Reserved huge pages have the form node:N,size:S,count:C"},
    reads=("NovaReservedHugePages",),
    source="Nova configuration reference: reserved_huge_pages",
)
def huge_pages(subject: Subject) -> Iterator[Finding]:
    """Entries of reserved huge pages."""
    composition, name = subject.composition, "NovaReservedHugePages"
    for role in scopes(composition, name):
        joined = ",".join(entries(composition.value(name, role)))
        parts = [part for part in joined.split(",") if part]
        keys = [part.partition(":")[0].strip() for part in parts]
        if parts and (
            len(parts) % 3
            or any(set(keys[i : i + 3]) != {"node", "size", "count"} for i in range(0, len(keys), 3))
        ):
            text = f"{name}: {joined!r} does not have node, size and count for each entry"
            yield finding(composition, "NOVA-106", text, "Write node:0,size:2048,count:64.", [name], role)
