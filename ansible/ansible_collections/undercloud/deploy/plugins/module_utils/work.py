"""One call of the module, from its parameters to its result."""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import diffs, planner
from ansible_collections.undercloud.deploy.plugins.module_utils import facts as reading
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import Request, parse
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError, Problem, defect
from ansible_collections.undercloud.deploy.plugins.module_utils.executor import Executor
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import Store
from ansible_collections.undercloud.deploy.plugins.module_utils.model import Action, Facts
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.secrets import Mask
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd
from ansible_collections.undercloud.deploy.plugins.module_utils.validations import validate

LOCK_TIMEOUT = 600.0
LARGEST_DIFF = 1 << 20
Diffs = dict[tuple[str, str, str], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Node:
    """The doors to the node."""

    store: Store
    podman: Podman
    systemd: Systemd


def reconcile(
    params: Mapping[str, Any], node: Node, *, check: bool = False, diff: bool = False
) -> dict[str, Any]:
    """Do what the parameters ask; the result is the module's, without secrets. Never raises NodeError."""
    mask = Mask(params.get("secrets") or {})
    try:
        request = parse(params, check=check)
        if check:
            return _checked(request, node, mask, diff)
        with node.store.locked(float(params.get("lock_timeout") or LOCK_TIMEOUT)):
            return _reconciled(request, node, mask, diff)
    except NodeError as error:
        return {**_result((), (), {}, mask, diff), **_failure(error.problems, mask)}
    except Exception as error:  # noqa: BLE001 - the border: a defect is told as a finding, without secrets
        failure = _failure((defect(error),), mask)
        return {**_result((), (), {}, mask, diff), **failure, "exception": mask(traceback.format_exc())}


def _checked(request: Request, node: Node, mask: Mask, diff: bool) -> dict[str, Any]:
    found = reading.gather(request.desired, node.store.load(), node.podman, node.systemd)
    plan = planner.plan(found, request.desired)
    if plan.problems:
        raise NodeError(*plan.problems)
    warnings = list(plan.warnings)
    if node.store.busy():
        warnings.append("another run works on this node now; what is reported may not last")
    return _result(plan.changes, warnings, _diffs(plan.changes, found, request), mask, diff)


def _reconciled(request: Request, node: Node, mask: Mask, diff: bool) -> dict[str, Any]:
    found = reading.gather(request.desired, node.store.load(), node.podman, node.systemd)
    plan = planner.plan(found, request.desired)
    if plan.problems:
        node.store.save(plan.claims)
        raise NodeError(*plan.problems)
    shown = _diffs(plan.changes, found, request) if diff else {}
    executor = Executor(node.store, node.podman, node.systemd, request.desired, request.contents)
    try:
        executor.run(plan)
        validate(request.validations, node.podman)
    except NodeError as error:
        done = [action for action in executor.done if action.changes]
        return {**_result(done, plan.warnings, shown, mask, diff), **_failure(error.problems, mask)}
    return _result(plan.changes, plan.warnings, shown, mask, diff)


def _diffs(actions: tuple[Action, ...], found: Facts, request: Request) -> Diffs:
    disk = {}
    for path in diffs.disk_texts_wanted(actions, found, request.desired):
        with contextlib.suppress(OSError):
            content = Path(path).read_bytes()
            disk[path] = (
                content.decode(errors="replace") if len(content) <= LARGEST_DIFF else "(too large to show)\n"
            )
    pairs = {_key(action): diffs.diff(action, found, request.desired, disk) for action in actions}
    return {key: shown for key, shown in pairs.items() if shown}


def _key(action: Action) -> tuple[str, str, str]:
    return action.kind, action.name, action.verb


def _result(
    actions: Iterable[Action], warnings: Iterable[str], shown: Diffs, mask: Mask, diff: bool
) -> dict[str, Any]:
    told, printed = [], []
    for action in actions:
        entry: dict[str, Any] = {"kind": action.kind, "name": action.name, "action": action.verb}
        entry["reason"] = mask(action.reason)
        texts = shown.get(_key(action))
        if texts:
            entry["diff"] = {side: mask(text) for side, text in texts.items()}
            printed.append(diffs.for_ansible(action, entry["diff"]))
        told.append(entry)
    result: dict[str, Any] = {"changed": bool(told), "actions": told}
    if diff:
        result["diff"] = printed
    warned = [mask(text) for text in warnings]
    return {**result, "warnings": warned} if warned else result


def _failure(problems: tuple[Problem, ...], mask: Mask) -> dict[str, Any]:
    """The part of the result that says what is wrong: the first finding, and all of them."""
    findings = []
    for problem in problems:
        log = tuple(mask(line) for line in problem.log)
        findings.append(dataclasses.replace(problem, message=mask(problem.message), log=log))
    told = [finding.as_dict() for finding in findings]
    message = "; ".join(finding.message for finding in findings)
    return {"failed": True, "msg": message, "finding": told[0], "findings": told}
