"""What the control side hands to a node's module, from the host's desired state and all secrets: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, secrets
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import keep_of

VERSION = 1
AFTER_ALL_STEPS = 6
PARTS = ("directories", "files", "units", "containers", "validations")


def handover(
    task: Mapping[str, Any], host: str, document: Mapping[str, Any] | None, values: Mapping[str, str]
) -> dict[str, Any]:
    """The module's parameters for a task on a host.

    ``document`` is the host's desired state file; without one (only with ``purge``) nothing shall be. The
    node gets the step's entries, the names of all others, and the secrets of its entries in all steps: what a
    container logs may hold one that stands in a file of an earlier step.
    Raises NodeError (NODE-013, NODE-017).
    """
    arguments = {key: value for key, value in task.items() if value is not None}
    finish, purge = _true(task.get("finish")), _true(task.get("purge"))
    if document is None:
        if finish or not purge:
            raise _wrong("a task without 'state' is one that removes everything, with 'purge: true' alone")
        return {**arguments, "desired": {}, "keep": {}, "secrets": {}}
    if purge and not finish:
        raise _wrong("'purge: true' without 'finish: true' removes everything and takes no 'state'")
    steps = _steps(document, host, str(task.get("stack") or ""))
    step = AFTER_ALL_STEPS if finish else _step(task.get("step"))
    part = {} if finish else steps.get(str(step), {})
    desired = {name: part[name] for name in PARTS if part.get(name)}
    names = secrets.names_in(
        [_without_origin(each.get(kind) or ()) for each in steps.values() for kind in PARTS]
    )
    secrets.reveal([f"<<secret:{name}>>" for name in sorted(names)], values)
    arguments.update(desired=desired, keep=keep_of(steps, step, values), step=step)
    return {**arguments, "secrets": {name: values[name] for name in sorted(names)}}


def _steps(document: Mapping[str, Any], host: str, stack: str) -> Mapping[str, Mapping[str, Any]]:
    if document.get("version") != VERSION:
        raise _wrong(f"the desired state has version {document.get('version')!r}, known is {VERSION}")
    if document.get("stack") != stack:
        raise _wrong(f"the desired state is of the stack '{document.get('stack')}', the task of '{stack}'")
    hosts = document.get("hosts") or {}
    if host not in hosts:
        raise _wrong(f"the desired state has no host '{host}', only {', '.join(sorted(hosts)) or 'none'}")
    steps: Mapping[str, Mapping[str, Any]] = hosts[host].get("steps") or {}
    return steps


def _step(value: Any) -> int:
    try:
        step = int(value)
    except (TypeError, ValueError):
        step = -1
    if not 0 <= step < AFTER_ALL_STEPS:
        raise _wrong(f"'step' must be 0 to 5, not {value!r}")
    return step


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "1", "on")


def _without_origin(entries: Any) -> Any:
    items = entries.values() if isinstance(entries, Mapping) else entries
    return [{key: value for key, value in item.items() if key not in ("origin", "secrets")} for item in items]


def _wrong(message: str) -> errors.NodeError:
    return errors.NodeError.of(errors.INPUT, message, "Compile the plan again, or mend the task.")
