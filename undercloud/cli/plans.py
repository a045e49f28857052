"""`overcloud plan list`, `overcloud plan show`, `overcloud plan delete`: the plans that the engine keeps."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from undercloud.cli import base, errors, running
from undercloud.diagnostics import Finding, UndercloudError


class PlanList(running.WithEngine, base.Lister):
    """List the plans with the state of their stacks."""

    examples = (("all plans", "overcloud plan list"),)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """One row a plan."""
        del parsed_args
        with self.engine() as engine:
            plans = engine.plans()
            stacks = {stack.name: stack.status for stack in engine.stacks()}
        rows = [
            (plan.name, plan.version, plan.files, plan.updated, stacks.get(plan.name, "none"))
            for plan in plans
        ]
        return ("Plan", "Version", "Files", "Updated", "Stack"), rows


class PlanShow(running.WithEngine, base.ShowOne):
    """Show one plan: versions, times, and how its stack stands."""

    examples = (("one plan", "overcloud plan show overcloud"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the plan."""
        parser = super().get_parser(prog_name)
        parser.add_argument("plan", metavar="<plan>", help="The plan's name (that of its stack)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The plan's fields."""
        with self.engine() as engine:
            plan = next((plan for plan in engine.plans() if plan.name == parsed_args.plan), None)
            if plan is None:
                raise UndercloudError.of(
                    "DEP-003",
                    f"there is no plan {parsed_args.plan}",
                    fix="see them with: openstack overcloud plan list",
                )
            stack = engine.status(plan.name)
        fields = {
            "name": plan.name,
            "version": plan.version,
            "created": plan.created,
            "updated": plan.updated,
            "files": plan.files,
            "stack": stack.status,
            "deployed version": stack.deployment.version if stack.deployment else None,
        }
        return tuple(fields), tuple(fields.values())


class PlanDelete(running.WithEngine):
    """Forget a plan with all its versions, its passwords and its history.

    Refused while its stack is on nodes: take it off with `overcloud delete` first.
    """

    examples = (("asks first", "overcloud plan delete overcloud"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, whether to ask."""
        parser = super().get_parser(prog_name)
        parser.add_argument("plan", nargs="+", metavar="<plan>", help="The plan's name")
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask once, then delete each plan; one that cannot be deleted does not keep the others."""
        names = ", ".join(parsed_args.plan)
        if not parsed_args.yes and not self.confirmed(f"Forget {names} with all passwords, for good?"):
            return errors.FAILED
        problems: list[Finding] = []
        with self.engine() as engine:
            for name in parsed_args.plan:
                try:
                    engine.delete_plan(name)
                except UndercloudError as error:
                    problems += error.findings
        if problems:
            raise UndercloudError(*problems)
        return errors.CLEAN
