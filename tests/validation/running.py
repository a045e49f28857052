"""One plan validated in this process: from the arguments of the command line, through the room's door."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Finding, Severity, UndercloudError
from undercloud.plan import loader
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.validation import previous, validate
from undercloud.validation.subject import Previous
from undercloud.validation.validate import Extras

_PLAN = {
    "--templates": "templates",
    "-r": "roles_file",
    "-n": "networks_file",
    "--vip-file": "vip_file",
    "--baremetal-deployment": "baremetal_deployment",
}


def plan_source(arguments: Sequence[str]) -> tuple[PlanSource, dict[str, str]]:
    """What to load for ``--option value`` pairs, and the options that say what else is known."""
    named: dict[str, Any] = {}
    environments: list[str] = []
    others: dict[str, str] = {}
    for option, value in zip(arguments[::2], arguments[1::2], strict=True):
        if option == "-e":
            environments.append(value)
        elif option in _PLAN:
            named[_PLAN[option]] = value
        else:
            others[option] = value
    return dataclasses.replace(PlanSource(**named), environments=tuple(environments)), others


def findings(arguments: Sequence[str], earlier: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What ``overcloud plan validate`` finds; ``earlier``: the arguments of the deployed plan."""
    source, others = plan_source(arguments)
    extras = Extras(
        nodes=_read(others.get("--nodes")),
        undercloud=_read(others.get("--undercloud-conf")),
        previous=_facts(earlier) if earlier else None,
    )
    try:
        return validate.validate(loader.load(source), extras)
    except UndercloudError as error:
        return validate.broken(error, extras)


def _read(file: str | None) -> tuple[str, str] | None:
    return (file, Path(file).read_text()) if file else None


def _facts(arguments: Sequence[str]) -> Previous:
    plan = loader.load(plan_source(arguments)[0])
    compiled = compiler.compile(plan, State(), SeededEntropy("earlier"))
    return previous.read(json.loads(json.dumps(previous.facts(compiled))))


def errors(found: Sequence[Finding]) -> list[Finding]:
    """Those that stop a deployment."""
    return [each for each in found if each.severity is Severity.ERROR]


def said(found: Sequence[Finding]) -> str:
    """Findings as one text, for a test's message."""
    return "\n".join(f"{each.code} {each.message} {' '.join(map(str, each.locations))}" for each in found)
