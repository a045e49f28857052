"""What tests on real nodes share: a lab of two emulated nodes, fresh for every module.

The lab lies in .demo/lab-test (or UNDERCLOUD_LAB_DIR) and keeps its node image between runs.
UNDERCLOUD_LAB_SUBNET (three numbers, default 192.168.24) moves its control plane, so that tests can run
beside a demo; UNDERCLOUD_LAB_KEEP=1 leaves the nodes for a look.
"""

import os
from collections.abc import Iterator

import pytest

from tests.functional.lab.tool import DIRECTORY, SUBNETS, LabTool


@pytest.fixture(scope="session")
def root() -> None:
    """Nodes are made by root."""
    if os.geteuid() != 0:
        pytest.skip("emulated nodes are made by root")


@pytest.fixture(scope="module")
def lab(root: None) -> Iterator[LabTool]:
    """Two fresh nodes: node1 of the role ControllerOpenstack, node2 of the role DatabaseMessaging."""
    tool = LabTool(DIRECTORY)
    tool("down")
    tool(
        "up",
        "--nodes",
        "2",
        *SUBNETS,
        "--role",
        "ControllerOpenstack=node1",
        "--role",
        "DatabaseMessaging=node2",
    )
    yield tool
    if os.environ.get("UNDERCLOUD_LAB_KEEP") != "1":
        tool("down")
