"""Which machine becomes which node: every choice with its reason, and why a node gets none.

Filters narrow the list one after the other, so that the one that emptied it can be named with what it saw.
Then as many nodes as possible get a machine (a matching), pinned ones and those with most wishes first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Finding, Location
from undercloud.topology.facts import GIB, Facts, root_disk
from undercloud.topology.machines import DEFAULT_CLASS
from undercloud.topology.matching import matched

_NAMED = 5
_PARTITION = 2 * GIB
"""What a whole-disk image needs beside the root partition: boot, EFI, config drive."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A registered machine as placement sees it; ``busy`` says why it cannot be taken, empty if it can."""

    name: str
    uuid: str
    resource_class: str = DEFAULT_CLASS
    capabilities: Mapping[str, str] = dataclasses.field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    conductor_group: str = ""
    busy: str = ""
    facts: Facts | None = None
    root_device: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Demand:
    """What one node wants of its machine.

    ``machine`` pins it by name or UUID; ``root_size`` is in GiB, ``image_size`` in bytes (0: not known).
    """

    node: str
    role: str
    machine: str = ""
    resource_class: str = DEFAULT_CLASS
    capabilities: tuple[tuple[str, str], ...] = ()
    traits: tuple[str, ...] = ()
    conductor_group: str = ""
    root_size: int = 0
    image_size: int = 0
    location: Location | None = None

    @property
    def wishes(self) -> int:
        """How choosy it is."""
        return 100 * bool(self.machine) + len(self.capabilities) + len(self.traits) + bool(self.root_size)


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A node's machine and why it is that one."""

    node: str
    machine: Candidate
    why: str


@dataclasses.dataclass(frozen=True)
class Placed:
    """Who got what; ``findings`` say of the others which requirement left them without."""

    chosen: tuple[Chosen, ...]
    findings: tuple[Finding, ...]


def _alike(demand: Demand) -> Demand:
    """The same wishes of any node."""
    return dataclasses.replace(demand, node="", role="", location=None)


_Filter = tuple[str, Callable[[Candidate], bool], Callable[[Candidate], str]]


def place_machines(demands: Sequence[Demand], candidates: Sequence[Candidate]) -> Placed:
    """Give every demand a machine of its own: the plainest that fits, so that what others have stays free.

    The order of the machines decides among equals.

    Findings: BM-140 a requirement that no machine meets, BM-141 machines that would do, but fewer than nodes.
    """
    order = sorted(range(len(demands)), key=lambda index: (-demands[index].wishes, index))
    # The nodes of a role mostly want the same.
    suitable: dict[Demand, list[int]] = {}
    for demand in map(_alike, demands):
        if demand not in suitable:
            filters = [test for _, test, _ in _filters(demand)]
            suitable[demand] = [
                number for number, one in enumerate(candidates) if all(test(one) for test in filters)
            ]
            suitable[demand].sort(key=lambda number: _unasked(demand, candidates[number]))
    lists = [suitable[_alike(demands[index])] for index in order]
    found = {order[position]: partner for position, partner in matched(lists).items()}
    fitting = {order[position]: len(choices) for position, choices in enumerate(lists)}
    chosen, findings = [], []
    for index, demand in enumerate(demands):
        if index in found:
            machine = candidates[found[index]]
            chosen.append(Chosen(demand.node, machine, _reason(demand, fitting[index])))
        else:
            findings.append(_refusal(demand, candidates, fitting[index]))
    return Placed(tuple(chosen), tuple(findings))


def _unasked(demand: Demand, one: Candidate) -> int:
    """How much a machine has that a demand does not ask for: capabilities and traits."""
    return len(one.capabilities.keys() - dict(demand.capabilities)) + len(one.traits - set(demand.traits))


def _filters(demand: Demand) -> Iterator[_Filter]:
    if demand.machine:
        yield (
            f"it is the machine {demand.machine}",
            lambda one: demand.machine in (one.name, one.uuid),
            lambda one: one.name,
        )
    yield "it is free", lambda one: not one.busy, lambda one: one.busy
    if not demand.machine:
        yield (
            f"its resource class is {demand.resource_class}",
            lambda one: one.resource_class == demand.resource_class,
            lambda one: one.resource_class,
        )
    if demand.conductor_group:
        yield (
            f"its conductor group is {demand.conductor_group}",
            lambda one: one.conductor_group == demand.conductor_group,
            lambda one: one.conductor_group or "none",
        )
    for key, value in demand.capabilities:
        yield _capability(key, value)
    for trait in demand.traits:
        yield f"it has the trait {trait}", _has(trait), lambda one: ", ".join(sorted(one.traits)) or "none"
    if demand.root_size:
        least = demand.root_size * GIB + _PARTITION
        yield _disk(f"its root disk has {least // GIB} GiB or more", least)
    if demand.image_size:
        yield _disk(f"its root disk holds the image of {demand.image_size / GIB:.1f} GiB", demand.image_size)


def _capability(key: str, value: str) -> _Filter:
    return (
        f"it has {key}:{value}",
        lambda one: one.capabilities.get(key) == value,
        lambda one: f"{key}:{one.capabilities[key]}" if key in one.capabilities else f"no {key}",
    )


def _disk(what: str, least: int) -> _Filter:
    """At least so many bytes; a machine that was never inspected may have them."""

    def seen(one: Candidate) -> int:
        size = _root_size(one)
        return least if size is None else size

    return what, lambda one: seen(one) >= least, lambda one: f"{seen(one) // GIB} GiB"


def _has(trait: str) -> Callable[[Candidate], bool]:
    return lambda one: trait in one.traits


def _root_size(one: Candidate) -> int | None:
    """Bytes of the root disk; None where the machine was never inspected, 0 where no disk fits."""
    if one.facts is None or not one.facts.disks:
        return None
    disk = root_disk(one.facts, one.root_device)
    return disk.size if disk else 0


def _reason(demand: Demand, fitting: int) -> str:
    if demand.machine:
        return "it is named in the deployment file"
    wishes = [f"{key}:{value}" for key, value in demand.capabilities] + list(demand.traits)
    asked = ", ".join([demand.resource_class, *wishes])
    return f"the only machine with {asked}" if fitting == 1 else f"one of {fitting} machines with {asked}"


def _refusal(demand: Demand, candidates: Sequence[Candidate], fitting: int) -> Finding:
    places = (demand.location,) if demand.location else ()
    if fitting:
        text = f"no machine is left for {demand.node}: {fitting} would do, and other nodes have them"
        return Finding("BM-141", text, "Register more machines, or lower a count.", locations=places)
    left = list(candidates)
    for what, test, shows in _filters(demand):
        rest = [one for one in left if test(one)]
        if left and not rest:
            seen = [f"{one.name} ({shows(one)})" for one in left[:_NAMED]]
            more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
            text = (
                f"no machine fits {demand.node}: of {len(left)} that were left none meets '{what}': "
                f"{', '.join(seen)}{more}"
            )
            fix = "Give a machine what is asked for, free one, or ask for less in the deployment file."
            return Finding("BM-140", text, fix, locations=places, parameters=(demand.role,))
        left = rest
    text = f"no machine fits {demand.node}: none is registered"
    return Finding("BM-140", text, "openstack overcloud node import instackenv.yaml", locations=places)
