"""`overcloud node bios configure|reset` and `overcloud raid create`."""

from __future__ import annotations

import argparse
import re
from typing import Any

from undercloud.cli import errors, reporting
from undercloud.cli.node_work import ChosenMachines, MachineCommand
from undercloud.deploy.machines import MachineWork
from undercloud.plan import documents

_SETTINGS = '{"settings": [{"name": "ProcVirtualization", "value": "Enabled"}]}'
_HARDWARE = '{"logical_disks": [{"size_gb": 100, "raid_level": "1", "is_root_volume": true}]}'
_SOFTWARE = '{"logical_disks": [{"size_gb": "MAX", "raid_level": "1", "controller": "software"}]}'


class NodeBiosConfigure(ChosenMachines):
    """Set BIOS settings of machines that are not in use."""

    examples = (
        (
            "two settings",
            f"overcloud node bios configure --configuration '{_SETTINGS}' node-1",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the settings."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--configuration",
            required=True,
            metavar="<file or JSON>",
            help='{"settings": [{"name": NAME, "value": VALUE}]}, or a map of names to values',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Set them."""
        given = _structure(parsed_args.configuration)
        listed = given.get("settings")
        if isinstance(listed, list) and all(isinstance(one, dict) and "name" in one for one in listed):
            given = {str(one["name"]): one.get("value") for one in listed}
        chosen = self.chosen(parsed_args)
        return self.work(parsed_args, MachineWork.MANAGE, MachineWork.BIOS, bios=given, **chosen)


class NodeBiosReset(ChosenMachines):
    """Set the BIOS settings of machines that are not in use to what they were in the factory."""

    examples = (("one machine", "overcloud node bios reset node-1"),)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Reset them."""
        return self.work(parsed_args, MachineWork.MANAGE, MachineWork.BIOS, **self.chosen(parsed_args))


class RaidCreate(MachineCommand):
    """Make the logical disks of machines that are not in use; those that are there go, with their data."""

    examples = (
        (
            "a mirror of 100 GiB for the operating system, by the machine's RAID controller",
            f"overcloud raid create --node node-1 '{_HARDWARE}'",
        ),
        (
            "Linux's own mirror of all disks, where the machine has raid_interface: agent",
            f"overcloud raid create --node node-1 '{_SOFTWARE}'",
        ),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the machines and the configuration."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--node", action="append", required=True, metavar="<node>", help="A machine; again for more"
        )
        parser.add_argument(
            "configuration", metavar="<file or JSON>", help="Ironic's target RAID configuration"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Make them."""
        given = _structure(parsed_args.configuration)
        if not isinstance(given.get("logical_disks"), list):
            raise errors.usage("the configuration has no list of logical_disks", "see the example in --help")
        machines = tuple(parsed_args.node)
        return self.work(parsed_args, MachineWork.MANAGE, MachineWork.RAID, raid=given, machines=machines)


def _structure(given: str) -> dict[str, Any]:
    """A map, out of a file or out of the words of the command line themselves."""
    if re.match(r"\s*\{", given):
        document = documents.parse(given, "the command line")
    else:
        path, text = reporting.read(given)
        document = documents.parse(text, path)
    if not isinstance(document.value, dict):
        raise errors.usage(f"{document.file} holds no map", "see the example in --help")
    return document.value
