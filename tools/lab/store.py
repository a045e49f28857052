"""The lab's own podman: its settings, its store, and the one way to call it."""

import json
import os
import resource
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.lab.commands import run
from tools.lab.model import Lab

WANTED_LIMITS = {"nofile": 65536, "nproc": 16384}  # conmon itself lowers nproc to 32768 first


def engine_settings(lab: Lab, *, systemd: bool, limits: Mapping[str, int]) -> str:
    """The text of containers.conf.

    `systemd` says whether this host runs systemd (it then owns the cgroups). `limits` are the resource
    limits (nofile, nproc) containers get: without CAP_SYS_RESOURCE a container that asks for more than
    this process has does not start. runc, because crun refuses hosts that mount both versions of cgroups;
    locks in files of our own, because podman's default ones are shared by every store on the machine.
    """
    ulimits = ", ".join(f'"{name}={value}:{value}"' for name, value in limits.items())
    return "\n".join(
        [
            "[containers]",
            f"default_ulimits = [{ulimits}]",
            "[network]",
            f'network_config_dir = "{lab.directory}/networks"',
            "[engine]",
            'runtime = "runc"',
            f'cgroup_manager = "{"systemd" if systemd else "cgroupfs"}"',
            'events_logger = "file"',
            'lock_type = "file"',
            f'tmp_dir = "{lab.runtime}/libpod"',
            "",
        ]
    )


def storage_settings(lab: Lab) -> str:
    """The text of storage.conf: layers on the disk, mounts under /run so that a reboot forgets them."""
    return "\n".join(
        [
            "[storage]",
            'driver = "overlay"',
            f'graphroot = "{lab.images}/storage"',
            f'runroot = "{lab.runtime}/storage"',
            "",
        ]
    )


def prepare(lab: Lab) -> None:
    """Make the lab's directory and write podman's settings."""
    lab.directory.mkdir(parents=True, exist_ok=True)
    (lab.directory / "networks").mkdir(exist_ok=True)
    settings = engine_settings(lab, systemd=Path("/run/systemd/system").is_dir(), limits=allowed_limits())
    (lab.directory / "containers.conf").write_text(settings)
    (lab.directory / "storage.conf").write_text(storage_settings(lab))


def allowed_limits() -> dict[str, int]:
    """The resource limits to give to containers: WANTED_LIMITS, or this process's hard limits where less."""
    numbers = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(number)[1] for name, number in numbers.items()}
    return {
        name: wanted if hard[name] == resource.RLIM_INFINITY else min(wanted, hard[name])
        for name, wanted in WANTED_LIMITS.items()
    }


def environment(lab: Lab) -> dict[str, str]:
    """The variables that make podman and buildah use the lab's settings and nothing else."""
    return {
        "CONTAINERS_CONF": str(lab.directory / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(lab.directory / "storage.conf"),
    }


def podman(lab: Lab, *arguments: str, stdin: bytes | None = None, timeout: float = 120, fix: str = "") -> str:
    """Run podman on the lab's store and return its output. Raises LabError."""
    return run(["podman", *arguments], env=environment(lab), stdin=stdin, timeout=timeout, fix=fix)


def podman_json(lab: Lab, *arguments: str) -> Any:
    """Run a podman command that writes JSON and return what it wrote, parsed."""
    return json.loads(podman(lab, *arguments) or "[]")


def exec_command(node: str, command: Sequence[str], *, tty: bool) -> list[str]:
    """The podman command that runs `command` in a node as root, past its network."""
    return ["podman", "exec", "-i", *(["-t"] if tty else []), node, *command]


def remove(lab: Lab) -> None:
    """Remove podman's store, settings and runtime state. Nodes must be gone."""
    layers = lab.images / "storage" / "overlay"
    if os.path.ismount(layers):  # podman mounts it on itself
        run(["umount", str(layers)])
    for path in (lab.images, lab.directory / "networks", lab.runtime):
        shutil.rmtree(path, ignore_errors=True)
    for name in ("containers.conf", "storage.conf"):
        (lab.directory / name).unlink(missing_ok=True)
