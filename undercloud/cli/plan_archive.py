"""`overcloud plan create` and `overcloud plan export`: a plan's files into the engine, and out again."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, files, plan_options, running
from undercloud.diagnostics import UndercloudError

if TYPE_CHECKING:
    from undercloud.plan.bundle import Bundle

Shown = tuple[Sequence[str], Sequence[Any]]


class PlanCreate(running.WithEngine, base.ShowOne):
    """Keep a plan's files as its newest version, without deploying it.

    The files are those that `overcloud deploy` takes, or an archive of `overcloud plan export`. Deploy,
    validate and compare it later by its name and version.
    """

    examples = (
        (
            "files of your own over our templates",
            "overcloud plan create --stack lab -e site.yaml -b nodes.yaml",
        ),
        ("an exported plan under another name", "overcloud plan create --stack copy --archive lab.tar.gz"),
        ("then look at it", "overcloud plan validate lab"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: files, or an archive."""
        parser = super().get_parser(prog_name)
        plan_options.add_plan_options(parser)
        parser.add_argument("--archive", metavar="<file>", help="An exported plan instead of files")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Read them here, keep them there."""
        bundle = _unpacked(parsed_args) if parsed_args.archive else _read(parsed_args)
        with self.engine() as engine:
            version = engine.keep_plan(bundle)
        return ("plan", "version", "files"), (bundle.name, version, len(bundle.files))


class PlanExport(running.WithEngine):
    """Write the files of a kept plan into one archive, which `overcloud plan create` takes.

    The files are as they were handed over, with the passwords that stand in them; what was generated is not
    in it.
    """

    examples = (
        ("the newest version", "overcloud plan export overcloud"),
        ("an earlier one", "overcloud plan export overcloud --plan-version 3 --output-file third.tar.gz"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, which version, where to."""
        parser = super().get_parser(prog_name)
        parser.add_argument("plan", metavar="<plan>", help="The plan's name")
        parser.add_argument(
            "--plan-version", type=int, default=0, metavar="<number>", help="Default: the newest"
        )
        parser.add_argument(
            "-o", "--output-file", metavar="<file>", help="Default: PLAN.tar.gz in this directory"
        )
        parser.add_argument(
            "-f", "--force-overwrite", action="store_true", help="Replace the file if it is there"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Fetch and write."""
        from undercloud.plan import archive  # noqa: PLC0415  (start-up)

        file = Path(parsed_args.output_file or f"{parsed_args.plan}.tar.gz").expanduser()
        files.free(file, replace=parsed_args.force_overwrite, option="--force-overwrite")
        with self.engine() as engine:
            bundle = engine.plan_files(parsed_args.plan, parsed_args.plan_version)
        stream = io.BytesIO()
        archive.pack(bundle, stream)
        files.write(file, stream.getvalue())
        self.app.stdout.write(f"{file}\n")


def _read(parsed_args: argparse.Namespace) -> Bundle:
    from undercloud.plan.bundle import read  # noqa: PLC0415  (start-up)

    return read(plan_options.plan_source(parsed_args))


def _unpacked(parsed_args: argparse.Namespace) -> Bundle:
    """The archive's plan; CLI-002 where other files are named too, CLI-032 where it is unreadable."""
    from undercloud.plan import archive  # noqa: PLC0415  (start-up)

    if named := plan_options.named(parsed_args):
        raise errors.usage(
            f"the archive holds a plan, and {', '.join(named)} names other files",
            "give an archive, or files",
        )
    file = Path(parsed_args.archive).expanduser()
    try:
        with file.open("rb") as stream:
            return archive.unpack(stream, parsed_args.stack)
    except OSError as error:
        raise UndercloudError.of(
            "CLI-032", f"{file} cannot be read: {error.strerror}", fix="Name a file that you may read."
        ) from error
