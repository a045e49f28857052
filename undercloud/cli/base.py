"""What every command of ours shares: no credentials, examples in its help, errors told in one way."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any, ClassVar

from osc_lib.command import command

from undercloud.cli import errors, tripleo_flags
from undercloud.diagnostics import UndercloudError, internal

DEFAULT_STACK = "overcloud"


class _KeepsLines(argparse.HelpFormatter):
    """Keeps the lines of examples as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = super()._fill_text
        blocks = text.split("\n\n")
        return "\n\n".join(block if "\n  " in block else filled(block, width, indent) for block in blocks)


class Ours(command.Command):
    """Base of every command; mixed with Lister or ShowOne where the result is a table."""

    auth_required = False
    examples: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs of what the example does and the words after ``openstack``."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with examples after the options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        usual: Any = parser.formatter_class
        wanted: Any = type("HelpFormatter", (_KeepsLines, usual), {})
        parser.formatter_class = wanted
        return parser

    def get_epilog(self) -> str:
        """The examples, by the name that the command was called with."""
        shown = [f"  # {what}\n  openstack {self._called(words)}" for what, words in self.examples]
        return "Examples:\n" + "\n".join(shown) if shown else ""

    def _called(self, words: str) -> str:
        """By TripleO's other name, too: `tripleo validator list` is `overcloud validator list`."""
        name = str(self.cmd_name or "")
        other = name.replace("tripleo ", "overcloud ", 1)
        return words.replace(other, name, 1) if name.startswith("tripleo ") else words

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

    def tell_notes(self, parsed_args: argparse.Namespace) -> None:
        """Say which of TripleO's options that were given change nothing here."""
        for note in tripleo_flags.notes(parsed_args):
            self.app.stderr.write(note + "\n")

    def confirmed(self, question: str) -> bool:
        """Ask; only ``y`` or ``yes`` is a yes, and a no is said to be one.

        Without a terminal nobody can answer: CLI-007.
        """
        if not self.app.stdin.isatty():
            raise UndercloudError.of("CLI-007", f"{question} Nobody is here to answer", fix="give --yes")
        self.app.stdout.write(f"{question} [y/N] ")
        self.app.stdout.flush()
        agreed = self.app.stdin.readline().strip().lower() in {"y", "yes"}
        if not agreed:
            self.app.stdout.write("Nothing was done.\n")
        return agreed

    def _show(self, error: UndercloudError, parsed_args: argparse.Namespace) -> int:
        return errors.show(
            error,
            as_json=getattr(parsed_args, "formatter", "") == "json",
            stdout=self.app.stdout,
            stderr=self.app.stderr,
        )


class Compiling(Ours):
    """A command that compiles in its own process, prints the result and ends."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """As any command, with few garbage collections."""
        with _few_collections():
            return super().run(parsed_args)


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """A compilation makes many objects and hardly any cycle: looking for cycles was a fifth of its time.

    What is there at the end stays out of the collections of the interpreter's own end, too.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.freeze()


_OBJECTS_BETWEEN_COLLECTIONS = 200_000


class Lister(Ours, command.Lister):
    """A command whose result is a table: -f table, json, yaml, csv, value."""


class ShowOne(Ours, command.ShowOne):
    """A command whose result is one thing: -f table, json, yaml, shell, value."""


def add_report_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """Add ``-f`` to a command that prints a report; ``more`` are formats besides table and json."""
    add_format(parser, "table", "json", *more)


def add_format(parser: argparse.ArgumentParser, default: str, *others: str, meaning: str = "") -> None:
    """Add ``-f`` to a command that prints no table of cliff; ``meaning`` tells what the default is."""
    told = f"{default}, {meaning}" if meaning else default
    parser.add_argument(
        "-f",
        "--format",
        dest="formatter",
        choices=(default, *others),
        default=default,
        help=f"The form of the output (default: {told})",
    )


def allow_options_between(parser: argparse.ArgumentParser) -> None:
    """Take ``VERB --option NAME``: argparse thinks that names which may be left out are, at the option."""
    parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]


def default_stack() -> str:
    """The stack that is meant where none is named."""
    return os.environ.get("OVERCLOUD_STACK_NAME") or DEFAULT_STACK


def add_stack(parser: argparse.ArgumentParser) -> None:
    """Add the stack's name, as a word or as TripleO's --stack and --plan."""
    parser.add_argument(
        "stack",
        nargs="?",
        default=argparse.SUPPRESS,
        metavar="<stack>",
        help="The stack (Env: OVERCLOUD_STACK_NAME; default: overcloud)",
    )
    parser.add_argument(
        "--stack",
        "--plan",
        dest="stack",
        default=default_stack(),
        metavar="<name>",
        help="The same",
    )
