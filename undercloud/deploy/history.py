"""What a stack's past deployments have come to."""

from __future__ import annotations

from sqlalchemy.orm import Session

from undercloud.db import deployments, models
from undercloud.deploy.engine import Operation, Status


def good(session: Session, stack: str) -> list[models.Deployment]:
    """What succeeded on all nodes with all stages since the stack was deleted last, newest first."""
    gone = deployments.last(session, stack, (Operation.DELETE,), status=str(Status.SUCCEEDED))
    found = deployments.whole(
        session, stack, str(Operation.DEPLOY), str(Status.SUCCEEDED), str(Status.SKIPPED)
    )
    return [row for row in found if gone is None or row.started > gone.started]
