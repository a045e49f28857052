"""A container entry as arguments of ``podman create``: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    LABEL_HASH,
    LABEL_SERVICE,
    LABEL_STACK,
    ContainerEntry,
)

LISTS = {
    "volumes": "--volume",
    "tmpfs": "--tmpfs",
    "cap_add": "--cap-add",
    "cap_drop": "--cap-drop",
    "security_opt": "--security-opt",
    "devices": "--device",
    "ulimits": "--ulimit",
}
SINGLE = {
    "user": "--user",
    "hostname": "--hostname",
    "workdir": "--workdir",
    "pid": "--pid",
    "ipc": "--ipc",
    "cgroupns": "--cgroupns",
    "stop_timeout": "--stop-timeout",
    "stop_signal": "--stop-signal",
}
LIMITS = {"memory": "--memory", "cpus": "--cpus", "pids": "--pids-limit", "shm": "--shm-size"}
DEFAULT_TIMEOUT = 300.0


def timeout(entry: ContainerEntry) -> float:
    """Seconds until it must be healthy, or for ``once`` finished."""
    value = entry.spec.get("timeout")
    return DEFAULT_TIMEOUT if value is None else float(value)


def create_arguments(entry: ContainerEntry, stack: str) -> tuple[list[str], dict[str, str]]:
    """The arguments after the name, and the environment that carries the secret variables.

    A variable whose value holds a secret is named only (``--env NAME``); podman takes its value from its own
    environment, which other users of the node cannot read.
    """
    spec = entry.spec
    labels = {LABEL_STACK: stack, LABEL_SERVICE: entry.service, LABEL_HASH: entry.hash}
    arguments = ["--pull", "never"]
    for label, value in labels.items():
        arguments += ["--label", f"{label}={value}"]
    arguments += ["--network", str(spec.get("net") or "host")]
    arguments += ["--restart", str(spec.get("restart") or ("no" if entry.kind == "once" else "always"))]
    if spec.get("privileged"):
        arguments.append("--privileged")
    for key, option in SINGLE.items():
        if spec.get(key) is not None:
            arguments += [option, str(spec[key])]
    for key, option in LISTS.items():
        for value in spec.get(key) or ():
            arguments += [option, str(value)]
    for key, option in LIMITS.items():
        if (spec.get("limits") or {}).get(key) is not None:
            arguments += [option, str(spec["limits"][key])]
    arguments += _health(spec.get("healthcheck"))
    secret_environment = _environment(entry, arguments)
    if spec.get("entrypoint") is not None:
        arguments += ["--entrypoint", json.dumps(list(spec["entrypoint"]))]
    return [*arguments, entry.image, *map(str, spec.get("command") or ())], secret_environment


def _health(check: Mapping[str, Any] | None) -> list[str]:
    if not check:
        return ["--no-healthcheck"]
    arguments = ["--health-cmd", json.dumps(list(check["command"]))]
    for key, option in (("interval", "--health-interval"), ("start_period", "--health-start-period")):
        if check.get(key) is not None:
            arguments += [option, f"{float(check[key]):g}s"]
    if check.get("timeout") is not None:
        arguments += ["--health-timeout", f"{max(float(check['timeout']), 1.0):g}s"]
    if check.get("retries") is not None:
        arguments += ["--health-retries", str(check["retries"])]
    return arguments


def _environment(entry: ContainerEntry, arguments: list[str]) -> dict[str, str]:
    secret: dict[str, str] = {}
    for name, value in sorted((entry.spec.get("environment") or {}).items()):
        if name in entry.secret_variables:
            secret[name] = str(value)
            arguments += ["--env", name]
        else:
            arguments += ["--env", f"{name}={value}"]
    return secret
