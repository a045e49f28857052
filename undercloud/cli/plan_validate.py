"""`overcloud plan validate`: everything that is wrong with a plan, before a node is touched."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from undercloud.cli import (
    base,
    errors,
    given_options,
    output_directory,
    plan_compile,
    plan_options,
    plan_stored,
    reporting,
)
from undercloud.diagnostics import Finding, UndercloudError

if TYPE_CHECKING:
    from undercloud.plan.loader import Plan
    from undercloud.validation.reports import Reported
    from undercloud.validation.subject import Previous
    from undercloud.validation.validate import Extras


class PlanValidate(base.Compiling):
    """Say everything that is wrong with a plan. Offline: nothing is created, no node is touched.

    Errors stop a deployment; warnings and notes do not. What is generated later (passwords, addresses) stands
    in as a placeholder. Rules of your own are read from rules/ in the templates and from --rules. With the
    name of a plan, the one that the engine keeps is validated against what is deployed.

    Exit status: 0 no errors, 1 errors found (the report is on stdout), 2 could not run.
    """

    examples = (
        (
            "an operator's files over TripleO's templates",
            "overcloud plan validate --templates tripleo-heat-templates -r roles_data.yaml -e site.yaml",
        ),
        (
            "with the registered machines and the undercloud's configuration",
            (
                "overcloud plan validate --templates -b nodes.yaml --nodes instackenv.json "
                "--undercloud-conf undercloud.conf -e site.yaml"
            ),
        ),
        (
            "what the change from the deployed plan would break, and a page to read",
            "overcloud plan validate --templates -e site.yaml --previous out --report html=report.html",
        ),
        ("a plan that the engine keeps, against what is deployed", "overcloud plan validate overcloud"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, and what is known besides."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        plan_options.add_plan_options(parser)
        reporting.add_reports(parser)
        plan_stored.add_stored_plan(parser)
        given_options.add_given_files(parser)
        parser.add_argument(
            "--previous", metavar="<directory>", help="What plan compile wrote for the plan that is deployed"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Validate and report."""
        if parsed_args.plan:
            return plan_stored.validate(self.app, parsed_args)
        from undercloud.plan import loader  # noqa: PLC0415  (start-up)
        from undercloud.plan.entropy import SeededEntropy, SystemEntropy  # noqa: PLC0415
        from undercloud.validation import validate  # noqa: PLC0415

        reporting.check(parsed_args)
        extras = _extras(parsed_args)
        plan: Plan | None = None
        try:
            source = plan_options.plan_source(parsed_args, plan_compile.image_parameters(None))
            plan = loader.load(source)
            entropy = SeededEntropy("validation", SystemEntropy().now())
            found = validate.validate(plan, _with_modes(extras, plan), entropy=entropy)
        except UndercloudError as error:
            found = validate.broken(error, extras)
        reporting.show(self.app.stdout, parsed_args, _reported(parsed_args, found, plan, extras))
        return errors.status(found)


def _extras(parsed_args: argparse.Namespace) -> Extras:
    from undercloud.validation.validate import Extras  # noqa: PLC0415  (start-up)

    return Extras(
        nodes=reporting.read(parsed_args.nodes) if parsed_args.nodes else None,
        undercloud=reporting.read(parsed_args.undercloud_conf) if parsed_args.undercloud_conf else None,
        previous=_previous(parsed_args.previous) if parsed_args.previous else None,
        rules=tuple(reporting.read(file) for file in parsed_args.rules),
    )


def _with_modes(extras: Extras, plan: Plan) -> Extras:
    import dataclasses  # noqa: PLC0415  (start-up)

    modes = {}
    for layer in plan.environment.layers:
        path = Path(layer.path)
        if path.is_absolute() and path.is_file():
            modes[layer.path] = path.stat().st_mode
    return dataclasses.replace(extras, modes=modes)


def _previous(directory: str) -> Previous:
    """What an earlier compilation left; raises UndercloudError CLI-031 where it is none."""
    from undercloud.validation import previous  # noqa: PLC0415  (start-up)

    return previous.read(output_directory.read_json(Path(directory).expanduser() / previous.FILE))


def _reported(
    parsed_args: argparse.Namespace, found: tuple[Finding, ...], plan: Plan | None, extras: Extras
) -> Reported:
    from undercloud.validation.reported import reported  # noqa: PLC0415  (start-up)

    texts = dict(each for each in (extras.nodes, extras.undercloud, *extras.rules) if each)

    def text_of(file: str) -> str:
        if file in texts:
            return texts[file]
        try:
            return plan.tree[plan.tree.relative(file)].text if plan else ""
        except (KeyError, UndercloudError):
            return ""

    return reported(f"Validation of {parsed_args.stack}", found, text_of)
