"""The operator's files of a deployment, as the plan loader takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from undercloud.deploy.requests import DeployRequest
from undercloud.plan.bundle import PlanSource


def plan_source(request: DeployRequest, generated: Mapping[str, Any] | None = None) -> PlanSource:
    """What a request names; ``generated`` are parameters that any file overrides."""
    given = request.plan
    return PlanSource(
        templates=given.templates,
        name=request.stack,
        roles_file=given.roles_file,
        networks_file=given.networks_file,
        vip_file=given.vip_file,
        baremetal_deployment=given.baremetal_deployment,
        plan_environment=given.plan_environment,
        environments=given.environments,
        environment_directories=given.environment_directories,
        generated=generated or {},
        parameters=request.parameters,
    )
