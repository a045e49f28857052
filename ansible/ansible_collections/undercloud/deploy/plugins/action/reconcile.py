"""Control side of `undercloud.deploy.reconcile`: picks from the host's desired state what its node needs."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.handover import handover
from ansible_collections.undercloud.deploy.plugins.plugin_utils.host_action import HostAction, host_of

OPTIONS = (
    "state",
    "secrets",
    "stack",
    "step",
    "fence",
    "finish",
    "purge",
    "purge_images",
    "lock_timeout",
    "state_dir",
)


class ActionModule(HostAction):
    """Reads the files beside the playbook and runs the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        try:
            arguments = self._module_arguments(host_of(variables))
        except NodeError as error:
            found = [problem.as_dict() for problem in error.problems]
            message = "; ".join(problem.message for problem in error.problems)
            return {"failed": True, "msg": message, "finding": found[0], "findings": found, "actions": []}
        return self.module("reconcile", arguments, variables)

    def _module_arguments(self, host: str) -> dict[str, Any]:
        task = dict(self._task.args)
        unknown = sorted(set(task) - set(OPTIONS))
        if unknown:
            raise errors.NodeError.of(
                errors.INPUT, f"unknown parameters: {', '.join(unknown)}", f"Known are {', '.join(OPTIONS)}."
            )
        given, _ = task.pop("state", None), task.pop("secrets", None)
        document = self.document("state", "the host's desired state") if given else None
        values = self.document("secrets", "the secrets") if given else {}
        arguments = handover(task, host, document, values)
        return {**arguments, "secrets": json.dumps(arguments["secrets"])}
