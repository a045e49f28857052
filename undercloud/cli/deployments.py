"""`overcloud deployment list` and `overcloud deployment show`: what was done to clouds, and how it ended."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from undercloud.cli import base, progress, rendering, running
from undercloud.deploy.engine import Deployment, Engine

_PAGE = 1000


class DeploymentList(running.WithEngine, base.Lister):
    """List deployments, dry runs, checks and deletions, newest first."""

    examples = (
        ("the last ones of all stacks", "overcloud deployment list"),
        ("all of one stack, for a script", "overcloud deployment list edge-1 --all -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, how many."""
        parser = super().get_parser(prog_name)
        parser.add_argument("stack", nargs="?", default="", metavar="<stack>", help="Default: all stacks")
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--limit", type=int, default=20, metavar="<number>", help="At most so many (default: 20)"
        )
        group.add_argument("--all", action="store_true", help="All of them")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """One row a deployment."""
        with self.engine() as engine:
            if parsed_args.all:
                found = list(_all(engine, parsed_args.stack))
            else:
                found = list(engine.deployments(parsed_args.stack, parsed_args.limit))
        rows = [
            (
                one.id,
                one.stack,
                operation_text(one),
                one.version or "",
                str(one.status),
                one.stage,
                one.started,
                _took(one),
            )
            for one in found
        ]
        return ("ID", "Stack", "Operation", "Version", "Status", "Stage", "Started", "Took"), rows


def _all(engine: Engine, stack: str) -> Iterable[Deployment]:
    marker = ""
    while batch := engine.deployments(stack, _PAGE, marker):
        yield from batch
        marker = batch[-1].id


def operation_text(deployment: Deployment) -> str:
    """The operation, and what was particular about it."""
    back = " (rollback)" if deployment.rollback_of else ""
    limit = f" (only {deployment.limit})" if deployment.limit else ""
    return f"{deployment.operation}{back}{limit}"


def _took(deployment: Deployment) -> str:
    if not deployment.ended:
        return ""
    return rendering.duration(progress.seconds_between(deployment.started, deployment.ended))


class DeploymentShow(running.WithEngine, base.ShowOne):
    """Show one deployment: its stages with their times, what was let pass, what each host did."""

    examples = (("one deployment", "overcloud deployment show ID"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the deployment."""
        parser = super().get_parser(prog_name)
        parser.add_argument("deployment", metavar="<id>", help="See `overcloud deployment list`")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The deployment's fields."""
        from undercloud.cli import summary  # noqa: PLC0415  (start-up)

        with self.engine() as engine:
            found = engine.deployment(parsed_args.deployment)
            hosts = engine.hosts(found.id)
        if parsed_args.formatter in {"json", "yaml"}:
            fields: dict[str, Any] = summary.deployment_plain(found, hosts)
            return tuple(fields), tuple(fields.values())
        fields = {
            "id": found.id,
            "stack": found.stack,
            "operation": operation_text(found),
            "status": f"{found.status} in stage {found.stage}" if found.stage else str(found.status),
            "plan version": found.version,
            "started": found.started,
            "ended": found.ended or "not yet",
            "took": _took(found),
            "engine": found.holder,
            "stages": "\n".join(
                f"{stage.name} {stage.status} "
                f"{rendering.duration(progress.seconds_between(stage.started, stage.ended))}".rstrip()
                for stage in found.stages
                if stage.started or stage.ended
            ),
        }
        if found.rollback_of:
            fields["rollback of"] = found.rollback_of
        if hosts:
            fields["tasks"] = summary.counts_text(hosts).rstrip("\n")
        return tuple(fields), tuple(fields.values())
