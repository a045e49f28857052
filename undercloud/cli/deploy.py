"""`overcloud deploy`, `overcloud resume` and `overcloud rollback`."""

from __future__ import annotations

import argparse
from typing import Any

from undercloud.cli import (
    base,
    errors,
    given_options,
    plan_options,
    reporting,
    running,
    ssh_options,
    tripleo_flags,
)
from undercloud.deploy import resuming
from undercloud.deploy.engine import Deployment, Engine
from undercloud.deploy.requests import DeployRequest, RollbackRequest

_MINUTES = 240


class Deploy(running.Running):
    """Deploy a cloud, or bring a deployed one to what its files say now.

    A run that changes nothing touches nothing. A run that stopped goes on where it was: give the same
    command again.

    Exit status: 0 done, 1 errors found or deployment failed (the report says where and why), 2 could not
    run, 130 stopped with Ctrl-C.
    """

    examples = (
        (
            "a first cloud with the templates that come with undercloud",
            "overcloud deploy --templates -r roles_data.yaml -b nodes.yaml -e site.yaml",
        ),
        ("what would it change?", "overcloud deploy --dry-run --templates -b nodes.yaml -e site.yaml"),
        (
            "in spite of one finding, and with a page that tells of all of them",
            "overcloud deploy --templates -b nodes.yaml --force NET-014 --report html=report.html",
        ),
        ("only one node", "overcloud deploy --templates -b nodes.yaml --limit overcloud-compute-0"),
        ("for a script: progress on stderr, the result on stdout", "overcloud deploy --templates -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, the run, TripleO's remaining options."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        plan_options.add_plan_options(parser)
        group = parser.add_argument_group("the run")
        group.add_argument(
            "--dry-run",
            action="store_true",
            help="Read the nodes, write nothing, and list what would change, with diffs",
        )
        _add_limits(group)
        group.add_argument(
            "--rollback-on-failure",
            action="store_true",
            help="When it fails on the nodes, deploy the last good version again",
        )
        group.add_argument(
            "--force",
            action="append",
            default=[],
            metavar="<code>",
            help="Go on in spite of findings of this code; recorded with your name; may be given again",
        )
        group.add_argument(
            "--validation-errors-nonfatal",
            dest="errors_pass",
            action="store_true",
            help="Go on in spite of everything that validation and the checks of the nodes find; recorded",
        )
        group.add_argument(
            "--validation-warnings-fatal",
            dest="warnings_stop",
            action="store_true",
            help="Stop for warnings of validation and of the checks of the nodes, too",
        )
        group.add_argument(
            "-y", "--yes", action="store_true", help="Ask nothing (a deployment asks nothing anyway)"
        )
        _add_timeouts(group)
        _add_values(group)
        reporting.add_reports(parser)
        given_options.add_given_files(group)
        ssh_options.add_ssh_options(parser)
        tripleo_flags.add_flags(parser, tripleo_flags.HARMLESS, tripleo_flags.REFUSED)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Start the deployment and follow it."""
        tripleo_flags.refuse(parsed_args)
        reporting.check(parsed_args)
        self.tell_notes(parsed_args)
        wanted = request(parsed_args, verbosity=max(0, self.app.options.verbose_level - 1))
        return self.follow(lambda engine: (engine.deploy(wanted), 0), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """What was kept, and how to go on."""
        return (
            "\nStopped. What was done on the nodes is kept, and so are the plan and its passwords.\n"
            f"Go on with the same command, or: openstack overcloud resume {parsed_args.stack}\n"
        )


class Resume(running.Running):
    """Go on with what failed or was stopped, at its first unfinished stage: a deployment, a restore, ...

    Of a stack it is the last thing that can go on, as `overcloud deployment list` shows it. It uses the plan
    as it was; to use changed files, deploy again.
    """

    examples = (
        ("go on with what stopped last", "overcloud resume overcloud"),
        ("with this one (see `overcloud deployment list`)", "overcloud resume --deployment 4b1d"),
        ("try the node that failed again, alone", "overcloud resume --limit overcloud-compute-3"),
        ("without the checks at the end", "overcloud resume --skip final-checks"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the stack."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        parser.add_argument(
            "--deployment", default="", metavar="<id>", help="Which one (default: the last that can go on)"
        )
        _add_limits(parser.add_argument_group("the run from here on"))
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Find what can go on and follow it."""

        def start(engine: Engine) -> running.Started:
            last = _to_go_on_with(engine, parsed_args.stack, parsed_args.deployment)
            seen = _last_event(engine, last.id)
            return engine.resume(last.id, parsed_args.limit, tuple(parsed_args.skip)), seen

        return self.follow(start, parsed_args)


class Rollback(running.Running):
    """Deploy the last good version of a plan again: one that succeeded, on all nodes, with all stages.

    Passwords and addresses stay; nodes that the good version does not have leave the cloud.
    """

    examples = (
        ("what was deployed before", "overcloud rollback overcloud"),
        ("a version that was good", "overcloud rollback overcloud --plan-version 3"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, the version."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        group = parser.add_argument_group("the run")
        group.add_argument(
            "--plan-version",
            type=_positive,
            default=0,
            metavar="<number>",
            help="Which version (default: the last good one; see `overcloud deployment list`)",
        )
        _add_timeouts(group)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Start the rollback and follow it."""
        wanted = RollbackRequest(
            parsed_args.stack,
            version=parsed_args.plan_version,
            operator=given_options.operator(),
            timeout=_seconds(parsed_args),
            verbosity=max(0, self.app.options.verbose_level - 1),
        )
        return self.follow(lambda engine: (engine.rollback(wanted), 0), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """How to go on."""
        return f"\nStopped. Go on with: openstack overcloud resume {parsed_args.stack}\n"


def _to_go_on_with(engine: Engine, stack: str, deployment: str) -> Deployment:
    """The deployment of that id, or the stack's last that can go on; the engine says whether it may."""
    if deployment:
        named = engine.deployment(deployment)
        if named.stack != stack:
            raise errors.usage(
                f"{deployment} is of the stack {named.stack}, not of {stack}",
                f"say: openstack overcloud resume {named.stack} --deployment {deployment}",
            )
        return named
    found = resuming.newest(engine.deployments(stack)) or engine.status(stack).deployment
    if found is None:
        raise errors.usage(f"{stack} was never deployed", "start with: openstack overcloud deploy")
    return found


def _last_event(engine: Engine, deployment: str) -> int:
    seen = 0
    while batch := engine.events(deployment, seen):
        seen = batch[-1].seq
    return seen


def _add_limits(group: Any) -> None:
    group.add_argument(
        "--limit", default="", metavar="<hosts>", help="Only these hosts (an Ansible host pattern)"
    )
    group.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="<stage>",
        help="Leave out a stage (node-playbooks, preflight, node-checks, step-0 … step-5, finish, "
        "final-checks …); recorded; may be given again",
    )


def _add_timeouts(group: Any) -> None:
    group.add_argument(
        "-t",
        "--timeout",
        type=_positive,
        default=_MINUTES,
        metavar="<minutes>",
        help=f"Stop the deployment after this time (default: {_MINUTES})",
    )
    group.add_argument(
        "--config-download-timeout",
        type=_positive,
        metavar="<minutes>",
        help="The same; the shorter of both holds",
    )


def _add_values(group: Any) -> None:
    group.add_argument(
        "--registry",
        metavar="<host:port>",
        help="Where the nodes pull images from (default: the undercloud's own registry)",
    )
    group.add_argument("--ntp-server", metavar="<server>", help="Sets the parameter NtpServer")
    group.add_argument(
        "--libvirt-type", choices=("kvm", "qemu"), help="Sets the parameter NovaComputeLibvirtType"
    )


def _positive(text: str) -> int:
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


def _seconds(parsed_args: argparse.Namespace) -> int:
    """The shorter of the two times that a deployment may take."""
    longest = parsed_args.timeout
    return 60 * int(min(longest, parsed_args.config_download_timeout or longest))


def request(parsed_args: argparse.Namespace, verbosity: int = 0) -> DeployRequest:
    """What the engine is asked for; ``verbosity`` is Ansible's, the number of its ``v``."""
    given = {
        "NtpServer": parsed_args.ntp_server.split(",") if parsed_args.ntp_server else None,
        "NovaComputeLibvirtType": parsed_args.libvirt_type,
    }
    return DeployRequest(
        stack=parsed_args.stack,
        plan=plan_options.plan_paths(parsed_args),
        dry_run=parsed_args.dry_run,
        limit=parsed_args.limit,
        skip=tuple(parsed_args.skip),
        rollback_on_failure=parsed_args.rollback_on_failure,
        force=tuple(parsed_args.force),
        errors_pass=parsed_args.errors_pass,
        warnings_stop=parsed_args.warnings_stop,
        operator=given_options.operator(),
        given=given_options.given_files(parsed_args),
        ssh=ssh_options.ssh_access(parsed_args),
        timeout=_seconds(parsed_args),
        registry=parsed_args.registry or "",
        verbosity=verbosity,
        parameters={name: value for name, value in given.items() if value is not None},
    )
