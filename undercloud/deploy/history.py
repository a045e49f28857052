"""What a stack's past deployments have come to."""

from __future__ import annotations

from sqlalchemy.orm import Session

from undercloud.db import deployments, models
from undercloud.deploy.engine import Operation, Status
from undercloud.deploy.events import NODE_PLAYBOOKS


def good(session: Session, stack: str) -> list[models.Deployment]:
    """What succeeded on all nodes with all stages since the stack was deleted last, newest first.

    The operator's own playbooks may have been left out: they are none of what is deployed.
    """
    gone = deployments.last(session, stack, (Operation.DELETE,), status=str(Status.SUCCEEDED))
    found = deployments.whole(
        session,
        stack,
        str(Operation.DEPLOY),
        str(Status.SUCCEEDED),
        but_with=str(Status.SKIPPED),
        optional=NODE_PLAYBOOKS,
    )
    return [row for row in found if gone is None or row.started > gone.started]
