"""`overcloud plan validate NAME`: a plan that the engine keeps, against what is deployed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from undercloud.cli import errors, given_options, plan_options, plugin, reporting

if TYPE_CHECKING:
    from undercloud.deploy.requests import GivenFile, GivenFiles


def add_stored_plan(parser: argparse.ArgumentParser) -> None:
    """Add the plan's name and its version."""
    parser.add_argument(
        "plan",
        nargs="?",
        default="",
        metavar="<plan>",
        help="A plan that the engine keeps (see `overcloud plan list`) instead of files; it is compared with "
        "what is deployed",
    )
    parser.add_argument(
        "--plan-version",
        type=int,
        default=0,
        metavar="<number>",
        help="Which version of that plan (default: the newest)",
    )


def validate(app: Any, parsed_args: argparse.Namespace) -> int:
    """Validate and report; CLI-002 where files of another plan are named too."""
    named = plan_options.named(parsed_args)
    if parsed_args.previous:
        named.append("--previous")
    if named:
        raise errors.usage(
            f"the plan {parsed_args.plan} is kept with its files, and {', '.join(named)} names others",
            "give a plan's name, or files",
        )
    from undercloud.validation.reported import reported  # noqa: PLC0415  (start-up)

    reporting.check(parsed_args)
    given = given_options.given_files(parsed_args)
    engine = plugin.make_client(app.client_manager)
    try:
        found = engine.validate_plan(parsed_args.plan, parsed_args.plan_version, given)
    finally:
        engine.close()
    texts = {**found.texts, **{file.path: file.text for file in _files(given)}}
    title = f"Validation of {found.name}, version {found.version}"
    report = reported(title, found.findings, lambda file: texts.get(file, ""))
    reporting.show(app.stdout, parsed_args, report)
    return errors.status(found.findings)


def _files(given: GivenFiles) -> list[GivenFile]:
    return [file for file in (given.nodes, given.undercloud, *given.rules) if file]
