"""Reports of validation: the options, the files, and what goes to the terminal."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from undercloud.cli import errors, files, rendering
from undercloud.diagnostics import UndercloudError

if TYPE_CHECKING:
    from undercloud.validation.reports import Reported

_FORMATS = ("html", "json", "junit", "sarif")


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add ``--report FORMAT=FILE``."""
    parser.add_argument(
        "--report",
        dest="reports",
        action="append",
        default=[],
        metavar="<format>=<file>",
        help=f"Write the report to a file too ({', '.join(_FORMATS)}); may be given again",
    )


def check(parsed_args: argparse.Namespace) -> None:
    """Raise UndercloudError (CLI-002) for a report of an unknown form or without a file."""
    for wanted in parsed_args.reports:
        form, _, file = wanted.partition("=")
        if form not in _FORMATS or not file:
            fix = f"write FORMAT=FILE with one of {', '.join(_FORMATS)}, as in --report html=report.html"
            raise errors.usage(f"--report {wanted} names no report", fix)


def read(file: str) -> tuple[str, str]:
    """A file's path as it is shown, and its text; raises UndercloudError CLI-032 where it cannot be read."""
    from undercloud.plan import documents  # noqa: PLC0415  (start-up)
    from undercloud.plan import files as plan_files  # noqa: PLC0415

    path = str(Path(file).expanduser())
    try:
        return path, documents.decode(plan_files.read_file(path), path)
    except UndercloudError as error:
        raise UndercloudError(
            *(dataclasses.replace(each, code="CLI-032") for each in error.findings)
        ) from None


def show(stdout: TextIO, parsed_args: argparse.Namespace, report: Reported) -> None:
    """Write the reports that were asked for, and print the findings."""
    from undercloud.validation.reports import FORMATS  # noqa: PLC0415  (start-up)

    write(parsed_args, report)
    if parsed_args.formatter == "json":
        stdout.write(FORMATS["json"](report))
    else:
        text = rendering.report_text(report.findings, width=rendering.width_of(stdout))
        stdout.write(text or "Nothing was found.\n")


def write(parsed_args: argparse.Namespace, report: Reported) -> None:
    """Write the reports that were asked for."""
    from undercloud.validation.reports import FORMATS  # noqa: PLC0415  (start-up)

    for wanted in parsed_args.reports:
        form, _, file = wanted.partition("=")
        files.write(Path(file).expanduser().absolute(), FORMATS[form](report))


def text_here(file: str) -> str:
    """The text of a file on this machine; empty where it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
