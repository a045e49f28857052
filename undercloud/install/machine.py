"""What speaks against installing on this machine, found without changing anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from undercloud.diagnostics import Finding, Severity
from undercloud.install import packages
from undercloud.install.installation import Installation
from undercloud.install.processes.supervisor import Supervisor
from undercloud.install.processes.systemd import UNITS, Systemd

_ROOM = 2 << 30  # bytes that the state directory has to have


def problems(installation: Installation) -> Iterator[Finding]:
    """Everything, of the machine and of each part."""
    yield from _directories(installation)
    yield from _packages(installation)
    yield from _processes(installation)
    for part in installation.parts:
        yield from part.problems()


def _directories(installation: Installation) -> Iterator[Finding]:
    site = installation.site
    for path in (site.state_dir, site.config_dir):
        above = next(each for each in (path, *path.parents) if each.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            yield Finding(
                "INST-001",
                f"{path} cannot be written: {above} is not yours to write to",
                "Run this as root, or choose --undercloud-state-dir and --config-dir.",
            )
        elif path == site.state_dir and (free := shutil.disk_usage(above).free) < _ROOM:
            yield Finding(
                "INST-006",
                f"{path} has {free >> 20} MiB of room; plans, images and logs need {_ROOM >> 30} GiB",
                "Make room, or choose another --undercloud-state-dir.",
                Severity.WARNING,
            )


def _packages(installation: Installation) -> Iterator[Finding]:
    missing = packages.missing(package for part in installation.parts for package in part.packages)
    if missing and os.geteuid() != 0:
        names = " ".join(package.name for package in missing)
        yield Finding(
            "INST-004", f"Debian packages are missing: {names}", f"As root: apt-get install {names}"
        )


def _processes(installation: Installation) -> Iterator[Finding]:
    name = installation.manager.name
    if name == Systemd.name and not (Path("/run/systemd/system").is_dir() and os.access(UNITS, os.W_OK)):
        yield Finding(
            "INST-005",
            "systemd does not run this machine, or its units are not yours to write",
            f"Run this as root, or give --processes {Supervisor.name}.",
        )
