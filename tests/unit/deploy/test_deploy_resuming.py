"""Which of a stack's deployments `overcloud resume` goes on with."""

from __future__ import annotations

import pytest

from undercloud.deploy import resuming
from undercloud.deploy.engine import Deployment, Operation, Status


@pytest.mark.parametrize(
    ("history", "meant"),
    [
        ("", ""),
        ("deploy:succeeded", ""),
        ("deploy:failed", "deploy"),
        ("deploy:interrupted check:failed dry-run:failed", "deploy"),
        ("deploy:failed restore:interrupted", "restore"),
        ("deploy:failed backup:succeeded", "deploy"),
        ("deploy:succeeded provision:failed", "provision"),
        ("provision:failed deploy:succeeded", ""),
        ("restore:failed backup:succeeded", ""),
        ("deploy:failed delete:succeeded", ""),
        ("deploy:failed unprovision:succeeded", ""),
        ("delete:failed unprovision:succeeded", "delete"),
        ("deploy:failed deploy:running", ""),
    ],
)
def test_the_newest_that_can_go_on(history: str, meant: str) -> None:
    rows = [one.split(":") for one in history.split()]
    told = [
        Deployment(str(number), "overcloud", Operation(name), Status(status), started="", version=1)
        for number, (name, status) in enumerate(rows)
    ]
    found = resuming.newest(reversed(told))
    assert (str(found.operation) if found else "") == meant
