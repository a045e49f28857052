"""Reading the node: only what a plan asks for, with few commands. Nothing here writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ansible_collections.undercloud.deploy.plugins.module_utils import files
from ansible_collections.undercloud.deploy.plugins.module_utils.health import CHECK_TIMEOUT
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    LABEL_HASH,
    ContainerFact,
    Desired,
    Facts,
    Manifest,
    PathFact,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import Wanted, wanted


def gather(desired: Desired, manifest: Manifest, podman: Podman, systemd: Systemd) -> Facts:
    """The facts that the plan for this desired state needs."""
    needed = wanted(desired, manifest)
    sweeps = (desired.step == 0 and not desired.finish) or desired.delete
    containers = podman.containers() if desired.containers or sweeps else {}
    return Facts(
        manifest=manifest,
        paths=_paths(needed),
        containers=_with_health(desired, containers, podman),
        units=systemd.units(needed.units),
        images=podman.images(needed.images),
    )


def _paths(needed: Wanted) -> dict[str, PathFact]:
    found: dict[str, PathFact] = {}
    for path in sorted(needed.stat):
        own = path in needed.hash
        with files.explained(f"looking at {path}"):
            fact = files.look(path, follow=not own, hashed=own, listed=path in needed.list)
        if fact:
            found[path] = fact
    return found


def _with_health(
    desired: Desired, containers: Mapping[str, ContainerFact], podman: Podman
) -> dict[str, ContainerFact]:
    """What podman noted last may be old: ask anew for those that are as desired, but not noted as healthy."""
    facts = dict(containers)
    for name, entry in desired.containers.items():
        fact = facts.get(name)
        if fact and fact.running and fact.health and fact.health != "healthy":
            check = entry.spec.get("healthcheck") or {}
            if check and fact.labels.get(LABEL_HASH) == entry.hash:
                ok = podman.healthy(name, float(check.get("timeout") or CHECK_TIMEOUT))
                facts[name] = dataclasses.replace(fact, health="healthy" if ok else fact.health)
    return facts
