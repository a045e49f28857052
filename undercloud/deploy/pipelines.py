"""The stages of every operation, in order."""

from __future__ import annotations

from collections.abc import Mapping

from undercloud.deploy import node_playbooks, provisioning, scalein, skipping, stages
from undercloud.deploy.backup import BACKUP
from undercloud.deploy.checks import CHECK
from undercloud.deploy.delete import DELETE
from undercloud.deploy.dryrun import DRY_RUN
from undercloud.deploy.engine import Operation
from undercloud.deploy.events import NODE_CHECKS, NODE_PLAYBOOKS
from undercloud.deploy.machine_work import PREPARE
from undercloud.deploy.provisioning import STAGE
from undercloud.deploy.stages import STEP_STAGES
from undercloud.deploy.unprovisioning import UNPROVISION
from undercloud.deploy.work import Stage

_PLAYBOOKS = Stage((NODE_PLAYBOOKS,), node_playbooks.run, node_playbooks.needed)
DEPLOY = (
    Stage(("plan",), stages.read_plan),
    Stage(("validate",), stages.validate_plan),
    Stage(("compile",), stages.compile_plan),
    Stage((STAGE,), provisioning.provision, skipping.machines_needed),
    _PLAYBOOKS,
    Stage(("preflight",), stages.check_nodes),
    Stage(("directory",), stages.write_directory),
    # Nobody leaves before it is seen that those who stay can carry on.
    Stage((NODE_CHECKS,), stages.run_steps, scalein.needed, ahead=True),
    Stage(("scale-in",), scalein.leave, scalein.needed),
    Stage(STEP_STAGES, stages.run_steps),
    Stage(("clean",), scalein.clean, scalein.needed),
    Stage(("credentials",), stages.write_credentials),
)
ALLOCATE = (
    Stage(("plan",), stages.read_plan),
    Stage(("compile",), stages.compile_plan),
)
PROVISION = (
    *ALLOCATE,
    Stage((STAGE,), provisioning.provision, provisioning.needed),
    _PLAYBOOKS,
)
PIPELINES: Mapping[Operation, tuple[Stage, ...]] = {
    Operation.DEPLOY: DEPLOY,
    Operation.DRY_RUN: DRY_RUN,
    Operation.DELETE: DELETE,
    Operation.CHECK: CHECK,
    Operation.BACKUP: BACKUP,
    Operation.RESTORE: BACKUP,
    Operation.SNAPSHOT: BACKUP,
    Operation.PREPARE: PREPARE,
    Operation.ALLOCATE: ALLOCATE,
    Operation.PROVISION: PROVISION,
    Operation.UNPROVISION: UNPROVISION,
}
