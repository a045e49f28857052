"""Which of a stack's deployments can go on: one that stopped, and that nothing later has overtaken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from undercloud.deploy.engine import Deployment, Operation, Status

STOPPED = frozenset({Status.FAILED, Status.INTERRUPTED})
LASTING = frozenset(Operation) - {Operation.DRY_RUN, Operation.CHECK}
"""The operations that do more than look."""

_OVERTAKING: Mapping[Operation, frozenset[Operation]] = {
    Operation.DEPLOY: frozenset({Operation.DEPLOY, Operation.DELETE, Operation.UNPROVISION}),
    Operation.DELETE: frozenset({Operation.DEPLOY, Operation.DELETE}),
}


def overtaking(operation: Operation) -> frozenset[Operation]:
    """What leaves nothing of an operation to go on with when it comes later."""
    return _OVERTAKING.get(operation, LASTING)


def newest(deployments: Iterable[Deployment]) -> Deployment | None:
    """The one that ``overcloud resume`` means: the first that can go on, of one stack's, newest first."""
    later: set[Operation] = set()
    for one in deployments:
        if one.operation not in LASTING:
            continue
        if one.status in STOPPED and not later & overtaking(one.operation):
            return one
        later.add(one.operation)
    return None
