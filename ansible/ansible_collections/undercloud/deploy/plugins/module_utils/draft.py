"""The plan while it is made: what the parts of the planner share."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import errors
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import Problem
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    LABEL_STACK,
    Action,
    ContainerFact,
    Desired,
    Facts,
    Plan,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.wanted import parents


class Draft:
    """The plan while it is made."""

    def __init__(self, facts: Facts, desired: Desired) -> None:
        self.facts = facts
        self.desired = desired
        self.actions: list[Action] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.saves: list[str] = []
        self.present = dict(facts.containers)
        self.rewritten: set[str] = set()
        ours = facts.manifest.stack == desired.stack
        fence = max(desired.fence, facts.manifest.fence) if ours else desired.fence
        self.seen_fence = dataclasses.replace(facts.manifest, stack=desired.stack, fence=fence)
        self.manifest = self.seen_fence

    def done(self) -> Plan:
        """The finished plan."""
        if self.problems:
            return Plan((), self.seen_fence, (), tuple(self.problems), tuple(self.warnings))
        return Plan(tuple(self.actions), self.manifest, tuple(self.saves), (), tuple(self.warnings))

    def act(self, kind: str, name: str, verb: str, reason: str = "", **more: Any) -> None:
        """Add an action to the end."""
        self.actions.append(Action(kind, name, verb, reason, **more))

    def claim(self, section: str, name: str, entry: Any) -> None:
        """Claim a thing in the manifest, or drop it where ``entry`` is None."""
        self.manifest = self.manifest.with_entry(section, name, entry)

    def ours(self, fact: ContainerFact) -> bool:
        """Whether a container is this stack's."""
        return fact.labels.get(LABEL_STACK) == self.desired.stack

    def foreign(self, name: str) -> None:
        """A problem: somebody else's container has a name of ours."""
        self.problems.append(
            Problem(
                errors.FOREIGN,
                f"a container named '{name}' is there that this stack did not make",
                f"Look at it ('podman inspect {name}'); rename or remove it, or give ours another name.",
                name,
            )
        )

    def cannot(self, code: str, message: str, fix: str, container: str = "") -> None:
        """A problem; in check mode only a warning, since tasks that do not run there may take care of it."""
        if self.desired.check:
            self.warnings.append(message)
        else:
            self.problems.append(Problem(code, message, fix, container))

    def implied(self) -> set[str]:
        """Directories that hold what is desired and are not there."""
        desired = self.desired
        above = {parent for path in (*desired.files, *desired.directories) for parent in parents(path)}
        facts = self.facts.paths
        return {path for path in above if path not in facts or facts[path].kind != "directory"}
