"""Podman, through its command line with JSON (podman 4.3 and later)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import commands, errors
from ansible_collections.undercloud.deploy.plugins.module_utils.commands import Result
from ansible_collections.undercloud.deploy.plugins.module_utils.model import ContainerFact

AUTHFILE = "/etc/undercloud/registry-auth.json"
LOG_LINES = 20
PULL_TIMEOUT = 1800.0
COMMAND_TIMEOUT = 600.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEALTH = re.compile(r"\((healthy|unhealthy|starting)\)")
Run = Callable[..., Result]


class Podman:
    """The containers and images of a node."""

    def __init__(self, authfile: str = AUTHFILE, run: Run = commands.run) -> None:
        self._authfile = authfile
        self._command = run

    def _run(self, arguments: Sequence[str], timeout: float = COMMAND_TIMEOUT, **more: Any) -> Result:
        """Run podman; even one that hangs comes to an end."""
        return self._command(["podman", *arguments], timeout=timeout, **more)

    def containers(self) -> dict[str, ContainerFact]:
        """All containers, running or not, by name: one call."""
        listed = json.loads(
            self._must("list the containers", "ps", "--all", "--format", "json").output or "[]"
        )
        return {name: _fact(entry) for entry in listed or [] for name in entry.get("Names") or ()}

    def images(self, references: Iterable[str]) -> dict[str, str]:
        """Those of the images that are here, with their ids: one call."""
        wanted = set(references)
        if not wanted:
            return {}
        listed = json.loads(self._must("list the images", "images", "--format", "json").output or "[]")
        found: dict[str, str] = {}
        for entry in listed or []:
            names = {
                *(entry.get("Names") or ()),
                *(entry.get("RepoTags") or ()),
                *(entry.get("RepoDigests") or ()),
            }
            for name in names & wanted:
                found[name] = str(entry["Id"]).replace("sha256:", "", 1)
        return found

    def pull(self, image: str) -> None:
        """Fetch an image from its registry. Raises NodeError (NODE-007, NODE-010)."""
        authfile = ["--authfile", self._authfile] if Path(self._authfile).exists() else []
        result = self._run(["pull", "--quiet", *authfile, image], timeout=PULL_TIMEOUT)
        if result.ok:
            return
        _disk_full(result, f"pulling the image {image}")
        registry = image.split("/", 1)[0] if "/" in image else "(no registry named)"
        raise errors.NodeError.of(
            errors.IMAGE,
            f"the image {image} cannot be had from the registry {registry}: {result.last_error}",
            "Check that the image was built and pushed ('openstack overcloud container image list'), that "
            f"the node reaches {registry}, and the image's name in the environment files.",
        )

    def create(self, name: str, arguments: Sequence[str], secret_environment: Mapping[str, str]) -> None:
        """Make a container; values of ``secret_environment`` do not show on the command line."""
        command = ["create", "--name", name, *arguments]
        self._check(
            self._run(command, secret_environment=secret_environment), f"create the container '{name}'", name
        )

    def start(self, name: str) -> None:
        """Start a container, or let a paused one go on."""
        result = self._run(["start", name])
        if not result.ok and "paused" in result.error:
            result = self._run(["unpause", name])
        self._check(result, f"start the container '{name}'", name)

    def stop(self, name: str) -> None:
        """Stop a container within its own stop timeout; none is no error."""
        result = self._run(["stop", "--ignore", name])
        if not result.ok and "paused" in result.error:
            self._run(["unpause", name])
            result = self._run(["stop", "--ignore", name])
        self._check(result, f"stop the container '{name}'", name)

    def remove(self, name: str) -> None:
        """Stop and remove a container with its anonymous volumes; none is no error."""
        result = self._run(["rm", "--force", "--ignore", "--volumes", name])
        self._check(result, f"remove the container '{name}'", name)

    def rename(self, name: str, new: str) -> None:
        """Give a container another name."""
        self._check(self._run(["rename", name, new]), f"rename the container '{name}' to '{new}'", name)

    def state(self, name: str) -> dict[str, Any]:
        """How a container is.

        ``running``, ``exit_code``, ``started`` (text that changes with every start), ``restarts``,
        ``image_id``, ``oom`` (killed out of memory), ``checked`` (it has a health check).
        """
        result = self._must(f"look at the container '{name}'", "container", "inspect", name)
        entry = json.loads(result.output)[0]
        state = entry["State"]
        return {
            "running": state["Status"] == "running",
            "exit_code": int(state.get("ExitCode") or 0),
            "started": str(state.get("StartedAt")),
            "restarts": int(entry.get("RestartCount") or 0),
            "image_id": str(entry.get("Image") or ""),
            "oom": bool(state.get("OOMKilled")),
            "checked": _has_check(entry),
        }

    def wait(self, name: str, timeout: float) -> int | None:
        """Wait for a container's end; its exit code, or None when it did not end in time."""
        result = self._run(["wait", "--interval", "100ms", name], timeout=timeout)
        if result.status is None:
            return None
        self._check(result, f"wait for the container '{name}'", name)
        return int(result.output.split()[-1])

    def healthy(self, name: str, timeout: float) -> bool:
        """Run a container's health check now."""
        return self._run(["healthcheck", "run", name], timeout=timeout).ok

    def execute(self, name: str, command: Sequence[str], timeout: float) -> Result:
        """Run a command in a container."""
        return self._run(["exec", name, *command], timeout=timeout)

    def logs(self, name: str, until: str = "") -> tuple[str, ...]:
        """The last lines that a container wrote; with ``until``, those before a time that ``state`` told."""
        # podman counts the tail's lines first, and leaves out those that are too late after that.
        asked = ["--tail", str(50 * LOG_LINES), "--until", until] if until else ["--tail", str(LOG_LINES)]
        result = self._run(["logs", *asked, name], timeout=30)
        text = _COLOUR.sub("", result.output + result.error)
        return tuple(text.splitlines()[-LOG_LINES:]) if result.ok else ()

    def remove_volume(self, name: str) -> None:
        """Remove a named volume; none is no error."""
        if self._run(["volume", "exists", name]).ok:
            self._must(f"remove the volume '{name}'", "volume", "rm", name)

    def remove_image(self, image: str) -> bool:
        """Remove an image; False where it is in use or in a store that is only read."""
        return self._run(["image", "rm", "--ignore", image]).ok

    def _must(self, doing: str, *arguments: str) -> Result:
        return self._check(self._run(arguments), doing)

    @staticmethod
    def _check(result: Result, doing: str, container: str = "") -> Result:
        if result.ok:
            return result
        _disk_full(result, f"podman cannot {doing}")
        if result.status == 127 and "podman: command not found" in result.error:
            fix = "Install podman on the node."
        else:
            fix = "Look on the node ('podman info', 'podman ps --all', 'journalctl -e'), and deploy again."
        raise errors.NodeError.of(
            errors.PODMAN, f"podman cannot {doing}: {result.last_error}", fix, container=container
        )


def _fact(entry: Mapping[str, Any]) -> ContainerFact:
    health = _HEALTH.search(str(entry.get("Status") or ""))
    return ContainerFact(
        state=str(entry.get("State") or ""),
        labels=dict(entry.get("Labels") or {}),
        image=str(entry.get("Image") or ""),
        image_id=str(entry.get("ImageID") or ""),
        exit_code=int(entry.get("ExitCode") or 0),
        health=health.group(1) if health else "",
    )


def _has_check(entry: Mapping[str, Any]) -> bool:
    """Whether an inspected container has a health check; ``--no-healthcheck`` leaves one that says NONE."""
    test = ((entry.get("Config") or {}).get("Healthcheck") or {}).get("Test") or ["NONE"]
    return bool(test[0] not in ("", "NONE"))


def _disk_full(result: Result, doing: str) -> None:
    if "no space left on device" in result.error.lower():
        raise errors.disk_full(f"{doing}: {result.last_error}")
