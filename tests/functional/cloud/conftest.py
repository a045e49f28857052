"""One cloud for all tests here: made once, deployed by whoever needs it first, removed at the end.

UNDERCLOUD_LAB_SUBNET (three numbers) moves its control plane. UNDERCLOUD_LAB_KEEP=1 leaves everything for a
look in .demo/cloud-test, and goes on with what such a run has left.
"""

import os
import shutil
import time
from collections.abc import Iterator

import pytest

from tests.functional.cloud.cloud import Cloud
from tests.functional.lab.tool import DIRECTORY as LAB
from tests.functional.lab.tool import LabTool
from tests.functional.tool import CHECKOUT

DIRECTORY = CHECKOUT / ".demo" / "cloud-test"


@pytest.fixture(scope="package")
def cloud(root: None) -> Iterator[Cloud]:
    """Two fresh nodes, images in the registry, an operator's files; not deployed."""
    keep = os.environ.get("UNDERCLOUD_LAB_KEEP") == "1"
    made = Cloud(DIRECTORY, LabTool(LAB))
    try:
        if not (keep and made.log.exists()):
            shutil.rmtree(DIRECTORY, ignore_errors=True)
            DIRECTORY.mkdir(parents=True)
            begun = time.monotonic()
            made.make()
            print(f"\nnodes and images: {time.monotonic() - begun:.0f} s")
        yield made
    finally:
        if not keep:
            made.unmake()
            shutil.rmtree(DIRECTORY)


@pytest.fixture
def deployed(cloud: Cloud) -> Cloud:
    """The cloud, deployed and as its files say."""
    known = cloud.openstack("overcloud", "status", "-f", "value", "-c", "status", check=False)
    if known.stdout.strip() != "deployed":
        cloud.deploy()
    return cloud
