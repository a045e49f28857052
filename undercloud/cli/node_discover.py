"""`overcloud node discover`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from undercloud.baremetal.discovery.places import PORTS
from undercloud.cli import errors, files, node_options, node_work, undercloud_options
from undercloud.deploy.machines import AT_ONCE, Discovered, DiscoverRequest, MachineWork
from undercloud.deploy.requests import GivenFile
from undercloud.diagnostics import Finding, UndercloudError


class NodeDiscover(node_work.MachineCommand):
    """Look for machines by their BMCs (Redfish, IPMI) in a range of addresses, and enrol what answers.

    Machines that are registered already are left as they are. IPMI tells no MAC addresses: write what was
    found to a file, add them (mac), and import it.
    """

    examples = (
        (
            "a whole network",
            "overcloud node discover --range 192.168.25.0/26 --credentials admin:secret",
        ),
        (
            "only write what was found to a file",
            "overcloud node discover --ip 192.168.25.10 --credentials admin:secret --output found.json",
        ),
        (
            "by IPMI alone",
            "overcloud node discover --range 192.168.25.0/26 --protocol ipmi --credentials root:secret",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with where to look and the passwords to try."""
        parser = super().get_parser(prog_name)
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument(
            "--ip", action="append", default=[], metavar="<address>", help="A BMC; again for more"
        )
        where.add_argument(
            "--range",
            action="append",
            default=[],
            metavar="<cidr>",
            help="A range of addresses; again for more",
        )
        parser.add_argument(
            "--credentials",
            action="append",
            required=True,
            metavar="<user:password>",
            help="What to log in with; may be given again, each is tried",
        )
        parser.add_argument(
            "--protocol",
            action="append",
            choices=tuple(PORTS),
            help="Ask by this one only (default: by both)",
        )
        parser.add_argument(
            "--port",
            action="append",
            type=node_options.count,
            default=[],
            metavar="<port>",
            help="Ports (default: 443 by Redfish, 623 by IPMI)",
        )
        parser.add_argument("--output", metavar="<file>", help="Write a file of machines and enrol nothing")
        node_work.add_following(parser, introspect=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Look, then import what was found."""
        wrong = [pair for pair in parsed_args.credentials if ":" not in pair]
        if wrong:
            raise errors.usage("--credentials has no colon in it", "write USER:PASSWORD")
        found = self._look(parsed_args)
        for name in found.known:
            self.app.stderr.write(f"{name} is registered already.\n")
        if not found.machines and not found.known:
            raise _nobody((*parsed_args.range, *parsed_args.ip), found.findings)
        self.app.stderr.writelines(f"{finding}\n" for finding in found.findings)
        if not found.machines:
            self.app.stdout.write("There is no other machine.\n")
            return errors.CLEAN
        text = json.dumps({"nodes": list(found.machines)}, indent=2) + "\n"
        if parsed_args.output:
            files.write(Path(parsed_args.output).expanduser().absolute(), text)
            count = len(found.machines)
            self.app.stdout.write(f"{parsed_args.output}: {count} machines; it holds their passwords.\n")
            return errors.CLEAN
        parts = node_work.following(parsed_args, MachineWork.ENROL)
        return self.work(parsed_args, *parts, file=GivenFile("discovered.json", text))

    def _look(self, parsed_args: argparse.Namespace) -> Discovered:
        """Everything that answers, told as it goes on."""
        from undercloud.baremetal.discovery import places, search  # noqa: PLC0415  (start-up)

        addresses = places.expanded((*parsed_args.range, *parsed_args.ip))
        protocols = tuple(parsed_args.protocol or PORTS)
        machines: list[Mapping[str, Any]] = []
        known: list[str] = []
        findings: list[Finding] = []
        with self.engine() as engine, undercloud_options.progress(self.app) as say:
            for first in range(0, len(addresses), AT_ONCE):
                say(f"{first} of {len(addresses)} addresses looked at: {len(machines)} machines")
                asked = tuple(addresses[first : first + AT_ONCE])
                seen = engine.discover_machines(
                    DiscoverRequest(asked, tuple(parsed_args.credentials), tuple(parsed_args.port), protocols)
                )
                machines += seen.machines
                known += seen.known
                findings += seen.findings
            say(f"{len(addresses)} addresses looked at: {len(machines)} machines")
        return Discovered(tuple(search.distinct(machines)), tuple(dict.fromkeys(known)), tuple(findings))


def _nobody(asked: tuple[str, ...], findings: tuple[Finding, ...]) -> UndercloudError:
    """BM-125, behind what was found instead."""
    text = f"no BMC in {', '.join(asked)} lets us in"
    fix = "Look at the range, the port (--port), the protocol and the credentials."
    return UndercloudError(*findings, Finding("BM-125", text, fix))
