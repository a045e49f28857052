"""Control side of `undercloud.deploy.preflight`: hands over the demands, and judges what the node showed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import (
    checks_access,
    checks_gate,
    checks_judge,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.plugin_utils.host_action import HostAction, host_of


class ActionModule(HostAction):
    """Runs the module, and says all that is to be said of the node; what is forced does not stop it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task for one host."""
        super().run(tmp, task_vars)
        variables = dict(task_vars or {})
        try:
            demands, access = self._handed_over(host_of(variables))
        except NodeError as error:
            return checks_gate.broken(error)
        before = time.time()
        result = self.module("preflight", {"demands": demands, "access": json.dumps(access)}, variables)
        after = time.time()
        if result.get("failed") or "facts" not in result:
            return result
        facts = result["facts"]
        facts["clock"] = {"before": before, "node": facts["clock"], "after": after}
        found = [one.as_dict() for one in checks_judge.judge(facts, demands)]
        return checks_gate.result(found, self._task.args.get("gate") or {})

    def _handed_over(self, host: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        demands = self.document("demands", "what the plan asks of the host")
        state, values = (
            self.document("state", "the host's desired state"),
            self.document("secrets", "the secrets"),
        )
        return demands, checks_access.access_of(state, host, values)
