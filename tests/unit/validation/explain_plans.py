"""Small plans of both contracts to ask about and to compare, compiled without a disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from undercloud.plan.bundle import Bundle
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import assemble
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation

TREES = Path(__file__).with_name("explain")
ROOT = "/templates"
NODES = """\
- name: Controller
  count: 2
  instances:
    - {hostname: controller-0, managed: false, networks: [{network: ctlplane, fixed_ip: 192.168.24.10}]}
    - {hostname: controller-1, managed: false, networks: [{network: ctlplane, fixed_ip: 192.168.24.11}]}
"""
BASE = """\
parameter_defaults:
  ControlFixedIPs: [{ip_address: 192.168.24.5}]
  ControlPlaneSubnetCidr: 24
  WebPassword: the-password
"""


def compiled(
    contract: str,
    environments: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    state: State | None = None,
) -> Compilation:
    """A plan compiled: ``environments`` (name → text) over the tree of a contract.

    ``files`` take the places of the tree's own, or of the nodes'.
    """
    tree = {path.name: path.read_bytes() for path in (TREES / contract).glob("*.yaml")}
    tree |= {name: text.encode() for name, text in (files or {}).items() if not name.startswith("/")}
    named = {"roles": "roles_data.yaml"}
    given = dict(environments or {})
    if contract == "native":
        tree["/nodes.yaml"] = (files or {}).get("/nodes.yaml", NODES).encode()
        named["baremetal"] = "/nodes.yaml"
        given = {"base.yaml": BASE, **given}
    tree |= {f"/{name}": text.encode() for name, text in given.items()}
    bundle = Bundle(
        name="overcloud",
        root=ROOT,
        files=tree,
        named=named,
        environments=tuple(f"/{name}" for name in given),
        generated={},
    )
    return compiler.compile(assemble(bundle), state or State(), SeededEntropy("tests"))


def case(path: Path) -> Any:
    """A case file."""
    return yaml.safe_load(path.read_text())
