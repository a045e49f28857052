"""`undercloud backup` and `undercloud restore`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from undercloud.cli import base, tripleo_flags, undercloud_options

Shown = tuple[Sequence[str], Sequence[Any]]


class UndercloudBackup(base.ShowOne):
    """Write one archive with all that the undercloud cannot be made again without, while it runs.

    Databases (copied by SQLite itself, or by pg_dump or mariadb-dump from a server), the key of their
    secrets, certificates, passwords, undercloud.conf, the stacks' files. Container images are not in it. It
    holds the key: keep it as you would the passwords. It is read again and compared before the command ends.
    """

    examples = (
        ("into this directory", "undercloud backup"),
        ("to a file", "undercloud backup --output /mnt/backups/undercloud.tar.gz"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: where to."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--output",
            metavar="<file>",
            help="Default: undercloud-backup-TIME.tar.gz in this directory; an existing file is not replaced",
        )
        tripleo_flags.add_flags(parser, tripleo_flags.HARMLESS_FOR_BACKUP, tripleo_flags.REFUSED_FOR_BACKUP)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Write it and tell what is in it."""
        from undercloud.install import backup  # noqa: PLC0415  (start-up)

        tripleo_flags.refuse(parsed_args)
        self.tell_notes(parsed_args)
        file = Path(parsed_args.output or backup.usual_name()).expanduser().absolute()
        with undercloud_options.progress(self.app) as say:
            manifest = backup.write(undercloud_options.needed(self.app), file, say)
        return ("file", "bytes", "files", "databases", "created"), (
            str(file),
            file.stat().st_size,
            len(manifest.members),
            " ".join((*manifest.databases, *filter(None, (manifest.dump,)))),
            manifest.created,
        )


class UndercloudRestore(base.ShowOne):
    """Bring an undercloud back from a backup, on this machine or another one, and start it.

    The whole archive is checked before anything is changed: every file against its digest, the databases, and
    that the key opens them. Refused over an undercloud that runs.
    """

    examples = (
        ("as it was", "undercloud restore undercloud-backup-20260102T030405Z.tar.gz"),
        ("what is there is moved aside", "undercloud restore backup.tar.gz --replace"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the archive, where to."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", metavar="<file>", help="The archive")
        parser.add_argument("--config-dir", metavar="<directory>", help="Default: as it was")
        undercloud_options.add_processes(parser)
        parser.add_argument("--replace", action="store_true", help="Move what is there aside")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Check, put in place, start."""
        from undercloud.install.restore import Target, restore  # noqa: PLC0415  (start-up)

        state_dir = undercloud_options.state_directory(self.app)
        config_dir = Path(parsed_args.config_dir).expanduser().absolute() if parsed_args.config_dir else None
        target = Target(state_dir, config_dir, parsed_args.processes or "", parsed_args.replace)
        with undercloud_options.progress(self.app) as say:
            found, former = restore(Path(parsed_args.file).expanduser().absolute(), target, say)
        files = undercloud_options.put_entry(found.site)
        return ("api", "state_dir", "credentials", "former"), (
            found.site.url,
            str(found.site.state_dir),
            " ".join(map(str, files)),
            " ".join(map(str, former)),
        )
