"""`overcloud node provision|unprovision|delete`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any

from undercloud.cli import base, errors, node_options, plan_part, rendering, running, tripleo_flags
from undercloud.deploy.machines import ProvisionedNode, UnprovisionRequest

_PORTS = tripleo_flags.Flag("--network-ports", False, "addresses are always ours to give and to free")
_PROVISION = (
    _PORTS,
    tripleo_flags.Flag("--network-config", False, "a node starts with all its networks configured"),
    tripleo_flags.Flag("--working-dir", True, "everything lies in the state directory"),
    tripleo_flags.Flag("-y --yes", False, "nothing is asked"),
)


class NodeProvision(plan_part.PlanPart):
    """Turn machines into the nodes of a deployment file: choose, install, wait until they answer SSH.

    Each choice is told with its reason, and if no machine fits, the requirement that left none. Then the
    `ansible_playbooks` of the file run on the nodes of their roles. It may be repeated at any time: machines
    that are nodes already are left alone, playbooks run again. `overcloud deploy` does all this by itself.
    """

    examples = (
        ("the nodes of a stack", "overcloud node provision --stack overcloud baremetal_deployment.yaml"),
        (
            "and an environment with their addresses, as TripleO writes it",
            "overcloud node provision -o deployed.yaml -r roles.yaml -n networks.yaml baremetal.yaml",
        ),
    )

    input_help = "baremetal_deployment.yaml"
    harmless = _PROVISION

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with how many at once."""
        parser = super().get_parser(prog_name)
        node_options.add_concurrency(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Start and follow it; then write the environment."""
        self.tell_notes(parsed_args)
        parsed_args.baremetal_deployment = parsed_args.input
        wanted = dataclasses.replace(self.wanted(parsed_args), concurrency=parsed_args.concurrency)
        status = self.follow(lambda engine: (engine.provision(wanted), 0), parsed_args)
        if status == errors.CLEAN:
            with self.engine() as engine:
                nodes = engine.provisioned(parsed_args.stack)
            self.write(parsed_args, environment(parsed_args.stack, nodes))
            self.app.stderr.write(_listed(nodes))
        return status

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """What goes on, and how to go on."""
        return (
            "\nStopped. What machines were about, Ironic goes on with; who becomes what is kept.\n"
            "Go on with the same command. "
            f"See them: openstack overcloud node list --stack {parsed_args.stack}\n"
        )


class _GivingBack(running.Running):
    """A command that gives machines back."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, the deployment file, whether to ask."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        parser.add_argument(
            "--stack", "--plan", default=base.default_stack(), metavar="<name>", help="The stack"
        )
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        node_options.add_concurrency(parser)
        parser.add_argument(
            "--yes-its-data-too",
            dest="sure",
            action="store_true",
            help="Also where data of the stack is lost with it",
        )
        tripleo_flags.add_harmless(parser, _GIVEN_BACK)
        return parser

    def give_back(
        self,
        parsed_args: argparse.Namespace,
        hosts: Sequence[str],
        *,
        everything: bool = False,
        leave: bool = False,
    ) -> int:
        """Ask, start, follow."""
        self.tell_notes(parsed_args)
        with self.engine() as engine:
            nodes = [one for one in engine.provisioned(parsed_args.stack) if everything or one.host in hosts]
        if everything and not nodes:
            self.app.stdout.write(f"{parsed_args.stack} has no machines.\n")
            return errors.CLEAN
        named = ", ".join(f"{one.host} ({one.machine})" for one in nodes) or ", ".join(hosts)
        if not parsed_args.yes and not self.confirmed(f"Give back {named}, and all that is on them?"):
            return errors.FAILED
        request = UnprovisionRequest(
            parsed_args.stack,
            tuple(hosts),
            everything=everything,
            leave=leave,
            sure=parsed_args.sure,
            concurrency=parsed_args.concurrency,
        )
        return self.follow(lambda engine: (engine.unprovision(request), 0), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """What goes on, and how to go on."""
        return "\nStopped. Ironic goes on with what it began; give the same command again.\n"


_GIVEN_BACK = (
    _PORTS,
    tripleo_flags.Flag("--timeout", True, "the configuration says how long ([baremetal] deploy_timeout)"),
    tripleo_flags.Flag("--overcloud-ssh-port-timeout", True, "a node that does not answer is named at once"),
    tripleo_flags.Flag("--working-dir", True, "everything lies in the state directory"),
)


class NodeUnprovision(_GivingBack):
    """Give the machines of a stack back: those marked `provisioned: false` in a deployment file, or all.

    A node that the stack is still deployed on is not touched: `overcloud node delete` lets its services take
    leave first; or delete the stack.
    """

    examples = (
        (
            "those that the file marks",
            "overcloud node unprovision --stack overcloud baremetal_deployment.yaml",
        ),
        ("all of a stack that was deleted", "overcloud node unprovision --stack overcloud --all --yes"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--all", action="store_true", help="All nodes of the stack")
        parser.add_argument("input", nargs="?", metavar="<file>", help="baremetal_deployment.yaml")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Give back."""
        if bool(parsed_args.input) == parsed_args.all:
            raise errors.usage("name a deployment file, or give --all")
        hosts = [] if parsed_args.all else marked(parsed_args.input)
        if not parsed_args.all and not hosts:
            raise errors.usage(
                f"no instance of {parsed_args.input} has provisioned: false", "mark those that shall go"
            )
        return self.give_back(parsed_args, hosts, everything=parsed_args.all)


class NodeDelete(_GivingBack):
    """Take nodes out of a cloud, by name: their services take leave, then their machines are given back.

    With `-b` these are the nodes that the deployment file marks `provisioned: false`, and the next deployment
    with it goes on without them. Of a node that is only named here, and still wanted by the plan, the next
    deployment gives the place to another machine: so a node is replaced.
    """

    examples = (
        (
            "a compute node, to be replaced by the next deployment",
            "overcloud node delete --stack overcloud overcloud-novacompute-3",
        ),
        ("those that the file marks", "overcloud node delete -b baremetal_deployment.yaml"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the nodes."""
        parser = super().get_parser(prog_name)
        parser.add_argument("nodes", nargs="*", metavar="<node>", help="Host names of nodes")
        parser.add_argument(
            "-b", "--baremetal-deployment", metavar="<file>", help="Those that it marks provisioned: false"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Give back."""
        named = parsed_args.baremetal_deployment
        hosts = [*parsed_args.nodes, *(marked(named) if named else ())]
        if not hosts:
            raise errors.usage("name nodes, or a deployment file that marks some with provisioned: false")
        return self.give_back(parsed_args, hosts, leave=True)


def marked(file: str) -> list[str]:
    """The host names that a deployment file marks with ``provisioned: false``."""
    from undercloud.cli import reporting  # noqa: PLC0415  (start-up)
    from undercloud.diagnostics import Report, raise_for  # noqa: PLC0415
    from undercloud.plan import documents  # noqa: PLC0415
    from undercloud.topology.deployment import read_deployment  # noqa: PLC0415

    path, text = reporting.read(file)
    report = Report()
    deployment = read_deployment(documents.parse(text, path), report)
    raise_for(report)
    instances = (one for role in deployment.roles.values() for one in role.instances)
    return [one.hostname for one in instances if not one.provisioned and one.hostname]


def environment(stack: str, nodes: Sequence[ProvisionedNode]) -> str:
    """The environment that TripleO's command writes: counts, names and addresses of the nodes."""
    import yaml  # noqa: PLC0415  (start-up)

    counts: dict[str, int] = {}
    for one in nodes:
        counts[one.role] = counts.get(one.role, 0) + 1
    parameters: dict[str, Any] = {f"{role}Count": count for role, count in sorted(counts.items()) if role}
    parameters["HostnameMap"] = {one.host: one.host for one in nodes}
    parameters["DeployedServerPortMap"] = {
        f"{one.host}-ctlplane": {"fixed_ips": [{"ip_address": one.address}]} for one in nodes
    }
    parameters["NodePortMap"] = {
        one.host: {name: {"ip_address": ip} for name, ip in sorted(one.ips.items())} for one in nodes
    }
    head = f"# The nodes of {stack}, written by `openstack overcloud node provision`.\n"
    return head + yaml.safe_dump({"parameter_defaults": parameters}, sort_keys=False)


def _listed(nodes: Sequence[ProvisionedNode]) -> str:
    rows = [(one.host, f"{one.address}  {one.machine}  {one.status}") for one in nodes]
    return rendering.pairs(rows)
