"""What a deployment needs of the compiler, as plain values that the database can keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from undercloud.baremetal.network_data import Attachment
from undercloud.deploy.requests import DeployRequest, GivenFile, GivenFiles
from undercloud.diagnostics import Finding, Location

STEPS = range(6)
Reserved = Mapping[str, Mapping[str, str]]
"""Network → address → the stack that holds it."""


@dataclass(frozen=True)
class FreeTask:
    """A free-form task list that runs on a host in a step; nobody knows beforehand what it does."""

    host: str
    step: int
    name: str


@dataclass(frozen=True)
class Node:
    """A node as SSH reaches it; an empty ``user`` leaves the choice to SSH."""

    name: str
    address: str
    role: str = ""
    user: str = ""
    port: int = 22


@dataclass(frozen=True)
class Wanted:
    """A node that a machine is to become; the fields from ``machine`` on are the deployment file's.

    ``address`` is that on the control plane, ``attachments`` are all its networks, the control plane first;
    ``tolerance`` is the role's MaxFailPercentage; ``root_size`` is in GiB, 0 for the whole disk.
    """

    host: str
    role: str
    domain: str
    user: str
    address: str
    attachments: tuple[Attachment, ...] = ()
    dns: tuple[str, ...] = ()
    tolerance: int = 0
    machine: str = ""
    resource_class: str = "baremetal"
    capabilities: Mapping[str, str] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    conductor_group: str = ""
    root_size: int = 0
    image: Mapping[str, str] = field(default_factory=dict)
    ssh_keys: str = ""
    config_drive: Mapping[str, Any] = field(default_factory=dict)
    location: Location | None = None


@dataclass(frozen=True)
class NodePlaybook:
    """A playbook that runs on the nodes of a role; ``file`` is its path in the playbook directory.

    That is empty for one that comes with us, which ``name`` says then. ``extra_vars`` may hold secrets.
    """

    role: str
    name: str
    file: str = ""
    extra_vars: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Access:
    """How to log in to the cloud that comes out; ``password`` is never shown.

    ``authority`` (PEM) is what clients have to trust beside their system's, ``authority_file`` a file of the
    operator's that has it; both empty where their system's will do.
    """

    auth_url: str = ""
    region: str = ""
    username: str = "admin"
    project: str = "admin"
    password: str = field(default="", repr=False)
    authority: str = ""
    authority_file: str = ""


@dataclass(frozen=True)
class Loaded:
    """The operator's files, read: ``files`` to keep as the plan's next version, ``source`` how they belong.

    ``plan`` is the compiler's own value, handed back to it and not looked into; ``modes`` are the permission
    bits of the operator's files, as far as they were read from a disk.
    """

    files: Mapping[str, bytes] = field(repr=False)
    source: Mapping[str, Any]
    plan: Any = field(repr=False)
    findings: tuple[Finding, ...] = ()
    modes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is known beside a plan when it is judged.

    ``given`` are the operator's other files; ``previous`` is what was described of the version that is
    deployed, None where none is. ``machines`` are the registered ones that are free or ours, in the form of
    a file of machines: for a plan that wants machines, where no such file was given.
    """

    given: GivenFiles = field(default_factory=GivenFiles)
    previous: Mapping[str, Any] | None = None
    machines: GivenFile | None = None


@dataclass(frozen=True)
class Compiled:
    """A playbook directory (``files`` by relative path), the secrets that it refers to, and the new state.

    ``sensitive`` are the texts that nothing may show: passwords and keys by themselves, where ``secrets`` may
    be whole files that hold them. ``described`` is what validation compares a later version with.
    """

    files: Mapping[str, bytes] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    state: Mapping[str, Any] = field(repr=False)
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)
    nodes: tuple[Node, ...] = ()
    access: Access = Access()
    tasks: tuple[FreeTask, ...] = ()
    described: Mapping[str, Any] = field(default_factory=dict)
    machines: tuple[Wanted, ...] = ()
    playbooks: tuple[NodePlaybook, ...] = ()


@dataclass(frozen=True)
class Judged:
    """All that is to be said of a plan, and what was compiled of it: None where it cannot be."""

    findings: tuple[Finding, ...]
    compiled: Compiled | None = field(repr=False)
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)


class Compiler(Protocol):
    """The pure compiler as the engine uses it."""

    def load(self, request: DeployRequest) -> Loaded:
        """Read the operator's files; UndercloudError with all that is wrong with them."""
        ...

    def reload(self, files: Mapping[str, bytes], source: Mapping[str, Any]) -> Loaded:
        """What ``load`` gave, out of what was kept of it."""
        ...

    def texts(self, loaded: Loaded, files: Iterable[str]) -> Mapping[str, str]:
        """The texts of a plan's files by the names that findings give; unknown ones are left out."""
        ...

    def compile(self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved) -> Compiled:
        """Compile with the plan's state (None at the first time); UndercloudError with all errors."""
        ...

    def judge(
        self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved, known: Known
    ) -> Judged:
        """Compile and validate: everything that is wrong with the plan, at once."""
        ...
