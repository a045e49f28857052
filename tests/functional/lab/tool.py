"""`python -m tools.lab` as tests use it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functional.tool import CHECKOUT, Tool

DIRECTORY = Path(os.environ.get("UNDERCLOUD_LAB_DIR", CHECKOUT / ".demo" / "lab-test"))
CTLPLANE = os.environ.get("UNDERCLOUD_LAB_SUBNET", "192.168.24")
INTERNAL_API = "172.17.0"
SUBNETS = ("--ctlplane", f"{CTLPLANE}.0/24")


@dataclass(frozen=True)
class LabTool(Tool):
    """`python -m tools.lab --dir DIRECTORY` as tests use it."""

    NAME = "lab"
    LONGEST = 1200

    def ssh(self, node: str, command: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a shell command on a node over SSH as tripleo-admin."""
        return self("ssh", node, command, check=check)

    def inside(self, node: str, command: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a shell command in a node as root, past its network."""
        return self("exec", node, "sh", "-ec", command, check=check)

    @property
    def description(self) -> dict[str, Any]:
        """nodes.json."""
        described: dict[str, Any] = json.loads((self.directory / "nodes.json").read_text())
        return described

    def states(self) -> dict[str, str]:
        """What `status` says of each node's SSH: `ok`, or why not."""
        rows = json.loads(self("status", "-f", "json").stdout)
        return {row["name"]: row["ssh"] for row in rows}
