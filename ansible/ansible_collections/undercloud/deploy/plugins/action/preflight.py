"""Control side of `undercloud.deploy.preflight`: hands over the demands, and judges what the node showed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.undercloud.deploy.plugins.module_utils import (
    checks_access,
    checks_gate,
    checks_judge,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.control import read_json
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module, and says all that is to be said of the node; what is forced does not stop it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        try:
            demands, access = self._handed_over(str(variables.get("inventory_hostname", "")))
        except NodeError as error:
            return checks_gate.broken(error)
        # The module's parameters are long, and nothing of them belongs into the node's system log.
        variables["ansible_no_target_syslog"] = True
        before = time.time()
        result: dict[str, Any] = self._execute_module(
            module_name="undercloud.deploy.preflight",
            module_args={"demands": demands, "access": json.dumps(access)},
            task_vars=variables,
        )
        after = time.time()
        result.pop("invocation", None)
        if result.get("failed") or "facts" not in result:
            return result
        facts = result["facts"]
        facts["clock"] = {"before": before, "node": facts["clock"], "after": after}
        found = [one.as_dict() for one in checks_judge.judge(facts, demands)]
        return checks_gate.result(found, self._task.args.get("gate") or {})

    def _handed_over(self, host: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        task = self._task.args

        def document(name: str, what: str) -> Any:
            return read_json(self._loader.path_dwim(str(task[name])), what) if task.get(name) else {}

        demands = document("demands", "what the plan asks of the host")
        state, values = document("state", "the host's desired state"), document("secrets", "the secrets")
        return demands, checks_access.access_of(state, host, values)
