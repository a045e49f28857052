"""What every command of ours shares: no credentials, examples in its help, errors told in one way."""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar

from cliff import _argparse as cliff_argparse
from osc_lib.command import command

from undercloud.cli import errors
from undercloud.diagnostics import UndercloudError, internal


class HelpFormatter(cliff_argparse.SmartHelpFormatter):
    """Keeps the lines of descriptions and examples as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = super()._fill_text
        blocks = text.split("\n\n")
        return "\n\n".join(
            block if block.startswith("  ") or "\n  " in block else filled(block, width, indent)
            for block in blocks
        )


class Ours(command.Command):
    """Base of every command; mixed with Lister or ShowOne where the result is a table."""

    auth_required = False
    examples: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs of what the example does and the words after ``openstack``."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with examples after the options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.formatter_class = HelpFormatter
        return parser

    def get_epilog(self) -> str:
        """The examples."""
        shown = [f"  # {what}\n  openstack {words}" for what, words in self.examples]
        return "Examples:\n" + "\n".join(shown) if shown else ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Carry the command out; whatever goes wrong becomes a report and an exit status."""
        try:
            return int(super().run(parsed_args) or errors.CLEAN)
        except UndercloudError as error:
            return self._show(error, parsed_args)
        except KeyboardInterrupt:
            self.app.stderr.write(self.interrupted(parsed_args))
            return errors.INTERRUPTED
        except BrokenPipeError:
            raise
        except Exception as fault:  # the last border: an operator never meets a traceback
            self.log.debug("unexpected", exc_info=True)
            what = f"{type(fault).__name__}: {fault}"
            return self._show(internal(f"{what} (run again with --debug to see where)"), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """What to say after Ctrl-C: what was kept and how to go on."""
        return "\nInterrupted. Nothing was changed; run the command again.\n"

    def _show(self, error: UndercloudError, parsed_args: argparse.Namespace) -> int:
        return errors.show(
            error,
            as_json=getattr(parsed_args, "formatter", "") == "json",
            stdout=self.app.stdout,
            stderr=self.app.stderr,
        )


class Lister(Ours, command.Lister):
    """A command whose result is a table: -f table, json, yaml, csv, value."""


class ShowOne(Ours, command.ShowOne):
    """A command whose result is one thing: -f table, json, yaml, shell, value."""


def add_report_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """Add ``-f`` to a command that prints a report; ``more`` are formats besides table and json."""
    parser.add_argument(
        "-f",
        "--format",
        dest="formatter",
        choices=("table", "json", *more),
        default="table",
        help="The form of the output (default: table)",
    )


def confirm(question: str, *, stdin: Any = None, stdout: Any = None) -> bool:
    """Ask; only ``y`` or ``yes`` is a yes. Without a terminal nobody can answer, so it is a no."""
    source, sink = stdin or sys.stdin, stdout or sys.stdout
    if not source.isatty():
        return False
    sink.write(f"{question} [y/N] ")
    sink.flush()
    return str(source.readline()).strip().lower() in {"y", "yes"}
