"""`overcloud validator list`, `show` and `run`: all that is ever checked, and the checks of a deployed cloud.

The names are those of TripleO's validation framework; `tripleo validator …` are the same commands.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from undercloud.cli import base, errors, reporting, running, ssh_options
from undercloud.deploy.requests import CheckRequest

PLAN, BEFORE, AFTER, MOVES = "plan", "pre-deployment", "post-deployment", "vip-moves"
_GROUPS = {
    PLAN: "of the plan's files: `overcloud plan validate`, and before each deployment",
    BEFORE: "on the nodes, before anything is written there",
    AFTER: "on the nodes, when the last step is done, and by `overcloud validator run`",
    MOVES: "on the nodes, only when asked for: virtual addresses move for a while",
}
_AFTER_CHECKS = frozenset({"validations", "vips", "endpoints", "containers"})


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that is checked: its code, when it is, what of, and where it is documented."""

    code: str
    title: str
    group: str
    category: str
    source: str = ""


def catalogue() -> list[Check]:
    """All checks that come with us, by code: rules of plans, checks of nodes."""
    from undercloud.validation import validate  # noqa: PLC0415  (start-up)
    from undercloud.validation.reports.subject import stage_of  # noqa: PLC0415

    of_plans = [
        Check(code, title, PLAN, stage_of(code).lower(), source)
        for code, title, source in validate.catalogue()
    ]
    return sorted([*of_plans, *_of_nodes()], key=lambda check: check.code)


def _of_nodes() -> Iterator[Check]:
    """The collection's own list, which is a file of data: the collection is no package of ours."""
    from undercloud.conf import installed  # noqa: PLC0415  (start-up)

    utilities = "ansible_collections/undercloud/deploy/plugins/module_utils"
    file = installed.data_directory() / "ansible" / utilities / "checks_catalogue.py"
    spec = importlib.util.spec_from_file_location("undercloud_checks_catalogue", file)
    assert spec is not None, "a path with this ending is a module's"
    assert spec.loader is not None, "so it has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for code, (check, _, title) in module.CATALOGUE.items():
        group = AFTER if check in _AFTER_CHECKS else MOVES if check == MOVES else BEFORE
        yield Check(code, title, group, check, "docs/preflight.md")


def _chosen(checks: Iterable[Check], groups: Sequence[str], words: Sequence[str] = ()) -> list[Check]:
    """Those of the groups (all where none is named) whose code, category or title has one of the words."""
    found = [check for check in checks if not groups or check.group in groups]
    lowered = [word.lower() for word in words]
    return [
        check
        for check in found
        if not lowered
        or any(word in f"{check.code} {check.category} {check.title}".lower() for word in lowered)
    ]


class ValidatorList(base.Lister):
    """List everything that is checked: in plans, on nodes before a deployment, in a cloud that stands."""

    examples = (
        ("all", "overcloud validator list"),
        (
            "what is looked at on the nodes before anything is written",
            "overcloud validator list --group pre-deployment",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: groups, words."""
        parser = super().get_parser(prog_name)
        _add_groups(parser)
        parser.add_argument(
            "--category",
            action="append",
            default=[],
            metavar="<word>",
            help="Only those about this; may be given again",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """One row a check."""
        found = _chosen(catalogue(), parsed_args.groups, parsed_args.category)
        return ("ID", "Name", "Groups", "Categories"), [
            (check.code, check.title, check.group, check.category) for check in found
        ]


class ValidatorGroupInfo(base.Lister):
    """List the groups of checks: when each is run, and how many checks it has."""

    examples = (("the groups", "overcloud validator group info"),)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """One row a group."""
        del parsed_args
        counts = collections.Counter(check.group for check in catalogue())
        rows = [(group, description, counts[group]) for group, description in _GROUPS.items()]
        return ("Groups", "Description", "Number of Validations"), rows


class ValidatorShow(base.ShowOne):
    """Show one check."""

    examples = (("one check", "overcloud validator show NODE-117"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the check."""
        parser = super().get_parser(prog_name)
        parser.add_argument("check", metavar="<id>", help="Its code, as findings and the list have it")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The check's fields."""
        from undercloud.plan.names import did_you_mean  # noqa: PLC0415  (start-up)

        known = {check.code: check for check in catalogue()}
        check = known.get(parsed_args.check.upper())
        if check is None:
            hint = did_you_mean(parsed_args.check, known) or "see: openstack overcloud validator list"
            raise errors.usage(f"there is no check {parsed_args.check}", hint)
        fields = {
            "ID": check.code,
            "Name": check.title,
            "Groups": check.group,
            "Categories": check.category,
            "Source": check.source,
        }
        return tuple(fields), tuple(fields.values())


class ValidatorRun(running.Running):
    """Run the checks of a deployed cloud on its nodes. Nothing is changed there.

    The group vip-moves is the exception: it stops the holder of each virtual address for a while, to see that
    another node takes it. A check of the plan is `overcloud plan validate`.

    Exit status: 0 nothing is wrong, 1 something is (the report says what, where, and how to mend it), 2 could
    not run.
    """

    examples = (
        ("all checks of the stack overcloud", "overcloud validator run"),
        ("that the nodes are fit for the next deployment", "overcloud validator run --group pre-deployment"),
        ("one check", "overcloud validator run --validation NODE-205"),
        ("that virtual addresses move: clients notice", "overcloud validator run --group vip-moves"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, groups, single checks, reports."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        reporting.add_reports(parser)
        _add_groups(parser)
        parser.add_argument(
            "--validation",
            action="append",
            default=[],
            dest="validations",
            metavar="<id>",
            help="Only these, by code or by the name that a template gives; commas between, or given again",
        )
        ssh_options.add_ssh_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Start the checks and follow them."""
        reporting.check(parsed_args)
        if PLAN in parsed_args.groups:
            raise errors.usage(
                "the checks of a plan need no nodes", f"openstack overcloud plan validate {parsed_args.stack}"
            )
        names = [name.strip() for given in parsed_args.validations for name in given.split(",")]
        wanted = CheckRequest(
            parsed_args.stack,
            groups=tuple(parsed_args.groups),
            names=tuple(name for name in names if name),
            ssh=ssh_options.ssh_access(parsed_args),
            verbosity=max(0, self.app.options.verbose_level - 1),
        )
        return self.follow(lambda engine: (engine.check(wanted), 0), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """Nothing is left behind."""
        return f"\nStopped. Nothing was changed on the nodes of {parsed_args.stack}.\n"


def _add_groups(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--group",
        dest="groups",
        action="append",
        default=[],
        metavar="<group>",
        help=f"Only this group: {BEFORE}, {AFTER}, {MOVES}, or one that templates name; may be given again",
    )
