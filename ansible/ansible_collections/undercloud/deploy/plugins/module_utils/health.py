"""Waiting until a container is healthy: its health check succeeds, or, without one, it runs for 2 s."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import specs
from ansible_collections.undercloud.deploy.plugins.module_utils.model import ContainerEntry
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman

STEADY = 2.0
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
CHECK_TIMEOUT = 30.0
HOPELESS_RESTARTS = 5
HOPELESS_AFTER = 20.0


class UnhealthyError(Exception):
    """A container did not become healthy; the text says how it was instead."""


def wait_healthy(
    podman: Podman,
    name: str,
    entry: ContainerEntry,
    limit: float | None = None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Return the container's image id when it is healthy.

    Gives up (UnhealthyError) after the entry's timeout (or ``limit`` seconds), as soon as it has ended for
    good, or when it was restarted over and over. Whether it has a health check is asked of the container
    itself, since one that comes back is not of this entry.
    """
    timeout = specs.timeout(entry) if limit is None else limit
    options = entry.spec.get("healthcheck") or {}
    longest = max(FIRST_PAUSE, min(LONGEST_PAUSE, float(options.get("interval") or LONGEST_PAUSE)))
    begin, pause = now(), FIRST_PAUSE
    steady_since, last = begin, ""
    while True:
        state = podman.state(name)
        this = f"{state['started']} {state['restarts']}" if state["running"] else ""
        if this != last or not this:
            steady_since, last = now(), this
        if this and state["checked"]:
            if podman.healthy(name, float(options.get("timeout") or CHECK_TIMEOUT)):
                return str(state["image_id"])
        elif this and now() - steady_since >= STEADY:
            return str(state["image_id"])
        _give_up(state, options, str(entry.spec.get("restart")), now() - begin, timeout)
        sleep(pause)
        pause = min(pause * 1.5, longest if state["checked"] else STEADY / 4)


def _give_up(
    state: Mapping[str, Any], options: Mapping[str, Any], restart: str, spent: float, timeout: float
) -> None:
    """Raise UnhealthyError when there is no point in waiting on."""
    ended = (
        "it was killed, out of memory" if state["oom"] else f"it ended with exit status {state['exit_code']}"
    )
    if not state["running"] and restart == "no":
        raise UnhealthyError(ended)
    patience = max(HOPELESS_AFTER, float(options.get("start_period") or 0))
    if state["restarts"] >= HOPELESS_RESTARTS and spent > patience:
        raise UnhealthyError(f"{ended} again and again ({state['restarts']} restarts in {spent:.0f} s)")
    if spent > timeout:
        if not state["running"]:
            raise UnhealthyError(f"{ended} and does not run, {timeout:g} s after its start")
        failing = "its health check still fails" if state["checked"] else f"it never ran for {STEADY:g} s"
        raise UnhealthyError(f"{failing} {timeout:g} s after its start")
