"""`undercloud secrets rotate`: a new key for what is encrypted in the undercloud's database."""

from __future__ import annotations

import argparse
import contextlib

from undercloud.cli import base, plugin, undercloud_options


class SecretsRotate(base.Ours):
    """Make a new key and encrypt every secret of the undercloud's database with it.

    Deployments may go on meanwhile, and a rotation that was cut short goes on with the next one. The old keys
    stay in the key file, where they only decrypt, until --retire takes them out: back up the database and the
    key file together before you do, since an older backup of the database needs them. Refused when the key
    file is missing, unreadable or open to others.
    """

    examples = (
        ("a new key", "undercloud secrets rotate"),
        ("and then, after a backup, the end of the old ones", "undercloud secrets rotate --retire"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: whether to make a key or to drop the old ones."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--retire",
            action="store_true",
            help="Make no new key: take the old ones out of the key file, if nothing is encrypted with them",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Rotate or retire, and say what was done."""
        from undercloud.db import rotation  # noqa: PLC0415  (start-up)

        settings = plugin.settings_of(self.app.client_manager)
        with contextlib.closing(undercloud_options.open_database(settings)) as database:
            key_file = settings.paths.key_file
            if parsed_args.retire:
                told = f"{rotation.retire(database, key_file)} old keys left {key_file}"
            else:
                told = (
                    f"{rotation.rotate(database, key_file)} rows are encrypted with the new key in {key_file}"
                )
        self.app.stdout.write(told + "\n")
