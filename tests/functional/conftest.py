"""What tests on real nodes share: a lab of emulated nodes, made when first asked for.

UNDERCLOUD_LAB_DIR names the lab's directory (default: .demo/lab-test). A lab that is up there before the
tests begin is used as it is and stays; otherwise it is taken down at the end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class LabTool:
    """`python -m tools.lab --dir DIRECTORY` as tests use it."""

    directory: Path

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a lab command; unless `check` is off, a failure fails the test with what was said."""
        done = subprocess.run(
            [sys.executable, "-m", "tools.lab", "--dir", str(self.directory), *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        if check and done.returncode != 0:
            pytest.fail(f"lab {' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

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


@pytest.fixture(scope="session")
def root() -> None:
    """Nodes are made by root."""
    if os.geteuid() != 0:
        pytest.skip("emulated nodes are made by root")


@pytest.fixture(scope="session")
def lab(root: None) -> Iterator[LabTool]:
    """Two nodes: node1 of the role ControllerOpenstack, node2 of the role DatabaseMessaging."""
    tool = LabTool(Path(os.environ.get("UNDERCLOUD_LAB_DIR", CHECKOUT / ".demo" / "lab-test")))
    there_before = (tool.directory / "nodes.json").exists()
    tool("up", "--nodes", "2", "--role", "ControllerOpenstack=node1", "--role", "DatabaseMessaging=node2")
    yield tool
    if not there_before:
        tool("down")
