"""Control side of `undercloud.deploy.reconcile`: picks from the host's desired state what its node needs."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.undercloud.deploy.plugins.module_utils import errors
from ansible_collections.undercloud.deploy.plugins.module_utils.control import read_json
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.handover import handover

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


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads the files beside the playbook and runs the module; secrets reach neither results nor logs."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        try:
            arguments = self._module_arguments(str(variables.get("inventory_hostname", "")))
        except NodeError as error:
            found = [problem.as_dict() for problem in error.problems]
            message = "; ".join(problem.message for problem in error.problems)
            return {"failed": True, "msg": message, "finding": found[0], "findings": found, "actions": []}
        # The module's parameters are long, and nothing of them belongs into the node's system log.
        variables["ansible_no_target_syslog"] = True
        result: dict[str, Any] = self._execute_module(
            module_name="undercloud.deploy.reconcile", module_args=arguments, task_vars=variables
        )
        result.pop("invocation", None)
        return result

    def _module_arguments(self, host: str) -> dict[str, Any]:
        task = dict(self._task.args)
        unknown = sorted(set(task) - set(OPTIONS))
        if unknown:
            raise errors.NodeError.of(
                errors.INPUT, f"unknown parameters: {', '.join(unknown)}", f"Known are {', '.join(OPTIONS)}."
            )
        state, secrets = task.pop("state", None), task.pop("secrets", None)
        document = read_json(self._path(state), "the host's desired state") if state else None
        values = read_json(self._path(secrets), "the secrets") if secrets and document is not None else {}
        arguments = handover(task, host, document, values)
        return {**arguments, "secrets": json.dumps(arguments["secrets"])}

    def _path(self, name: str) -> str:
        return str(self._loader.path_dwim(str(name)))
