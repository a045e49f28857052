"""`overcloud backup`, `overcloud backup snapshot` and `overcloud restore`."""

from __future__ import annotations

import argparse
from pathlib import Path

from undercloud.cli import base, errors, running, ssh_options, tripleo_flags
from undercloud.deploy.requests import BackupRequest


class _Copying(running.Running):
    """A command that runs one of the playbooks on all nodes and stays until it is over."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack, the way in, TripleO's options."""
        parser = super().get_parser(prog_name)
        base.add_report_format(parser)
        base.add_stack(parser)
        parser.add_argument("--timeout", type=int, default=0, metavar="<minutes>", help="Default: none")
        ssh_options.add_ssh_options(parser)
        tripleo_flags.add_flags(
            parser, tripleo_flags.HARMLESS_FOR_OVERCLOUD_BACKUP, tripleo_flags.REFUSED_FOR_OVERCLOUD_BACKUP
        )
        return parser

    def stopped(self, parsed_args: argparse.Namespace, how_it_is: str) -> str:
        """What is said after Ctrl-C."""
        stack = parsed_args.stack
        return f"\nStopped. {how_it_is} Go on: openstack overcloud resume {stack}\n"

    def carry_out(self, parsed_args: argparse.Namespace, action: str, directory: str | None = None) -> int:
        """Start an action of ``BackupRequest`` and follow it."""
        tripleo_flags.refuse(parsed_args)
        self.tell_notes(parsed_args)
        wanted = BackupRequest(
            parsed_args.stack,
            action,
            directory=str(Path(directory).expanduser().absolute()) if directory else "",
            ssh=ssh_options.ssh_access(parsed_args),
            timeout=parsed_args.timeout * 60,
            verbosity=max(0, self.app.options.verbose_level - 1),
        )
        return self.follow(lambda engine: (engine.backup(wanted), 0), parsed_args)


class OvercloudBackup(_Copying):
    """Copy what a deployed cloud cannot be made again without, while it runs: its databases and files.

    The databases are dumped in one transaction, so all of them are of one moment; of every node come /etc,
    the services' configuration and what we own there. Neither instances, volumes, images, nor messages that
    wait in RabbitMQ are in it, and no image of a node as ReaR makes one. The directory has mode 0700: there
    are passwords in it. Exit status: 0 made, 1 failed, 2 could not run.
    """

    examples = (
        ("of the stack overcloud, below the undercloud's state directory", "overcloud backup"),
        ("onto another server, which is mounted here", "overcloud backup --directory /mnt/backup/monday"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: where to."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--directory",
            metavar="<directory>",
            help="A new or empty directory of the undercloud (default: one in its state directory)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Make it."""
        return self.carry_out(parsed_args, "backup", parsed_args.directory)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """It is not whole."""
        text = f"The backup of {parsed_args.stack} is not whole; nothing changed on its nodes."
        return self.stopped(parsed_args, text)


class OvercloudRestore(_Copying):
    """Put a backup back onto the nodes of a deployed cloud: databases, their users, configuration.

    The services stand still meanwhile and start again afterwards, also when something fails. A restore that
    is stopped (Ctrl-C, --timeout, `overcloud cancel`) leaves them stopped: go on with it (`overcloud
    resume`), or restore again. A node that was lost is installed anew and deployed first (`overcloud
    deploy`). All is compared with its checksum, and the backup with the cloud, before a node is touched.
    Afterwards deploy once more if the plan has changed since the backup.
    """

    examples = (
        ("the newest backup, after a question", "overcloud restore"),
        ("this one, without a question", "overcloud restore --directory /mnt/backup/monday --yes"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: where from."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--directory", metavar="<directory>", help="A backup (default: the newest in the state directory)"
        )
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        tripleo_flags.add_harmless(
            parser, (tripleo_flags.Flag("--node-name", True, "all nodes of the backup are put back"),)
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask, then put it back."""
        question = f"Replace the databases of {parsed_args.stack} with those of the backup?"
        if not (parsed_args.yes or self.confirmed(question)):
            return errors.FAILED
        return self.carry_out(parsed_args, "restore", parsed_args.directory)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:
        """The databases may be of both times."""
        text = (
            f"The databases of {parsed_args.stack} may be put back in part, and its services stand still: "
            "they start at the end."
        )
        return self.stopped(parsed_args, text)


class BackupSnapshot(_Copying):
    """Make, remove or revert LVM snapshots of the volumes that the nodes run on, before something risky.

    Every node needs its root on a logical volume and room in the volume group; else nothing is done on any
    node. A revert takes place when the node is started again. Databases come back as after a power failure,
    which they survive; nodes of one cluster are best reverted together.
    """

    examples = (
        ("before an update", "overcloud backup snapshot"),
        ("it went well", "overcloud backup snapshot --remove"),
        ("it did not: then restart the nodes", "overcloud backup snapshot --revert"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: make, remove or revert."""
        parser = super().get_parser(prog_name)
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--remove", action="store_true", help="Remove the snapshots")
        choice.add_argument("--revert", action="store_true", help="Let the nodes go back to them")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Carry it out."""
        if parsed_args.remove:
            return self.carry_out(parsed_args, "remove-snapshot")
        return self.carry_out(parsed_args, "revert-snapshot" if parsed_args.revert else "snapshot")
