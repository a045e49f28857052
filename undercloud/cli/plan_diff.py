"""`overcloud plan diff`: what differs between two plans, from parameters to containers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from undercloud.cli import base, errors
from undercloud.diagnostics import Location, UndercloudError

if TYPE_CHECKING:
    from undercloud.validation.diff.model import PlanDiff as Difference
    from undercloud.validation.diff.snapshot import Snapshot

_BESIDE = ("plan.json", "stack.json", "desired_state.json", "snapshot.json")
_DIRECTORY = "config-download"


class PlanDiff(base.Compiling):
    """Compare two outputs of `plan compile`: parameters, nodes, containers, files, resources, outputs.

    Configuration is compared option by option, and containers say whether a deployment would restart them.
    Secrets are never shown; one that has another value is told. For what would change on nodes as they are,
    ask `overcloud deploy --dry-run`.

    Exit status: 0 compared (with --exit-code 1 where anything differs), 2 could not run.
    """

    examples = (
        ("before and after a change", "overcloud plan diff out-before out-after"),
        ("for a program", "overcloud plan diff out-before out-after -f json"),
        ("a page to read", "overcloud plan diff out-before out-after -f html > diff.html"),
        ("in an operator's CI", "overcloud plan diff --exit-code out-before out-after"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the two directories."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "-f",
            "--format",
            dest="formatter",
            choices=("text", "json", "html"),
            default="text",
            help="The form of the output (default: text)",
        )
        parser.add_argument(
            "--exit-code", action="store_true", help="Exit with 1 where anything differs, as git diff does"
        )
        parser.add_argument("before", metavar="<before>", help="An output directory of plan compile")
        parser.add_argument("after", metavar="<after>", help="Another one")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print the difference."""
        from undercloud.validation.diff.compare import compare  # noqa: PLC0415  (start-up)

        names = (parsed_args.before, parsed_args.after)
        before, after = (directory(Path(name).expanduser()) for name in names)
        found = compare(before, after, names)
        self.app.stdout.write(formatted(found, parsed_args.formatter))
        return errors.FOUND if parsed_args.exit_code and found else errors.CLEAN


def formatted(found: Difference, form: str) -> str:
    """A comparison as text, json or html."""
    from undercloud.validation.diff import page, text  # noqa: PLC0415  (start-up)

    if form == "json":
        return json.dumps(found.as_dict(), indent=2, ensure_ascii=False) + "\n"
    return page.render(found) if form == "html" else text.render(found)


def directory(path: Path) -> Snapshot:
    """What `plan compile` wrote to a directory; raises UndercloudError CLI-031 for anything else."""
    from undercloud.validation.diff import snapshot  # noqa: PLC0415  (start-up)

    try:
        found = [path / name for name in _BESIDE if (path / name).exists()]
        found += [file for file in (path / _DIRECTORY).rglob("*") if file.is_file()]
        files = {str(file.relative_to(path)): file.read_text(encoding="utf-8") for file in found}
    except (OSError, UnicodeDecodeError) as problem:
        raise _no_output(path, str(getattr(problem, "strerror", None) or problem)) from problem
    if _BESIDE[0] not in files:
        raise _no_output(path, f"there is no {_BESIDE[0]}" if path.is_dir() else "there is no such directory")
    try:
        return snapshot.of_files(files)
    except UndercloudError as problem:
        raise _no_output(path, problem.findings[0].message) from problem


def _no_output(path: Path, why: str) -> UndercloudError:
    return UndercloudError.of(
        "CLI-031",
        f"this is no output of plan compile: {why}",
        fix="name a directory that `openstack overcloud plan compile` wrote with --output-dir",
        location=Location(str(path)),
    )
