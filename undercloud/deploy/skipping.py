"""Nodes that a deployment leaves out: those that ``--limit`` does not mean, those that no machine became."""

from __future__ import annotations

from collections.abc import Collection

from undercloud import durable
from undercloud.db import machines as records
from undercloud.deploy import holding, ironic_access
from undercloud.deploy.runner import INVENTORY
from undercloud.deploy.work import Work, deploy_request
from undercloud.diagnostics import UndercloudError


def machines_needed(work: Work) -> bool:
    """Whether machines are to become nodes; without an Ironic they are taken to be there already."""
    return bool(work.result().machines) and ironic_access.is_known(work.settings)


def leave_out(work: Work) -> None:
    """Leave out what ``--limit`` does not mean, and what no machine became; DEP-025 where nothing is left."""
    leave_out_by_limit(work)
    work.skipped |= _without_machine(work)


def leave_out_by_limit(work: Work) -> None:
    """Leave out the nodes that ``--limit`` does not mean; DEP-025 when it means none."""
    request = deploy_request(work)
    if not request.limit:
        return
    inventory = work.workspace.temporary / INVENTORY
    durable.write(inventory, work.result().files[INVENTORY])
    meant = work.borders.runner.hosts(inventory, request.limit)
    names = {node.name for node in work.result().nodes}
    if not names & meant:
        raise UndercloudError.of(
            "DEP-025",
            f"--limit {request.limit} means no node",
            fix=f"Name nodes, roles or services; the nodes are: {', '.join(sorted(names))}",
        )
    work.skipped = frozenset(names - meant)


def leave_out_gone(work: Work) -> None:
    """Leave out the nodes whose machines were given back since the stack was deployed on them."""
    with work.database.read() as session:
        work.skipped |= holding.gone(session, work.compilation)


def pattern(work: Work) -> str:
    """Ansible's host pattern of what is left; empty for everything."""
    limit = deploy_request(work).limit
    return all_but(_without_machine(work), limit) or limit


def all_but(without: Collection[str], meant: str = "") -> str:
    """Ansible's host pattern of what is ``meant`` (empty: all) without some; empty where there are none."""
    return ":".join([meant or "all", *(f"!{name}" for name in sorted(without))]) if without else ""


def _without_machine(work: Work) -> frozenset[str]:
    """Nodes that no machine runs; their role tolerates that, else the deployment had not come this far."""
    if not machines_needed(work):
        return frozenset()
    with work.database.read() as session:
        running = {row.host for row in records.placed(session, work.stack) if row.status == records.DEPLOYED}
    return frozenset(one.host for one in work.result().machines if one.host not in running)
