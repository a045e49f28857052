"""Clouds of our own templates, compiled from the files that an operator writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import Entropy, SeededEntropy
from undercloud.plan.loader import load
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "heat-templates/network-data-samples"
NO_NETWORKS = Path("/dev/null")
VIP = "192.168.24.3"
_IMAGES = ("Keystone", "HAProxy", "Keepalived", "Memcached", "Mysql", "Rabbitmq", "Chrony")
GIVEN: Mapping[str, Any] = {
    "ControlPlaneSubnetCidr": "24",
    "ControlFixedIPs": [{"ip_address": VIP}],
    **{f"Container{name}Image": f"registry.example.com/{name.lower()}:1" for name in _IMAGES},
}


def stock_roles(*names: str) -> str:
    """Roles of ours, as one roles file has them."""
    return "".join((ROOT / "roles_data" / f"{name}.yaml").read_text() for name in names)


def parameters(**values: Any) -> str:
    """An environment with all that our templates have no default for, and more values."""
    return yaml.safe_dump({"parameter_defaults": {**GIVEN, **values}})


def compiled(
    directory: Path,
    roles: str,
    nodes: str | Sequence[Mapping[str, Any]],
    *environments: str,
    networks: Path = NO_NETWORKS,
    state: State | None = None,
    entropy: Entropy | None = None,
) -> Compilation:
    """Write roles.yaml, nodes.yaml and env0.yaml, env1.yaml … and compile them."""
    nodes = nodes if isinstance(nodes, str) else yaml.safe_dump(nodes)
    names = tuple(f"env{number}.yaml" for number in range(len(environments)))
    texts = {"roles.yaml": roles, "nodes.yaml": nodes, **dict(zip(names, environments, strict=True))}
    for name, text in texts.items():
        (directory / name).write_text(text)
    source = PlanSource(
        templates=str(ROOT / "heat-templates"),
        roles_file=str(directory / "roles.yaml"),
        networks_file=str(networks),
        baremetal_deployment=str(directory / "nodes.yaml"),
        environments=tuple(str(directory / name) for name in names),
    )
    return compiler.compile(load(source), state or State(), entropy or SeededEntropy())
