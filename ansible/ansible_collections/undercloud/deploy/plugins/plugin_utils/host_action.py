"""What the control sides of the collection's modules have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.undercloud.deploy.plugins.module_utils.control import read_json


class HostAction(ActionBase):  # type: ignore[misc]
    """Hands a host what documents beside the playbook say of it; secrets reach neither results nor logs."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def document(self, name: str, what: str) -> Any:
        """The JSON file that a parameter names, {} without one; raises NodeError if it cannot be read."""
        given = self._task.args.get(name)
        return read_json(str(self._loader.path_dwim(str(given))), what) if given else {}

    def module(self, name: str, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module of the collection on the host; its result."""
        # The parameters are long, and nothing of them belongs into the node's system log.
        silent = {**variables, "ansible_no_target_syslog": True}
        result: dict[str, Any] = self._execute_module(
            module_name=f"undercloud.deploy.{name}", module_args=dict(arguments), task_vars=silent
        )
        result.pop("invocation", None)
        return result


def host_of(variables: Mapping[str, Any]) -> str:
    """The inventory's name of the host."""
    return str(variables.get("inventory_hostname", ""))
