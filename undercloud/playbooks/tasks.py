"""Free-form Ansible tasks of role_data: the files of the playbook directory they go to, and their secrets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.diagnostics import Report, UndercloudError
from undercloud.plan.secrets import Secret, is_secret
from undercloud.playbooks.bind import Place, has_template
from undercloud.playbooks.desired import Task
from undercloud.playbooks.references import References
from undercloud.playbooks.role_data import ServiceData

SECRETS_VARIABLE = "undercloud_secrets"
_OTHER_OPERATIONS = ("update_tasks", "upgrade_tasks", "scale_tasks")
_ONLY_STEP = re.compile(r"^\(?\s*step\s*\|\s*int\s*==\s*([0-9])\s*\)?$")
EXTERNAL = ""
"""The role under which tasks of the undercloud are kept."""


@dataclasses.dataclass(frozen=True)
class TaskBlock:
    """One service's tasks in one file."""

    service: str
    template: str
    tasks: tuple[Mapping[str, Any], ...]


@dataclasses.dataclass(frozen=True)
class TaskFile:
    """A file of tasks: who includes it, in which step (None for operations other than deploy)."""

    path: str
    role: str
    kind: str
    step: int | None
    blocks: tuple[TaskBlock, ...]
    entries: tuple[Task, ...]


def gather(services: Iterable[ServiceData], references: References, report: Report) -> list[TaskFile]:
    """All task files of a stack, in a stable order; secrets in them become look-ups of a variable.

    Findings: ROLE-035 a text of a task that is secret and has Jinja2 in it.
    """
    files: dict[str, TaskFile] = {}
    external: set[str] = set()
    for service in services:
        for kind, step, tasks in _lists(service):
            role = EXTERNAL if kind == "external_deploy_tasks" else service.role
            if role == EXTERNAL:
                if f"{service.name}/{step}" in external:
                    continue
                external.add(f"{service.name}/{step}")
            try:
                safe = _without_secrets(tasks, service.place(kind), references)
            except UndercloudError as error:
                report.extend(error.findings)
                continue
            path = _path(kind, role, step)
            block = TaskBlock(service.name, service.template, tuple(safe))
            task = Task(f"{service.name} {kind.replace('_', ' ')}", kind, path, service.origin(kind))
            old = files.get(path) or TaskFile(path, role, kind, step, (), ())
            files[path] = dataclasses.replace(old, blocks=(*old.blocks, block), entries=(*old.entries, task))
    return list(files.values())


def _lists(service: ServiceData) -> Iterable[tuple[str, int | None, Sequence[Mapping[str, Any]]]]:
    data = service.data
    if data.get("host_prep_tasks"):
        yield "host_prep_tasks", 0, data["host_prep_tasks"]
    for kind in ("deploy_steps_tasks", "external_deploy_tasks"):
        value = data.get(kind) or {}
        for step in range(6):
            tasks = value.get(f"step_{step}") if isinstance(value, Mapping) else _of_step(value, step)
            if tasks:
                yield kind, step, tasks
    for kind in _OTHER_OPERATIONS:
        if data.get(kind):
            yield kind, None, data[kind]


def _of_step(tasks: Sequence[Mapping[str, Any]], step: int) -> list[Mapping[str, Any]]:
    """TripleO's list: the tasks of a step, without those whose ``when`` says another.

    In step 0 only those that name it run, for most were written for the steps from 1 on.
    """
    found = [task for task in tasks if _may_run(task.get("when"), step)]
    return found if step else [task for task in found if _names_step(task.get("when"))]


def _names_step(when: Any) -> bool:
    return any(isinstance(each, str) and _ONLY_STEP.match(each.strip()) for each in _conditions(when))


def _may_run(when: Any, step: int) -> bool:
    steps = [_ONLY_STEP.match(each.strip()) for each in _conditions(when) if isinstance(each, str)]
    return all(int(found.group(1)) == step for found in steps if found)


def _conditions(when: Any) -> Sequence[Any]:
    return when if isinstance(when, list) else [when]


def _path(kind: str, role: str, step: int | None) -> str:
    if kind == "external_deploy_tasks":
        return f"external_deploy_steps_tasks_step_{step}.yaml"
    if kind == "deploy_steps_tasks":
        return f"{role}/deploy_steps_tasks_step_{step}.yaml"
    return f"{role}/{kind}.yaml"


def _without_secrets(
    tasks: Sequence[Mapping[str, Any]], place: Place, references: References
) -> list[Mapping[str, Any]]:
    safe = []
    for index, task in enumerate(tasks):
        plain = _look_up(task, place.child(str(index)), references)
        safe.append({**plain, "no_log": True} if is_secret(task) else plain)
    return safe


def _look_up(value: Any, place: Place, references: References) -> Any:
    if isinstance(value, Secret):
        text = value.reveal()
        if has_template(text):
            raise place.error(
                "ROLE-035",
                "a text of a task is secret and has Jinja2 in it, which Ansible would not fill in",
                "Hand the secret over as a text of its own (in vars) and use the variable beside the Jinja2.",
            )
        name = references.add(text, (place.service, *place.path))[len("<<secret:") : -len(">>")]
        return f"{{{{ {SECRETS_VARIABLE}['{name}'] }}}}"
    if isinstance(value, Mapping):
        return {key: _look_up(item, place.child(str(key)), references) for key, item in value.items()}
    if isinstance(value, list):
        return [_look_up(item, place.child(str(index)), references) for index, item in enumerate(value)]
    return value
