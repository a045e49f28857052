"""CPU sets, PCI devices and other lists of Nova's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import entries, finding, passthrough, scopes
from undercloud.validation.subject import Subject

SETS = ("NovaComputeCpuSharedSet", "NovaComputeCpuDedicatedSet", "NovaVcpuPinSet")
LISTS = ("IsolCpusList", "OvsPmdCoreList", "OvsDpdkCoreList", "OVNContainerCpusetCpus")
"""Parameters that are lists of CPUs: of instances, and of other things."""
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
        "NOVA-107": "Polling threads and DPDK's own threads have CPUs of their own",
    },
    reads=(*SETS, *LISTS),
    source="Nova configuration reference: compute.cpu_dedicated_set; descriptions of the parameters",
)
def cpu_sets(subject: Subject) -> Iterator[Finding]:
    """Which CPU is whose, for each role that runs instances."""
    composition = subject.composition
    for role in ("", *sorted(composition.running.get("NovaCompute", ()))):
        found: dict[str, set[int]] = {}
        for name in (*SETS, *LISTS):
            try:
                found[name] = cpus(composition.value(name, role))
            except ValueError as error:
                yield finding(composition, "NOVA-101", f"{name}: {error}", "Write 4-15 or 0,2.", [name], role)
        if role and not composition.role_parameters(role).keys() & {*SETS, *LISTS}:
            continue
        shared, dedicated = (found.get(name, set()) for name in SETS[:2])
        if shared & dedicated:
            text = (
                f"{_listed(shared & dedicated)} are in {SETS[0]} and in {SETS[1]}, which have to be disjoint"
            )
            yield finding(composition, "NOVA-102", text, "Leave them out of one.", SETS[:2], role)
        polling = found.get("OvsPmdCoreList", set())
        if polling & found.get("OvsDpdkCoreList", set()):
            names = ["OvsDpdkCoreList", "OvsPmdCoreList"]
            text = f"{_listed(polling & found['OvsDpdkCoreList'])} are in {names[0]} and in {names[1]}"
            yield finding(composition, "NOVA-107", text, "Leave them out of one.", names, role)
        for name in SETS:
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


_PAGES = re.compile(r"(default_hugepagesz|hugepagesz|hugepages)=(\d+)([KMG]?)", re.IGNORECASE)
_UNITS = {"K": 1 / 1024, "": 1 / 1024 / 1024, "M": 1.0, "G": 1024.0}


def reserved_memory(arguments: str) -> float | None:
    """The MiB of huge pages that a kernel's arguments reserve; None where they reserve none.

    Source: Linux: admin-guide/kernel-parameters, hugepagesz and hugepages.
    """
    total, size, usual = 0.0, None, 2.0
    found = _PAGES.findall(arguments)
    for key, number, unit in found:
        if key.lower() == "default_hugepagesz":
            usual = int(number) * _UNITS[unit.upper()]
        elif key.lower() == "hugepagesz":
            size = int(number) * _UNITS[unit.upper()]
        else:
            total += int(number) * (size or usual)
    return total if any(key.lower() == "hugepages" for key, _, _ in found) else None


@check(
    {"NFV-101": "The huge pages suffice for DPDK"},
    reads=("OvsDpdkSocketMemory", "KernelArgs"),
    source="TripleO deployment guide: OVS-DPDK; Linux: kernel parameters",
)
def dpdk_memory(subject: Subject) -> Iterator[Finding]:
    """What DPDK takes against what the kernel reserves."""
    composition, names = subject.composition, ("OvsDpdkSocketMemory", "KernelArgs")
    for role in scopes(composition, *names):
        given = entries(str(composition.value(names[0], role) or ""))
        reserved = reserved_memory(str(composition.value(names[1], role) or ""))
        if not given or reserved is None or not all(part.isdecimal() for part in given):
            continue
        wanted = sum(map(int, given))
        if wanted > reserved:
            text = f"{names[0]} takes {wanted} MB, and {names[1]} reserves {reserved:.0f} MB in huge pages"
            yield finding(composition, "NFV-101", text, "Reserve more pages, or take less.", names, role)


@check(
    {"NOVA-108": "A device is of one type of virtual GPU"},
    reads=("NovaVGPUTypesDeviceAddressesMapping", "NovaMDEVTypes"),
    source="Nova configuration reference: devices.enabled_mdev_types",
)
def mediated_devices(subject: Subject) -> Iterator[Finding]:
    """Addresses of devices that are split."""
    composition = subject.composition
    for name in ("NovaVGPUTypesDeviceAddressesMapping", "NovaMDEVTypes"):
        for role in scopes(composition, name):
            value = composition.value(name, role)
            seen: dict[str, str] = {}
            for kind, given in value.items() if isinstance(value, dict) else ():
                listed = given.get("device_addresses") if isinstance(given, dict) else given
                for place in entries(listed):
                    first = seen.setdefault(place.lower(), str(kind))
                    if first != str(kind):
                        text = f"{name}: the device {place} is of the types {first} and {kind}"
                        yield finding(composition, "NOVA-108", text, "Keep one of them.", [name], role)
                    elif not _address(place):
                        text = f"{name}: {kind}: {place!r} is no PCI address"
                        yield finding(composition, "NOVA-105", text, "Write 0000:84:00.0.", [name], role)


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
