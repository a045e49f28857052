"""`overcloud generate fencing`."""

from __future__ import annotations

import argparse
from pathlib import Path

from undercloud.cli import base, files, reporting, tripleo_flags

_ACTION = tripleo_flags.Flag("-a --action", True, "upstream ignores it as well")
_LANPLUS = tripleo_flags.Flag("--ipmi-lanplus", False, "this is how it always works; see --ipmi-no-lanplus")


class GenerateFencing(base.Ours):
    """Write the environment that lets Pacemaker turn the machines of a file off. Offline.

    It sets EnableFencing and FencingConfig, with the passwords of the BMCs: a file has mode 0600.
    """

    examples = (
        ("look at it", "overcloud generate fencing instackenv.json"),
        ("then deploy with it", "overcloud generate fencing instackenv.json --output fencing.yaml"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the file of machines, what the agents are told."""
        parser = super().get_parser(prog_name)
        parser.add_argument("instackenv", metavar="<file>", help="The file of machines: JSON, YAML or CSV")
        parser.add_argument("--delay", type=int, default=0, metavar="<seconds>", help="Wait before fencing")
        parser.add_argument(
            "--ipmi-no-lanplus", dest="lanplus", action="store_false", help="IPMI 1.5 instead of 2.0"
        )
        parser.add_argument("--ipmi-cipher", type=int, metavar="<number>", help="As ipmitool -C")
        parser.add_argument(
            "--ipmi-level",
            choices=("callback", "user", "operator", "administrator"),
            help="What the user may do (default: the agent's)",
        )
        parser.add_argument("--output", metavar="<file>", help="Write it here instead of printing it")
        tripleo_flags.add_harmless(parser, (_ACTION, _LANPLUS))
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Read, generate, print or write."""
        import yaml  # noqa: PLC0415  (start-up)

        from undercloud.baremetal import fencing, instackenv  # noqa: PLC0415

        self.tell_notes(parsed_args)
        path, text = reporting.read(parsed_args.instackenv)
        given = parsed_args
        wishes = fencing.Wishes(given.delay, given.lanplus, given.ipmi_cipher, given.ipmi_level or "")
        made = yaml.safe_dump(fencing.environment(instackenv.read(text, path), wishes), sort_keys=False)
        if parsed_args.output:
            files.write(Path(parsed_args.output).expanduser(), made)
        else:
            self.app.stdout.write(made)
