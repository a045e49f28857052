"""`overcloud stack evaluate`: any HOT template, without a cloud."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, plan_options, rendering
from undercloud.diagnostics import Finding, UndercloudError

if TYPE_CHECKING:
    from undercloud.hot.stack import ResourceNode, Stack


class StackEvaluate(base.Compiling):
    """Evaluate a HOT template: its outputs, resources and conditions, as Heat would give them.

    Nested templates and files are read from beside it. Nothing is created anywhere. As json and yaml the
    outputs have their values; the table masks secret ones.
    """

    examples = (
        ("a template and its environment", "overcloud stack evaluate server.yaml -e prod.yaml"),
        (
            "with parameters, for a program",
            "overcloud stack evaluate server.yaml -P networks=a,b -P 'labels={\"a\": 1}' -f json",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: template, environments, parameters."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser, "yaml")
        parser.add_argument("template", metavar="<template>", help="The root template, a file")
        plan_options.add_environment_files(parser)
        parser.add_argument(
            "-P",
            "--parameter",
            dest="parameters",
            action="append",
            default=[],
            metavar="<name=value>",
            help="A parameter, over all environments; a list with commas, a map as JSON; may be given again",
        )
        parser.add_argument(
            "--stack", default="stack", metavar="<name>", help="The stack's name (default: stack)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Evaluate and print."""
        stack, findings = _evaluate(parsed_args)
        if parsed_args.formatter == "table":
            self.app.stdout.write(_text(stack, findings, rendering.width_of(self.app.stdout)))
        else:
            self.app.stdout.write(_document(stack, findings, parsed_args.formatter))
        return errors.status(findings)


def _evaluate(parsed_args: argparse.Namespace) -> tuple[Stack, tuple[Finding, ...]]:
    from undercloud.hot.stack import KeptStrings, StackRequest, evaluate  # noqa: PLC0415  (start-up)
    from undercloud.plan import loader  # noqa: PLC0415
    from undercloud.plan.bundle import PlanSource  # noqa: PLC0415
    from undercloud.plan.entropy import SystemEntropy  # noqa: PLC0415

    given = parameters(parsed_args.parameters)
    plan = loader.load(
        PlanSource(
            templates=parsed_args.template,
            name=parsed_args.stack,
            environments=tuple(parsed_args.environment_files),
        )
    )
    stack = evaluate(
        StackRequest(
            plan.tree,
            plan.root,
            plan.environment,
            KeptStrings({}, SystemEntropy()),
            name=parsed_args.stack,
            parameters=given,
        )
    )
    return stack, (*plan.findings, *stack.findings)


def parameters(words: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a map; raises UndercloudError (CLI-002) naming every word that is not one."""
    given, wrong = {}, []
    for word in words:
        name, equals, value = word.partition("=")
        if name and equals:
            given[name] = value
        else:
            wrong.append(Finding("CLI-002", f"-P {word!r} is not NAME=VALUE", fix="write -P name=value"))
    if wrong:
        raise UndercloudError(*wrong)
    return given


def _document(stack: Stack, findings: Iterable[Finding], form: str) -> str:
    from undercloud.plan.secrets import masked  # noqa: PLC0415  (start-up)

    document = {
        "stack": stack.name,
        "parameters": masked(stack.parameters),
        "conditions": stack.conditions,
        "outputs": stack.outputs,
        "resources": _tree(stack.resources()),
        "findings": [finding.as_dict() for finding in findings],
    }
    text = json.dumps(document, indent=2)
    if form == "json":
        return text + "\n"
    import yaml  # noqa: PLC0415  (start-up)

    return yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)


def _tree(nodes: Mapping[str, ResourceNode]) -> dict[str, Any]:
    return {
        name: {
            "type": node.type,
            "location": str(node.location or ""),
            **({"template": node.template} if node.template else {}),
            **({"resources": _tree(node.children)} if node.children else {}),
        }
        for name, node in nodes.items()
    }


def _text(stack: Stack, findings: Iterable[Finding], width: int) -> str:
    from undercloud.plan.secrets import masked  # noqa: PLC0415  (start-up)

    sections = [
        (
            "Conditions",
            rendering.pairs((name, str(value).lower()) for name, value in stack.conditions.items()),
        ),
        ("Resources", "".join(_lines(stack.resources(), ""))),
        ("Outputs", "".join(f"{name}: {_value(masked(value))}\n" for name, value in stack.outputs.items())),
    ]
    report = rendering.report_text(findings, width=width)
    shown = [f"{title}\n{rendering.indent(body)}" for title, body in sections if body]
    return "\n".join([*([report] if report else []), *shown])


def _lines(nodes: Mapping[str, ResourceNode], indent: str) -> Iterable[str]:
    for name, node in nodes.items():
        yield f"{indent}{name}  {node.type}\n"
        yield from _lines(node.children, indent + "  ")


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2)
