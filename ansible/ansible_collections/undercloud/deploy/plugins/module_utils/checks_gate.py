"""From findings about a node to a task's result: what stops a deployment, what the operator lets pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils.checks_catalogue import ERROR, WARNING
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError


def result(found: Iterable[Mapping[str, Any]], gate: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a task that checks; ``gate``: ``force`` (codes), ``errors_pass``, ``warnings_stop``."""
    findings = [_gated(one, gate) for one in found]
    stopping = [one for one in findings if one["severity"] == ERROR]
    told: dict[str, Any] = {"changed": False, "findings": findings}
    if stopping:
        told |= {"failed": True, "finding": stopping[0]}
        told["msg"] = "; ".join(f"{one['code']} {one['message']}" for one in stopping)
    return told


def broken(error: NodeError) -> dict[str, Any]:
    """The result where the task itself is wrong."""
    found = [{**problem.as_dict(), "severity": ERROR} for problem in error.problems]
    return result(found, {})


def _gated(one: Mapping[str, Any], gate: Mapping[str, Any]) -> dict[str, Any]:
    stops = one["severity"] == ERROR or (bool(gate.get("warnings_stop")) and one["severity"] == WARNING)
    if not stops:
        return dict(one)
    if one["code"] in (gate.get("force") or ()) or gate.get("errors_pass"):
        return {**one, "severity": WARNING, "forced": True}
    return {**one, "severity": ERROR}
