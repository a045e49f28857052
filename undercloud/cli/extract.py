"""`overcloud network extract`, `network vip extract` and `node extract provisioned`: files of a kept plan."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import ClassVar

from undercloud.cli import base, files, running, tripleo_flags
from undercloud.diagnostics import UndercloudError

_FROM_FILES = (
    tripleo_flags.Flag("-r --roles-file", True, "the plan has its own"),
    tripleo_flags.Flag("-n --networks-file", True, "the plan has its own"),
    tripleo_flags.Flag("--working-dir", True, "everything lies in the state directory"),
)


class _Extract(running.WithEngine):
    """A command that gives one of the files that a plan was made of."""

    kind: ClassVar[str]
    what: ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the plan, which version, where to."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--stack", default=base.DEFAULT_STACK, metavar="<name>", help="Default: overcloud"
        )
        parser.add_argument(
            "--plan-version", type=int, default=0, metavar="<number>", help="Default: the newest"
        )
        parser.add_argument("-o", "--output", metavar="<file>", help="Write it here instead of printing it")
        parser.add_argument("-y", "--yes", action="store_true", help="Replace the file if it is there")
        tripleo_flags.add_harmless(parser, _FROM_FILES)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Fetch the plan, give its file."""
        self.tell_notes(parsed_args)
        output = Path(parsed_args.output).expanduser() if parsed_args.output else None
        if output is not None:
            files.free(output, replace=parsed_args.yes, option="--yes")
        with self.engine() as engine:
            bundle = engine.plan_files(parsed_args.stack, parsed_args.plan_version)
        path = bundle.named.get(self.kind, "")
        if path not in bundle.files:
            raise UndercloudError.of(
                "CLI-047",
                f"the plan {parsed_args.stack} has no {self.what}",
                fix=f"See what it was made of: openstack overcloud plan export {parsed_args.stack}",
            )
        if output is not None:
            files.write(output, bundle.files[path])
        else:
            self.app.stdout.write(bundle.files[path].decode("utf-8", "replace"))


class NetworkExtract(_Extract):
    """Give the networks file that a kept plan was made of."""

    kind, what = "networks", "networks file"
    examples = (
        ("look at it", "overcloud network extract --stack overcloud"),
        ("into a file", "overcloud network extract --stack overcloud --output network_data.yaml"),
    )


class NetworkVipExtract(_Extract):
    """Give the file of virtual addresses that a kept plan was made of."""

    kind, what = "vips", "file of virtual addresses"
    examples = (("into a file", "overcloud network vip extract --stack overcloud --output vip_data.yaml"),)


class NodeExtractProvisioned(_Extract):
    """Give the deployment file (the nodes of each role) that a kept plan was made of."""

    kind, what = "baremetal", "deployment file"
    examples = (
        ("into a file", "overcloud node extract provisioned --stack overcloud --output nodes.yaml"),
        ("as it was before", "overcloud node extract provisioned --stack overcloud --plan-version 3"),
    )
