"""Control side of `undercloud.deploy.verify`: picks what a node has to run, and judges what it showed."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.undercloud.deploy.plugins.module_utils import checks_after, checks_gate, secrets
from ansible_collections.undercloud.deploy.plugins.module_utils.control import read_json
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module, and says all that is to be said of the node."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        task = self._task.args
        try:
            demands, state, values = (self._document(name) for name in ("demands", "state", "secrets"))
            asked = checks_after.asked_of(state, str(variables.get("inventory_hostname", "")), task)
            names = sorted(secrets.names_in([raw["command"] for raw in asked.get("validations") or ()]))
            secrets.reveal([f"<<secret:{name}>>" for name in names], values)
        except NodeError as error:
            return checks_gate.broken(error)
        asked["secrets"] = {name: values[name] for name in names}
        variables["ansible_no_target_syslog"] = True
        result: dict[str, Any] = self._execute_module(
            module_name="undercloud.deploy.verify",
            module_args={"demands": demands, "asked": checks_after.plain(asked)},
            task_vars=variables,
        )
        result.pop("invocation", None)
        if result.get("failed") or "facts" not in result:
            return result
        return checks_gate.result(checks_after.judge(result["facts"], demands), task.get("gate") or {})

    def _document(self, name: str) -> Any:
        given = self._task.args.get(name)
        return read_json(self._loader.path_dwim(str(given)), f"the file of '{name}'") if given else {}
