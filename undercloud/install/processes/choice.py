"""Which manager of processes this machine has."""

from __future__ import annotations

import os
from pathlib import Path

from undercloud.install.processes.manager import Manager
from undercloud.install.processes.supervisor import Supervisor
from undercloud.install.processes.systemd import Systemd

NAMES = (Systemd.name, Supervisor.name)


def usual() -> str:
    """``systemd`` for root where it is PID 1 (sd_booted(3)), else ``supervisor``."""
    booted = Path("/run/systemd/system").is_dir()
    return Systemd.name if booted and os.geteuid() == 0 else Supervisor.name


def manager(name: str, state_dir: Path) -> Manager:
    """The manager of that name for the undercloud in ``state_dir``."""
    if name == Systemd.name:
        return Systemd()
    return supervisor(state_dir)


def supervisor(state_dir: Path) -> Supervisor:
    """The supervisor of the undercloud in ``state_dir``."""
    return Supervisor(state_dir / "processes", state_dir / "log")
