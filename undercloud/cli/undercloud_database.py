"""`undercloud secrets rotate` and `undercloud upgrade`: what is done to the undercloud's own database."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from undercloud.cli import base, plugin

if TYPE_CHECKING:
    from undercloud.conf import Settings
    from undercloud.db.database import Database


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
        with _database(settings) as database:
            key_file = settings.paths.key_file
            if parsed_args.retire:
                told = f"{rotation.retire(database, key_file)} old keys left {key_file}"
            else:
                told = (
                    f"{rotation.rotate(database, key_file)} rows are encrypted with the new key in {key_file}"
                )
        self.app.stdout.write(told + "\n")


class UndercloudUpgrade(base.Ours):
    """Bring the undercloud's database to the schema of this program; does nothing when it has it.

    The embedded database is also upgraded by the first command that uses it. One on a server is upgraded only
    here: stop all engines and make a backup before.
    """

    examples = (("after an upgrade of the package", "undercloud upgrade"),)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Migrate and say to which revision."""
        del parsed_args
        from undercloud.db import schema  # noqa: PLC0415  (start-up)
        from undercloud.db.database import upgrade_database  # noqa: PLC0415

        settings = plugin.settings_of(self.app.client_manager)
        place = upgrade_database(
            settings.database.connection, settings.paths.database, settings.database.busy_timeout
        )
        with _database(settings):
            self.app.stdout.write(f"The database {place} has schema revision {schema.HEAD}\n")


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from undercloud.db.database import open_database  # noqa: PLC0415  (start-up)

    options, paths = settings.database, settings.paths
    database = open_database(options.connection, paths.database, paths.key_file, options.busy_timeout)
    try:
        yield database
    finally:
        database.close()
