"""The cases of the language: one small file each.

A case has ``template`` (text, so that lines can be counted), perhaps ``files``, ``environment`` and
``parameters``, and what must come of it: ``outputs`` (all of them), or ``errors`` and ``warnings`` (code,
perhaps ``line`` and ``file``, and a word of the ``fix`` or the ``message``). ``checked`` says that real Heat
gave the same outputs, or refused the template.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Severity
from undercloud.hot.stack import KeptStrings, PlainEnvironment, Stack, StackRequest, evaluate
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.tree import Tree

CASES = pathlib.Path(__file__).parent / "cases"


@dataclasses.dataclass(frozen=True)
class Case:
    """One file of the directory."""

    name: str
    about: str
    template: str
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    environment: dict[str, Any] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    warnings: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    checked: str = ""

    def evaluate(self) -> Stack:
        """The stack of the case."""
        environment = PlainEnvironment(
            self.environment.get("parameter_defaults", {}),
            self.environment.get("parameters", {}),
            self.environment.get("resource_registry", {}),
        )
        return evaluate(
            StackRequest(
                Tree({"template.yaml": self.template, **self.files}),
                "template.yaml",
                environment,
                KeptStrings({}, SeededEntropy(self.name)),
                name="case",
                parameters=self.parameters,
            )
        )


def cases() -> list[Case]:
    """All cases, by name."""
    return [Case(name=path.stem, **yaml.safe_load(path.read_text())) for path in sorted(CASES.glob("*.yaml"))]


def matches(finding: Finding, wanted: dict[str, Any]) -> bool:
    """Whether a finding is the one that a case wants."""
    place = finding.locations[0] if finding.locations else None
    return (
        finding.code == wanted["code"]
        and wanted.get("line", place and place.line) == (place and place.line)
        and wanted.get("file", place and place.file) == (place and place.file)
        and wanted.get("fix", "") in finding.fix
        and wanted.get("message", "") in finding.message
    )


def of(stack: Stack, severity: Severity) -> list[Finding]:
    """The findings of a weight."""
    return [finding for finding in stack.findings if finding.severity is severity]
