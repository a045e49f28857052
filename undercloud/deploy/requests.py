"""What the engine is asked for, as plain values that any border can carry (see ``engine``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PlanPaths:
    """The operator's files, as paths on the engine's machine (absolute)."""

    templates: str
    roles_file: str = ""
    networks_file: str = ""
    vip_file: str = ""
    baremetal_deployment: str = ""
    plan_environment: str = ""
    environments: tuple[str, ...] = ()
    environment_directories: tuple[str, ...] = ()


@dataclass(frozen=True)
class GivenFile:
    """A file of the operator's: its path as it is told, and its text."""

    path: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class GivenFiles:
    """What an operator hands over for validation besides the plan: machines, undercloud.conf, own rules."""

    nodes: GivenFile | None = None
    undercloud: GivenFile | None = None
    rules: tuple[GivenFile, ...] = ()


@dataclass(frozen=True)
class SshAccess:
    """How the engine enters the nodes.

    ``known_hosts`` is a file of the operator's that is obeyed as it is; without it a node's key is pinned
    in the database at first contact.
    """

    user: str = ""
    private_key: str = ""
    known_hosts: str = ""
    port: int = 0
    connect_timeout: int = 10


@dataclass(frozen=True)
class DeployRequest:
    """What ``overcloud deploy`` asks for.

    ``limit`` is an Ansible host pattern; ``force`` are codes of findings that shall not stop this
    deployment, ``errors_pass`` lets all of them pass that validation and the checks of the nodes make, and
    ``warnings_stop`` makes their warnings stop it; ``operator`` is who asks, for the record; ``given`` are
    files that validation reads; ``timeout`` is in seconds, 0 for none; ``parameters`` are set over all
    environments. ``version`` is a kept version of the plan to deploy instead of the files of ``plan``.
    ``concurrency`` is how many machines are installed at once, 0 as configured.
    ``skip`` are stages to leave out; after a failure on nodes ``rollback_on_failure`` deploys the last good
    version.
    """

    stack: str
    plan: PlanPaths
    dry_run: bool = False
    limit: str = ""
    skip: tuple[str, ...] = ()
    rollback_on_failure: bool = False
    force: tuple[str, ...] = ()
    errors_pass: bool = False
    warnings_stop: bool = False
    operator: str = ""
    given: GivenFiles = GivenFiles()
    ssh: SshAccess = SshAccess()
    timeout: int = 0
    registry: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    verbosity: int = 0
    version: int = 0
    concurrency: int = 0


@dataclass(frozen=True)
class RollbackRequest:
    """What ``overcloud rollback`` asks for: the plan's version ``version``, or the last good one (0).

    The nodes are entered, and findings let pass, as in the good deployment of that version; ``operator`` is
    who asks, ``timeout`` is in seconds.
    """

    stack: str
    version: int = 0
    operator: str = ""
    timeout: int = 0
    verbosity: int = 0


@dataclass(frozen=True)
class PlanRef:
    """A plan to be compared: a kept version (0: the newest), the deployed one, or one to be read.

    ``request`` names files as a deployment of them would; nothing of it is kept.
    """

    stack: str
    version: int = 0
    deployed: bool = False
    request: DeployRequest | None = None


@dataclass(frozen=True)
class DeleteRequest:
    """What ``overcloud delete`` asks for.

    ``abandon`` forgets nodes that no longer answer: what can be reached is cleaned, the rest is reported,
    and the stack counts as deleted.
    """

    stack: str
    abandon: bool = False
    ssh: SshAccess = SshAccess()
    timeout: int = 0
    verbosity: int = 0


@dataclass(frozen=True)
class BackupRequest:
    """What ``overcloud backup``, ``overcloud restore`` and ``overcloud backup snapshot`` ask for.

    ``action`` is one of ``backup.ACTIONS``. ``directory`` (absolute, on the engine's machine) is where a
    backup is put or lies; empty: a new one below the state directory.
    """

    stack: str
    action: str
    directory: str = ""
    ssh: SshAccess = SshAccess()
    timeout: int = 0
    verbosity: int = 0


@dataclass(frozen=True)
class CheckRequest:
    """What ``overcloud validator run`` asks for: checks of a deployed cloud, on its nodes.

    ``groups`` are pre-deployment, post-deployment (also when none is named), vip-moves, and those that
    validations of templates name; ``names`` are names or codes of single checks.
    """

    stack: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    ssh: SshAccess = SshAccess()
    timeout: int = 0
    verbosity: int = 0
