"""The nodes of a stack that have a machine, with the addresses that were compiled for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from undercloud.db import machines as records
from undercloud.db import plans
from undercloud.db.models import Compilation
from undercloud.deploy import wire
from undercloud.deploy.compiling import Wanted
from undercloud.deploy.machines import ProvisionedNode


def of(session: Session, stack: str) -> tuple[ProvisionedNode, ...]:
    """The nodes by name; addresses are those of the stack's newest compilation."""
    wishes = {one.host: one for one in _newest(session, stack)}
    names = {row.uuid: row.name for row in records.all_machines(session)}
    return tuple(
        ProvisionedNode(
            stack,
            row.host,
            names.get(row.machine, row.machine),
            row.status,
            wishes[row.host].role if row.host in wishes else "",
            wishes[row.host].address if row.host in wishes else "",
            {one.network: one.address for one in wishes[row.host].attachments} if row.host in wishes else {},
        )
        for row in records.placed(session, stack)
    )


def _newest(session: Session, stack: str) -> tuple[Wanted, ...]:
    plan = plans.find(session, stack)
    if plan is None:
        return ()
    newest = (
        select(Compilation).where(Compilation.plan_id == plan.id).order_by(Compilation.id.desc()).limit(1)
    )
    row = session.scalar(newest)
    return wire.from_plain(tuple[Wanted, ...], row.facts.get("machines") or []) if row else ()
