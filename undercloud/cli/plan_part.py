"""What the commands share that carry a plan only as far as one of its files leads."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from undercloud.cli import base, files, given_options, plan_options, running, ssh_options, tripleo_flags
from undercloud.deploy.requests import DeployRequest


class PlanPart(running.Running):
    """A command whose word is a file of the plan; the plan around it is named by options."""

    input_help: ClassVar[str]
    harmless: ClassVar[Sequence[tripleo_flags.Flag]]
    """TripleO's options that change nothing here."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the file, where to write, the plan around it."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        parser.add_argument("input", metavar="<file>", help=self.input_help)
        parser.add_argument(
            "-o", "--output", metavar="<file>", help="Write an environment with the addresses"
        )
        plan_options.add_plan_options(parser)
        ssh_options.add_ssh_options(parser)
        tripleo_flags.add_harmless(parser, self.harmless)
        return parser

    def wanted(self, parsed_args: argparse.Namespace) -> DeployRequest:
        """What the engine is asked for."""
        return DeployRequest(
            stack=parsed_args.stack,
            plan=plan_options.plan_paths(parsed_args),
            operator=given_options.operator(),
            ssh=ssh_options.ssh_access(parsed_args),
        )

    @staticmethod
    def write(parsed_args: argparse.Namespace, text: str) -> None:
        """Write the environment, where one is wanted."""
        if parsed_args.output:
            files.write(Path(parsed_args.output).expanduser().absolute(), text)
