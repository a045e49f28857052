"""`overcloud node import|introspect|provide|clean|configure|power`."""

from __future__ import annotations

import argparse
from typing import Any

from undercloud.cli import base, errors, rendering, reporting, running, tripleo_flags
from undercloud.cli.node_options import add_concurrency, count
from undercloud.deploy.machines import (
    Configuration,
    MachinesRequest,
    MachineWork,
)
from undercloud.deploy.requests import GivenFile

_VALIDATED = "the file is always checked as a whole, and the plan again when it is deployed"
_RAMDISK = "Ironic's configuration says which ramdisk does the work"
_HARMLESS = (
    tripleo_flags.Flag("--run-validations", False, _VALIDATED),
    tripleo_flags.Flag("--no-deploy-image", False, _RAMDISK),
    tripleo_flags.Flag("--instance-boot-option", True, "nodes always start from their own disk"),
    tripleo_flags.Flag("--http-boot", True, _RAMDISK),
    tripleo_flags.Flag("--retry-timeout", True, "a failed introspection is tried again at once"),
)
_STOPPED = (
    "\nStopped. What machines were about, Ironic goes on with; what was done is kept.\n"
    "See them: openstack overcloud node list. Give the same command again to go on.\n"
)


class MachineCommand(running.Running):
    """A command that works with machines and stays until all are done."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the form of the output, how many at once, TripleO's options that change nothing."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        add_concurrency(parser)
        parser.add_argument(
            "--node-timeout",
            type=count,
            default=1800,
            metavar="<seconds>",
            help="How long one machine may take (default: 1800)",
        )
        tripleo_flags.add_harmless(parser, _HARMLESS)
        return parser

    def work(self, parsed_args: argparse.Namespace, *parts: MachineWork, **more: Any) -> int:
        """Start it and follow it."""
        self.tell_notes(parsed_args)
        request = MachinesRequest(
            parts, concurrency=parsed_args.concurrency, timeout=parsed_args.node_timeout, **more
        )
        return self.follow(lambda engine: (engine.prepare_machines(request), 0), parsed_args)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """What goes on, and how to go on."""
        return _STOPPED


class NodeImport(MachineCommand):
    """Make the machines of a file known to Ironic: JSON, YAML or CSV, as TripleO's instackenv.

    The file is checked as a whole before anything is done, and importing it again is harmless: a machine is
    found again by its UUID, MAC addresses, BMC or name, and brought up to date.
    """

    examples = (
        ("enrol, and see that every BMC answers", "overcloud node import instackenv.yaml"),
        (
            "all the way to machines that can be deployed",
            "overcloud node import --introspect --provide nodes.json",
        ),
        ("only look at the file", "overcloud node import --validate-only nodes.csv"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the file and what follows."""
        parser = super().get_parser(prog_name)
        parser.add_argument("env_file", metavar="<file>", help="instackenv.json, .yaml or .csv")
        parser.add_argument("--validate-only", action="store_true", help="Check the file and end")
        add_following(parser, introspect=True)
        parser.add_argument("--boot-mode", choices=("uefi", "bios"), help="Set how the machines boot")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Check the file here, so that nothing is started for one that is wrong."""
        from undercloud.baremetal import instackenv  # noqa: PLC0415  (start-up)

        path, text = reporting.read(parsed_args.env_file)
        entries, warnings = instackenv.judged(text, path)
        if warnings:
            self.app.stderr.write(rendering.report_text(warnings))
        if parsed_args.validate_only:
            judgement = "no error" if warnings else "nothing is wrong with them"
            self.app.stdout.write(f"{path}: {len(entries)} machines, {judgement}.\n")
            return errors.CLEAN
        return self.work(
            parsed_args,
            *following(parsed_args, MachineWork.ENROL),
            file=GivenFile(path, text),
            configuration=Configuration(boot_mode=parsed_args.boot_mode or ""),
        )


class ChosenMachines(MachineCommand):
    """A command for machines that are named, or for all that are manageable."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with the machines."""
        parser = super().get_parser(prog_name)
        self.add_first(parser)
        parser.add_argument("node_uuids", nargs="*", metavar="<node>", help="Names or UUIDs of machines")
        parser.add_argument(
            "--all-manageable", action="store_true", help="All machines in the state manageable"
        )
        return parser

    def add_first(self, parser: argparse.ArgumentParser) -> None:
        """Add words that stand in front of the machines."""

    def chosen(self, parsed_args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
        """The machines of the request; CLI-002 where neither or both are given."""
        if bool(parsed_args.node_uuids) == parsed_args.all_manageable:
            raise errors.usage(
                "name machines, or give --all-manageable", "see them: openstack overcloud node list"
            )
        return {"machines": tuple(parsed_args.node_uuids)}


class NodeIntrospect(ChosenMachines):
    """Look at the hardware of machines: processors, memory, disks, network cards and their neighbours."""

    examples = (
        ("all machines that are not in use", "overcloud node introspect --all-manageable --provide"),
        ("two of them, again", "overcloud node introspect node-1 node-2"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with what follows and how often it is tried."""
        parser = super().get_parser(prog_name)
        add_following(parser, introspect=False)
        parser.add_argument(
            "--max-retries",
            type=int,
            default=1,
            metavar="<number>",
            help="How often a failed introspection is tried again (default: 1)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Make them manageable, inspect, and provide where that is wanted."""
        parts = [MachineWork.MANAGE, MachineWork.INTROSPECT]
        if parsed_args.provide:
            parts.append(MachineWork.PROVIDE)
        chosen = self.chosen(parsed_args)
        return self.work(parsed_args, *parts, retries=max(0, parsed_args.max_retries), **chosen)


class NodeProvide(ChosenMachines):
    """Offer machines for deployment: Ironic cleans them first, if it is told to."""

    examples = (("all machines that were inspected", "overcloud node provide --all-manageable"),)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Provide."""
        return self.work(parsed_args, MachineWork.MANAGE, MachineWork.PROVIDE, **self.chosen(parsed_args))


class NodeClean(ChosenMachines):
    """Erase the metadata of the disks of machines that are not in use: partition tables, RAID superblocks."""

    examples = (("one machine, and offer it again", "overcloud node clean node-1 --provide"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with what follows."""
        parser = super().get_parser(prog_name)
        add_following(parser, introspect=False)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Clean."""
        parts = [MachineWork.MANAGE, MachineWork.CLEAN]
        if parsed_args.provide:
            parts.append(MachineWork.PROVIDE)
        return self.work(parsed_args, *parts, **self.chosen(parsed_args))


class NodeConfigure(ChosenMachines):
    """Set how machines boot, which ramdisk works on them, and which disk is their root disk."""

    examples = (
        (
            "the smallest disk of 60 GiB or more becomes the root disk",
            "overcloud node configure --all-manageable --root-device smallest --root-device-minimum-size 60",
        ),
        ("boot with UEFI", "overcloud node configure --boot-mode uefi node-1"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with what is set."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--boot-mode", choices=("uefi", "bios"), help="How the machines boot")
        parser.add_argument("--deploy-kernel", metavar="<url>", help="The kernel that does the work")
        parser.add_argument("--deploy-ramdisk", metavar="<url>", help="Its ramdisk")
        parser.add_argument(
            "--root-device",
            metavar="<strategy>",
            help="smallest, largest, or names of disks in the order of preference (sda,vda)",
        )
        parser.add_argument(
            "--root-device-minimum-size",
            type=count,
            default=4,
            metavar="<GiB>",
            help="Smaller disks are no root disks (default: 4)",
        )
        parser.add_argument(
            "--overwrite-root-device-hints", action="store_true", help="Also where a machine has a hint"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Configure."""
        wanted = Configuration(
            boot_mode=parsed_args.boot_mode or "",
            deploy_kernel=parsed_args.deploy_kernel or "",
            deploy_ramdisk=parsed_args.deploy_ramdisk or "",
            root_device=parsed_args.root_device or "",
            least_root=parsed_args.root_device_minimum_size,
            overwrite=parsed_args.overwrite_root_device_hints,
        )
        if wanted == Configuration(least_root=wanted.least_root, overwrite=wanted.overwrite):
            raise errors.usage("nothing is to be set", "give --boot-mode, --root-device or --deploy-ramdisk")
        chosen = self.chosen(parsed_args)
        return self.work(parsed_args, MachineWork.CONFIGURE, configuration=wanted, **chosen)


class NodePower(ChosenMachines):
    """Switch machines on or off, or off and on again."""

    examples = (
        ("switch one on", "overcloud node power on node-1"),
        ("ask the operating system to stop, then switch off", "overcloud node power off --soft node-1"),
    )

    def add_first(self, parser: argparse.ArgumentParser) -> None:
        """What is wanted."""
        parser.add_argument("power", choices=("on", "off", "reboot"), help="What is wanted")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with how it is asked for."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--soft", action="store_true", help="Ask the operating system")
        base.allow_options_between(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Switch."""
        chosen = self.chosen(parsed_args)
        soft = parsed_args.soft
        return self.work(parsed_args, MachineWork.POWER, power=parsed_args.power, soft=soft, **chosen)


def add_following(parser: argparse.ArgumentParser, *, introspect: bool) -> None:
    """Options of what is done with machines once they are enrolled."""
    if introspect:
        parser.add_argument("--introspect", action="store_true", help="Look at their hardware then")
    parser.add_argument("--provide", action="store_true", help="Offer them for deployment at the end")


def following(parsed_args: argparse.Namespace, first: MachineWork) -> list[MachineWork]:
    """What those options ask for, behind the first."""
    parts = [first, MachineWork.MANAGE]
    if getattr(parsed_args, "boot_mode", None):
        parts.append(MachineWork.CONFIGURE)
    if parsed_args.introspect:
        parts.append(MachineWork.INTROSPECT)
    if parsed_args.provide:
        parts.append(MachineWork.PROVIDE)
    return parts
