"""`overcloud credentials`, and what `overcloud deploy` leaves behind to use the cloud with."""

from __future__ import annotations

import argparse
from pathlib import Path

from undercloud.cli import base, running
from undercloud.deploy.engine import Credentials

CLOUDS_FILE = ".config/openstack/clouds.yaml"


def keep(given: Credentials, stack: str, *, clouds_file: Path, rc_directory: Path) -> list[Path]:
    """Write the cloud's entry into ``clouds_file`` and ``STACKrc`` into ``rc_directory``, mode 0600.

    The certificate authority that both trust lies beside ``clouds_file``. Returns the first two files.
    Raises UndercloudError where one cannot be written.
    """
    from undercloud.cli import clouds_file as clouds  # noqa: PLC0415  (start-up)
    from undercloud.cli import files  # noqa: PLC0415

    given, texts = _written(given, stack, clouds_file, rc_directory)
    for file, text in texts.items():
        files.write(file, text)
    clouds.put(clouds_file, given.cloud, given.clouds)
    return [clouds_file, rc_directory / f"{stack}rc"]


def withdraw(given: Credentials, stack: str, *, clouds_file: Path, rc_directory: Path) -> list[Path]:
    """Take away what ``keep`` wrote for a cloud that is no more; what was changed since stays.

    Returns the files that changed or went. Raises UndercloudError where one cannot be written.
    """
    from undercloud.cli import clouds_file as clouds  # noqa: PLC0415  (start-up)

    given, texts = _written(given, stack, clouds_file, rc_directory)
    changed = [clouds_file] if clouds.drop(clouds_file, given.cloud, given.clouds) else []
    for file, text in texts.items():
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            file.unlink()
            changed.append(file)
    return changed


def _written(
    given: Credentials, stack: str, clouds_file: Path, rc_directory: Path
) -> tuple[Credentials, dict[Path, str]]:
    """The credentials as they are written, and the files beside clouds.yaml: the authority, the rc file."""
    from undercloud.deploy import credentials  # noqa: PLC0415  (start-up)

    texts = {}
    if given.authority:
        authority = credentials.authority_file(clouds_file.parent, given.cloud)
        texts[authority] = given.authority
        given = credentials.trusting(given, authority)
    return given, {**texts, rc_directory / f"{stack}rc": given.rc}


class OvercloudCredentials(running.WithEngine):
    """Write the files that a deployed cloud is used with: clouds.yaml and STACKrc.

    Other clouds in an existing clouds.yaml stay. The files hold a password and have mode 0600.
    """

    examples = (
        ("into this directory", "overcloud credentials overcloud"),
        ("for this user", "overcloud credentials overcloud --directory ~/.config/openstack"),
        ("then use the cloud", "--os-cloud overcloud token issue"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the stack and where to."""
        parser = super().get_parser(prog_name)
        base.add_stack(parser)
        parser.add_argument(
            "--directory", default=".", metavar="<directory>", help="Where to write (default: here)"
        )
        parser.add_argument("--working-dir", help="Taken for TripleO's sake; changes nothing")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write the files and name them."""
        directory = Path(parsed_args.directory).expanduser().absolute()
        with self.engine() as engine:
            given = engine.credentials(parsed_args.stack)
        written = keep(
            given, parsed_args.stack, clouds_file=directory / "clouds.yaml", rc_directory=directory
        )
        for file in written:
            self.app.stdout.write(f"{file}\n")
