"""`undercloud validate`: what is wrong with an undercloud.conf, before anything is installed."""

from __future__ import annotations

import argparse

from undercloud.cli import base, errors, reporting


class UndercloudValidate(base.Ours):
    """Say everything that is wrong with an undercloud.conf. Offline: nothing is changed.

    Exit status: 0 no errors, 1 errors found (the report is on stdout), 2 could not run.
    """

    examples = (
        ("before an installation", "undercloud validate --config undercloud.conf"),
        ("for a program", "undercloud validate --config undercloud.conf -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the file."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        reporting.add_reports(parser)
        parser.add_argument(
            "--config",
            default="undercloud.conf",
            metavar="<file>",
            help="The configuration (default: undercloud.conf where you are)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Validate and report."""
        from undercloud.validation import validate  # noqa: PLC0415  (start-up)
        from undercloud.validation.reported import reported  # noqa: PLC0415

        reporting.check(parsed_args)
        file, text = reporting.read(parsed_args.config)
        found = validate.undercloud(text, file)
        report = reported(f"Validation of {file}", found, lambda _file: text)
        reporting.show(self.app.stdout, parsed_args, report)
        return errors.status(found)
