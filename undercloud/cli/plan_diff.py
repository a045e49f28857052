"""`overcloud plan diff`: what would change on the nodes between two compilations."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base
from undercloud.diagnostics import Location, UndercloudError

if TYPE_CHECKING:
    from undercloud.playbooks.desired import DesiredState

_STATE = "desired_state.json"
_SECRETS = "config-download/secrets.json"


class PlanDiff(base.Ours):
    """Compare two outputs of `plan compile`: hosts, files with diffs, containers, units.

    Secrets are never shown; one that has another value is named. For what would change on nodes as they are,
    ask `overcloud deploy --dry-run`.
    """

    examples = (
        ("before and after a change", "overcloud plan diff out-before out-after"),
        ("for a program", "overcloud plan diff out-before out-after -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the two directories."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        parser.add_argument("before", metavar="<before>", help="An output directory of plan compile")
        parser.add_argument("after", metavar="<after>", help="Another one")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the difference."""
        from undercloud.playbooks.diff import diff  # noqa: PLC0415  (start-up)

        before, after = Path(parsed_args.before).expanduser(), Path(parsed_args.after).expanduser()
        old, new = _secrets(before), _secrets(after)
        changed = [name for name in old.keys() & new.keys() if old[name] != new[name]]
        difference = diff(_desired(before), _desired(after), changed)
        if parsed_args.formatter == "json":
            text = json.dumps({"findings": [], **difference.as_dict()}, indent=2) + "\n"
        else:
            text = difference.render() or "Nothing differs.\n"
        self.app.stdout.write(text)


def _desired(directory: Path) -> DesiredState:
    from undercloud.playbooks import desired  # noqa: PLC0415  (start-up)

    file = directory / _STATE
    try:
        return desired.from_dict(_json(file))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _no_output(file, f"its form is not known ({problem!r})") from problem


def _secrets(directory: Path) -> Mapping[str, str]:
    found = _json(directory / _SECRETS)
    return found if isinstance(found, dict) else {}


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise _no_output(file, problem.strerror or str(problem)) from problem
    except (ValueError, RecursionError) as problem:
        raise _no_output(file, "it is not valid JSON") from problem


def _no_output(file: Path, why: str) -> UndercloudError:
    return UndercloudError.of(
        "CLI-031",
        f"this is no output of plan compile: {why}",
        fix="name a directory that `openstack overcloud plan compile` wrote with --output-dir",
        location=Location(str(file)),
    )
