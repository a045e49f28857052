"""The Engine interface's part about machines: what is asked for and answered, as plain values."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from undercloud.baremetal.discovery.places import PORTS
from undercloud.deploy.engine import Deployment, Engine
from undercloud.deploy.requests import DeployRequest, GivenFile, SshAccess
from undercloud.diagnostics import Finding
from undercloud.diskimages.built import Built

BARE_METAL = "bare metal"
"""In the place of a stack's name in the record of work with machines; no stack can be called so."""


class MachineWork(enum.StrEnum):
    """What is done with machines, in this order; also the stages of such work."""

    ENROL = "enrol"
    MANAGE = "manage"
    CONFIGURE = "configure"
    INTROSPECT = "introspect"
    CLEAN = "clean"
    BIOS = "bios"
    RAID = "raid"
    PROVIDE = "provide"
    POWER = "power"


@dataclass(frozen=True)
class Configuration:
    """What ``overcloud node configure`` sets; empty leaves as it is.

    ``root_device`` is ``smallest``, ``largest`` or names of disks in the order of preference; ``least_root``
    is in GiB; ``overwrite`` replaces a hint that is there. ``capabilities`` are set one by one; an empty
    value takes one away.
    """

    boot_mode: str = ""
    deploy_kernel: str = ""
    deploy_ramdisk: str = ""
    root_device: str = ""
    least_root: int = 4
    overwrite: bool = False
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MachinesRequest:
    """Work with machines: those of ``file``, those that are named, or (neither) all that are manageable.

    ``work`` are parts of ``MachineWork``. ``concurrency`` is how many at once (0: as configured),
    ``timeout`` is in seconds for one machine, ``retries`` how often a failed introspection is tried again.
    ``bios`` are settings (None: those of the factory), ``raid`` is Ironic's target RAID configuration,
    ``power`` is on, off or reboot; ``soft`` asks the operating system.
    """

    work: tuple[MachineWork, ...]
    file: GivenFile | None = None
    machines: tuple[str, ...] = ()
    concurrency: int = 0
    timeout: int = 1800
    retries: int = 0
    configuration: Configuration = field(default_factory=Configuration)
    bios: Mapping[str, Any] | None = None
    raid: Mapping[str, Any] = field(default_factory=dict)
    power: str = ""
    soft: bool = False
    ssh: SshAccess = field(default_factory=SshAccess)
    verbosity: int = 0
    stack: str = BARE_METAL


@dataclass(frozen=True)
class UnprovisionRequest:
    """Give machines back: those of ``hosts``, or of all nodes of the stack (``everything``).

    With ``leave``, services take leave of nodes that the stack is still deployed on; ``sure`` lets go of them
    whatever they hold. ``timeout`` is in seconds for one machine.
    """

    stack: str
    hosts: tuple[str, ...] = ()
    everything: bool = False
    leave: bool = False
    sure: bool = False
    concurrency: int = 0
    timeout: int = 3600
    ssh: SshAccess = field(default_factory=SshAccess)
    verbosity: int = 0


@dataclass(frozen=True)
class ProvisionedNode:
    """A node that a machine runs, or is to run; ``status`` is placed or deployed, ``ips`` are by network."""

    stack: str
    host: str
    machine: str
    status: str
    role: str = ""
    address: str = ""
    ips: Mapping[str, str] = field(default_factory=dict)


AT_ONCE = 64
"""Addresses that are looked at in one call, which then takes a minute at most."""


@dataclass(frozen=True)
class DiscoverRequest:
    """Where to look for BMCs: addresses, ranges (CIDR) and URLs, and pairs of ``user:password`` to try.

    ``protocols`` are some of ``PORTS``; without ``ports`` their usual ones are asked.
    """

    addresses: tuple[str, ...]
    credentials: tuple[str, ...] = field(repr=False)
    ports: tuple[int, ...] = ()
    protocols: tuple[str, ...] = tuple(PORTS)


@dataclass(frozen=True)
class Discovered:
    """What looking for BMCs found: ``machines`` are entries of a file of machines, with their passwords.

    ``known`` are the machines that are registered already: they are not among the entries. ``findings`` are
    about BMCs that cannot be used (BM-129, BM-130).
    """

    machines: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    known: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class MachineInfo:
    """A machine as it stands; ``memory`` is in MiB, ``root_disk`` the very disk, empty before inspection.

    ``stack`` and ``host`` say which node it is, where it is one.
    """

    uuid: str
    name: str
    provision_state: str
    power_state: str
    maintenance: bool
    resource_class: str
    profile: str = ""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    stack: str = ""
    host: str = ""
    cpus: int = 0
    memory: int = 0
    root_disk: str = ""
    last_error: str = ""
    maintenance_reason: str = ""

    @property
    def title(self) -> str:
        """Its name, else its UUID."""
        return self.name or self.uuid


@dataclass(frozen=True)
class MachineFilter:
    """Which machines are meant; what is empty asks for nothing."""

    provision_state: str = ""
    profile: str = ""
    stack: str = ""

    def of(self, machines: Iterable[MachineInfo]) -> list[MachineInfo]:
        """Those that fit, in their order."""
        wanted = {name: value for name, value in vars(self).items() if value}
        return [one for one in machines if all(getattr(one, name) == wanted[name] for name in wanted)]


@dataclass(frozen=True)
class MachineDetail:
    """One machine with what it is made of (``facts``: ``topology.facts.Facts``) and how Ironic uses it.

    ``raid`` are the logical disks that were made last, in the words of Ironic's RAID configuration.
    """

    machine: MachineInfo
    driver: str
    ports: tuple[str, ...]
    properties: Mapping[str, Any]
    facts: Mapping[str, Any]
    bios: Mapping[str, str] = field(default_factory=dict)
    raid: tuple[Mapping[str, Any], ...] = ()
    inspected: str = ""


class Machines(Protocol):
    """Works with machines through Ironic; every method raises BM-106 where there is none."""

    def prepare_machines(self, request: MachinesRequest) -> Deployment:
        """Start work with machines; refused (DEP-001) while other such work goes on."""
        ...

    def allocate(self, request: DeployRequest) -> Deployment:
        """Start to give a plan its addresses, and nothing more; refused (DEP-001) while it is written."""
        ...

    def addresses(self, stack: str) -> Mapping[str, Mapping[str, str]]:
        """Network → owner → address, as a plan has them; DEP-003 when the name is unknown."""
        ...

    def provision(self, request: DeployRequest) -> Deployment:
        """Start to provision the nodes of a plan, and nothing more; refused (DEP-001) while it is written."""
        ...

    def unprovision(self, request: UnprovisionRequest) -> Deployment:
        """Start to give machines of a stack back; BM-148 an unknown node, BM-149 one that is in use.

        DEP-029 where the only data of a service would go with one that takes leave.
        """
        ...

    def provisioned(self, stack: str) -> tuple[ProvisionedNode, ...]:
        """The nodes of a stack that have a machine, by name; DEP-003 when the name is unknown."""
        ...

    def discover_machines(self, request: DiscoverRequest) -> Discovered:
        """Look for BMCs, and what is behind those that let us in; BM-121 for what is no address."""
        ...

    def machines(self) -> tuple[MachineInfo, ...]:
        """All machines by name."""
        ...

    def machine(self, name: str) -> MachineDetail:
        """One machine by name or UUID; BM-107 when there is none."""
        ...

    def set_maintenance(self, names: tuple[str, ...], on: bool, reason: str = "") -> None:
        """Put machines into maintenance, or take them out; BM-107 for unknown ones, before any is changed."""
        ...

    def forget_machines(self, names: tuple[str, ...]) -> None:
        """Let Ironic forget machines; BM-107 unknown ones, BM-108 those that are nodes: then none is."""
        ...

    def disk_images(self) -> tuple[Built, ...]:
        """The images that machines are handed, by name; IMG-043 where their list cannot be used."""
        ...


class WholeEngine(Engine, Machines, Protocol):
    """Everything that an engine does."""
