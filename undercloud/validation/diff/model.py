"""What a comparison of two plans says, level by level."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from undercloud.validation.diff.hushed import shown
from undercloud.validation.diff.values import ABSENT, ValueChange, value_change


@dataclasses.dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter of another value, or one that only one plan has; ``places`` are where files set it.

    ``changes`` are what differs in it: the whole, or parts of a map or a list.
    """

    name: str
    changes: tuple[ValueChange, ...]
    places_before: tuple[str, ...] = ()
    places_after: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """``add``, ``remove`` or ``change``."""
        whole = self.changes[0]
        return whole.action if not whole.path else "change"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "action": self.action,
            "changes": [change.as_dict() for change in self.changes],
            "set_at": {"before": list(self.places_before), "after": list(self.places_after)},
        }


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource that is added, removed or made of something else; ``keys`` say what of it differs."""

    path: str
    action: str
    type: str
    keys: tuple[ValueChange, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain: dict[str, Any] = {"path": self.path, "action": self.action, "type": self.type}
        return plain | ({"changes": [key.as_dict() for key in self.keys]} if self.keys else {})


@dataclasses.dataclass(frozen=True, slots=True)
class OptionChange:
    """One option of a configuration file; ``section`` is empty where a format has none (hiera)."""

    section: str
    option: str
    change: ValueChange

    @property
    def name(self) -> str:
        """``[section]/option``, or the option alone."""
        return f"[{self.section}]/{self.option}" if self.section else self.option

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain = self.change.as_dict()
        del plain["path"]
        return {"section": self.section, "option": self.option, **plain}


@dataclasses.dataclass(frozen=True, slots=True)
class FileChange:
    """A file; the same change on several nodes is one. ``where`` are nodes, or roles, or empty for the playbook
    directory itself. ``keys`` are owner, mode and the like, ``reasons`` what else changes in it (a secret)."""

    path: str
    action: str
    where: tuple[str, ...] = ()
    options: tuple[OptionChange, ...] = ()
    keys: tuple[ValueChange, ...] = ()
    diff: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "path": self.path,
            "action": self.action,
            "where": list(self.where),
            "options": [option.as_dict() for option in self.options],
            "keys": [key.as_dict() for key in self.keys],
            "diff": list(self.diff),
            "reasons": list(self.reasons),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerChange:
    """A container; ``effect`` says what a deployment does with it: starts, restarts, stops, runs again."""

    name: str
    action: str
    where: tuple[str, ...]
    step: int
    effect: str
    keys: tuple[ValueChange, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "action": self.action,
            "where": list(self.where),
            "step": self.step,
            "effect": self.effect,
            "changes": [key.as_dict() for key in self.keys],
            "reasons": list(self.reasons),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class HostChange:
    """A node that is added, removed, or has other addresses."""

    name: str
    action: str
    role: str
    keys: tuple[ValueChange, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        plain: dict[str, Any] = {"name": self.name, "action": self.action, "role": self.role}
        return plain | ({"changes": [key.as_dict() for key in self.keys]} if self.keys else {})


@dataclasses.dataclass(frozen=True)
class PlanDiff:
    """Everything that differs between two plans, called ``before`` and ``after``."""

    before: str
    after: str
    parameters: tuple[ParameterChange, ...] = ()
    resources: tuple[ResourceChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    containers: tuple[ContainerChange, ...] = ()
    hosts: tuple[HostChange, ...] = ()
    outputs: tuple[ValueChange, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(self.levels.values())

    @property
    def levels(self) -> Mapping[str, tuple[Any, ...]]:
        """The levels by name, in the order in which they are shown."""
        return {
            "parameters": self.parameters,
            "hosts": self.hosts,
            "containers": self.containers,
            "files": self.files,
            "resources": self.resources,
            "outputs": self.outputs,
        }

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, as docs/explain.md describes it; no secret is in it."""
        return {
            "findings": [],
            "before": self.before,
            "after": self.after,
            "equal": not self,
            "notes": list(self.notes),
            **{name: [each.as_dict() for each in level] for name, level in self.levels.items()},
        }


def plan_diff(plain: Mapping[str, Any]) -> PlanDiff:
    """A comparison out of its JSON form: what an engine in another process made of it."""

    def all_of(each: Mapping[str, Any], key: str) -> tuple[ValueChange, ...]:
        return tuple(value_change(one) for one in each.get(key, ()))

    return PlanDiff(
        plain["before"],
        plain["after"],
        parameters=tuple(
            ParameterChange(
                each["name"],
                all_of(each, "changes"),
                tuple(each["set_at"]["before"]),
                tuple(each["set_at"]["after"]),
            )
            for each in plain["parameters"]
        ),
        resources=tuple(
            ResourceChange(each["path"], each["action"], each["type"], all_of(each, "changes"))
            for each in plain["resources"]
        ),
        files=tuple(
            FileChange(
                each["path"],
                each["action"],
                tuple(each["where"]),
                tuple(
                    OptionChange(one["section"], one["option"], value_change(one)) for one in each["options"]
                ),
                all_of(each, "keys"),
                tuple(each["diff"]),
                tuple(each["reasons"]),
            )
            for each in plain["files"]
        ),
        containers=tuple(
            ContainerChange(
                each["name"],
                each["action"],
                tuple(each["where"]),
                each["step"],
                each["effect"],
                all_of(each, "changes"),
                tuple(each["reasons"]),
            )
            for each in plain["containers"]
        ),
        hosts=tuple(
            HostChange(each["name"], each["action"], each["role"], all_of(each, "changes"))
            for each in plain["hosts"]
        ),
        outputs=tuple(value_change(each) for each in plain["outputs"]),
        notes=tuple(plain["notes"]),
    )


def printed(value: Any) -> Any:
    """A side of a change, fit to print; None where it is not there."""
    return None if value is ABSENT else shown(value)
