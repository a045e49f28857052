"""From ansible-runner's events to ours: which step runs, what each task did on each host, what failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from undercloud.deploy import failures
from undercloud.deploy.engine import EventKind, Failure, ResultStatus
from undercloud.deploy.recorder import Recorder

FINISH = "finish"
NODE_CHECKS = "node-checks"
NODE_PLAYBOOKS = "node-playbooks"
FINAL_CHECKS = "final-checks"
_STEP = re.compile(r"\bstep[ _-]?([0-5])\b", re.IGNORECASE)
_HOST_PREP = re.compile(r"\bhost prep", re.IGNORECASE)
_NODE_CHECKS = re.compile(r"\bnode checks\b", re.IGNORECASE)
_FINAL_CHECKS = re.compile(r"\bfinal checks\b", re.IGNORECASE)
_FINISH = re.compile(r"\bfinish|\bno longer\b", re.IGNORECASE)
_LOGGED = frozenset({"error", "warning", "system_warning"})
_RESULTS = {
    "runner_on_ok": ResultStatus.OK,
    "runner_on_failed": ResultStatus.FAILED,
    "runner_on_unreachable": ResultStatus.UNREACHABLE,
    "runner_on_skipped": ResultStatus.SKIPPED,
}
_BAD = frozenset({ResultStatus.FAILED, ResultStatus.UNREACHABLE})
_LONGEST_TEXT = 65_536  # characters of one side of a diff


class Translator:
    """Takes ansible-runner's events one by one; ``on_stage`` is told when a play of another stage begins.

    ``addresses`` are those of the nodes by name; ``operator`` is who let pass what is forced.
    """

    def __init__(
        self,
        recorder: Recorder,
        on_stage: Callable[[str], None],
        addresses: Mapping[str, str],
        operator: str = "?",
    ) -> None:
        self._recorder = recorder
        self._on_stage = on_stage
        self._addresses = addresses
        self._operator = operator
        self.failures: list[Failure] = []

    def remember(self, event: Mapping[str, Any]) -> None:
        """One event that an earlier engine took and recorded: what failed counts at the end."""
        status = _RESULTS.get(str(event.get("event", "")))
        data = event.get("event_data") or {}
        if status in _BAD and not data.get("ignore_errors"):
            self.failures += self._failures(status, data)

    def take(self, event: Mapping[str, Any]) -> None:
        """One event, as ansible-runner's event_handler gets it."""
        kind, data = str(event.get("event", "")), event.get("event_data") or {}
        if kind in _RESULTS:
            self._result(_RESULTS[kind], data)
        elif kind == "playbook_on_play_start":
            # Ansible begins every play that is left, without hosts, after one failed for good.
            stage = "" if self.failures else stage_of(str(data.get("play", "")))
            if stage:
                self._on_stage(stage)
        elif kind == "playbook_on_task_start":
            action = str(data.get("task_action", ""))
            self._recorder.emit(EventKind.TASK, str(data.get("task", "")), data={"action": action})
        elif kind in _LOGGED:
            line = failures.shorten(str(event.get("stdout") or ""))
            if line:
                self._recorder.emit(EventKind.LOG, line, status=kind)

    def _result(self, status: ResultStatus, data: Mapping[str, Any]) -> None:
        result = data.get("res") or {}
        ignored = bool(data.get("ignore_errors"))
        if status is ResultStatus.OK and result.get("changed"):
            status = ResultStatus.CHANGED
        host, message = str(data.get("host", "")), ""
        if status in _BAD:
            found = self._failures(status, data)
            message = "; ".join(failure.finding.message for failure in found)
            message += " (ignored)" if ignored else ""
            if not ignored:
                self.failures += found
        for finding, forced in failures.beside(result, host):
            self._recorder.finding(finding, host=host, forced_by=self._operator if forced else "")
        self._recorder.count(host, str(status))
        told = {
            "task": str(data.get("task", "")),
            "action": str(data.get("task_action", "")),
            "elapsed": round(float(data.get("duration") or 0.0), 3),
        }
        if result.get("actions"):
            told["actions"] = [_action(action) for action in result["actions"]]
        self._recorder.emit(EventKind.RESULT, message, host=host, status=str(status), data=told)

    def _failures(self, status: ResultStatus, data: Mapping[str, Any]) -> list[Failure]:
        recorder = self._recorder
        return failures.from_result(
            failures.Place(recorder.deployment, recorder.stage, recorder.step),
            data,
            address=self._addresses.get(str(data.get("host", "")), ""),
            unreachable=status is ResultStatus.UNREACHABLE,
        )


def stage_of(play: str) -> str:
    """The stage that a play belongs to, told by its name; empty when it says nothing of it."""
    if found := _STEP.search(play):
        return f"step-{found[1]}"
    if _HOST_PREP.search(play):
        return "step-0"
    if _NODE_CHECKS.search(play):
        return NODE_CHECKS
    if _FINAL_CHECKS.search(play):
        return FINAL_CHECKS
    return FINISH if _FINISH.search(play) else ""


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action of the nodes' module, with its diff cut to a bearable size."""
    kept: dict[str, Any] = {key: str(action.get(key) or "") for key in ("kind", "name", "action", "reason")}
    diff = action.get("diff")
    if isinstance(diff, Mapping):
        sides = {side: str(diff.get(side) or "")[:_LONGEST_TEXT] for side in ("before", "after")}
        kept["diff"] = sides
    return kept
