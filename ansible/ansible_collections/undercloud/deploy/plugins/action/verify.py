"""Control side of `undercloud.deploy.verify`: picks what a node has to run, and judges what it showed."""

from __future__ import annotations

from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import checks_after, checks_gate, secrets
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.plugin_utils.host_action import HostAction, host_of


class ActionModule(HostAction):
    """Runs the module, and says all that is to be said of the node."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        task = self._task.args
        try:
            demands, state, values = (
                self.document(name, f"the file of '{name}'") for name in ("demands", "state", "secrets")
            )
            asked = checks_after.asked_of(state, host_of(variables), task)
            names = sorted(secrets.names_in([raw["command"] for raw in asked.get("validations") or ()]))
            secrets.reveal([f"<<secret:{name}>>" for name in names], values)
        except NodeError as error:
            return checks_gate.broken(error)
        asked["secrets"] = {name: values[name] for name in names}
        given = {"demands": demands, "asked": checks_after.plain(asked)}
        result = self.module("verify", given, variables)
        if result.get("failed") or "facts" not in result:
            return result
        return checks_gate.result(checks_after.judge(result["facts"], demands), task.get("gate") or {})
