"""`overcloud status`, `overcloud failures`, `overcloud delete`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undercloud.cli import base, errors, rendering, running, ssh_options, tripleo_flags
from undercloud.deploy.engine import Credentials, Deployment, Engine, Forced, HostCounts, StackHost, StackInfo
from undercloud.deploy.requests import DeleteRequest
from undercloud.diagnostics import UndercloudError

_PLAIN_FORMATS = ("json", "yaml")


class OvercloudStatus(running.WithEngine, base.ShowOne):
    """Show how a cloud stands: its last deployment, who writes it now, its nodes."""

    examples = (
        ("the stack named overcloud", "overcloud status"),
        ("only the word, for a script", "overcloud status --stack edge-1 -f value -c status"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the stack."""
        parser = super().get_parser(prog_name)
        base.add_stack(parser)
        parser.add_argument("--working-dir", help="Taken for TripleO's sake; changes nothing")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """The stack's fields."""
        with self.engine() as engine:
            stack = engine.status(parsed_args.stack)
            nodes = engine.stack_hosts(parsed_args.stack)
            hosts = engine.hosts(stack.deployment.id) if stack.deployment else ()
        shown = _plain if parsed_args.formatter in _PLAIN_FORMATS else _readable
        fields = shown(stack, nodes, hosts)
        return tuple(fields), tuple(fields.values())


def _plain(stack: StackInfo, nodes: Sequence[StackHost], hosts: Sequence[HostCounts]) -> dict[str, Any]:
    from undercloud.cli import summary  # noqa: PLC0415  (start-up)
    from undercloud.deploy import wire  # noqa: PLC0415

    fields: dict[str, Any] = wire.to_plain(stack)
    fields["hosts"] = {node.name: node.address for node in nodes}
    if stack.deployment:
        fields["deployment"] = summary.deployment_plain(stack.deployment, hosts)
    return fields


def _readable(stack: StackInfo, nodes: Sequence[StackHost], hosts: Sequence[HostCounts]) -> dict[str, Any]:
    from undercloud.cli import progress, summary  # noqa: PLC0415  (start-up)

    fields: dict[str, Any] = {"stack": stack.name, "status": stack.status, "plan version": stack.version}
    last = stack.deployment
    if last:
        fields |= {
            "last deployment": last.id,
            "operation": f"{last.operation} {last.status}",
            "stage": last.stage,
            "started": last.started,
            "ended": last.ended or "not yet",
        }
        if last.ended:
            fields["took"] = rendering.duration(progress.seconds_between(last.started, last.ended))
        if last.directory:
            fields["playbooks"] = last.directory
    if stack.lock:
        fields["locked by"] = f"{stack.lock.holder} since {stack.lock.since}"
    if stack.auth_url:
        fields["auth url"] = stack.auth_url
    if nodes:
        fields["hosts"] = "\n".join(f"{node.name} {node.address}" for node in nodes)
    if last and last.forced:
        fields["forced"] = "\n".join(_forced(one) for one in last.forced)
    if hosts:
        fields["tasks"] = summary.counts_text(hosts).rstrip("\n")
    return fields


def _forced(one: Forced) -> str:
    host = f" on {one.host}" if one.host else ""
    return f"{one.code}{host} by {one.operator} at {one.time}: {one.message}"


class OvercloudFailures(running.WithEngine):
    """Show why the last deployment failed: host, task, container, likely cause, the log's last lines."""

    examples = (
        ("the last deployment", "overcloud failures"),
        ("an earlier one, for a script", "overcloud failures --deployment ID -f json"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, the deployment."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        parser.add_argument(
            "--deployment", default="", metavar="<id>", help="Which deployment (default: the last one)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the failures."""
        from undercloud.cli import summary  # noqa: PLC0415  (start-up)
        from undercloud.deploy import wire  # noqa: PLC0415

        with self.engine() as engine:
            failures = engine.failures(parsed_args.stack, parsed_args.deployment)
        out = self.app.stdout
        if parsed_args.formatter == "json":
            out.write(json.dumps({"failures": wire.to_plain(failures)}, indent=2) + "\n")
        elif failures:
            out.write(summary.failures_text(failures, width=rendering.width_of(out)))
        else:
            out.write(f"{parsed_args.stack}: nothing failed.\n")


class OvercloudCancel(running.WithEngine):
    """Stop the deployment that runs, from another terminal: as Ctrl-C where it was started.

    What was done on the nodes is kept, the lock is freed, and the next run goes on from there.
    """

    examples = (("stop what runs on the stack overcloud", "overcloud cancel overcloud"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, how long to wait."""
        parser = super().get_parser(prog_name)
        base.add_stack(parser)
        parser.add_argument(
            "--wait", type=float, default=120.0, metavar="<seconds>", help="How long to wait (default: 120)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask it to stop and wait until it has."""
        with self.engine() as engine:
            last = engine.status(parsed_args.stack).deployment
            if last is None or last.status.final:
                raise errors.usage(f"nothing runs on {parsed_args.stack}", "see: openstack overcloud status")
            engine.cancel(last.id, "cancelled by the operator")
            last = engine.wait(last.id, parsed_args.wait)
        self.app.stdout.write(f"{parsed_args.stack}: {last.operation} {last.status}\n")
        return errors.CLEAN if last.status.final else errors.FOUND

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """What was asked for stays asked for."""
        return f"\nNot waiting any longer; {parsed_args.stack} stops when its engine sees the request.\n"


class OvercloudDelete(running.Running):
    """Take a cloud off its nodes: its containers, files, units and data.

    The plan, its passwords and the history stay until `overcloud plan delete`.
    """

    examples = (
        ("asks first", "overcloud delete overcloud"),
        ("asks nothing", "overcloud delete overcloud --yes"),
        ("some nodes are gone for good", "overcloud delete overcloud --yes --abandon"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, whether to ask, TripleO's remaining options."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        parser.add_argument(
            "--abandon",
            action="store_true",
            help="Forget nodes that do not answer: clean the others, and report what was left",
        )
        ssh_options.add_ssh_options(parser)
        tripleo_flags.add_harmless(parser, tripleo_flags.HARMLESS_FOR_DELETE)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask, delete, follow."""
        self.tell_notes(parsed_args)
        if not parsed_args.yes:
            with self.engine() as engine:
                nodes = engine.stack_hosts(parsed_args.stack)
            hosts = rendering.plural(len(nodes), "node")
            names = ", ".join(node.name for node in nodes) or "none"
            if not self.confirmed(f"Take {parsed_args.stack} with all its data off {hosts} ({names})?"):
                return errors.FAILED
        wanted = DeleteRequest(
            parsed_args.stack, abandon=parsed_args.abandon, ssh=ssh_options.ssh_access(parsed_args)
        )
        known: Credentials | None = None

        def begin(engine: Engine) -> tuple[Deployment, int]:
            nonlocal known
            known = _credentials(engine, parsed_args.stack)  # afterwards there are none
            return engine.delete(wanted), 0

        status = self.follow(begin, parsed_args)
        if known and status == errors.CLEAN:
            self._withdraw(known, parsed_args.stack)
        return status

    def _withdraw(self, known: Credentials, stack: str) -> None:
        """Take away the files to use the cloud with; that it is gone does not depend on them."""
        from undercloud.cli import credentials  # noqa: PLC0415  (start-up)

        home = Path.home()
        try:
            gone = credentials.withdraw(
                known, stack, clouds_file=home / credentials.CLOUDS_FILE, rc_directory=home
            )
        except UndercloudError as error:
            self.app.stderr.write(rendering.report_text(error.findings))
            return
        if gone:
            self.app.stderr.write(f"its credentials are gone too: {', '.join(str(file) for file in gone)}\n")

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """What was kept, and how to go on."""
        return (
            "\nStopped. Some nodes may be clean already; the plan and its passwords are kept.\n"
            f"Go on with: openstack overcloud delete {parsed_args.stack}\n"
        )


def _credentials(engine: Engine, stack: str) -> Credentials | None:
    """The credentials of a cloud, if it has any."""
    try:
        return engine.credentials(stack)
    except UndercloudError:
        return None
