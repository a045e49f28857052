"""The files that validation reads besides the plan: the same options for every command that validates."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
from typing import TYPE_CHECKING

from undercloud.cli import reporting

if TYPE_CHECKING:
    from undercloud.deploy.requests import GivenFile, GivenFiles


def add_given_files(parser: argparse._ActionsContainer) -> None:
    """``--nodes``, ``--undercloud-conf`` and ``--rules``."""
    parser.add_argument(
        "--nodes", metavar="<file>", help="The registered machines (instackenv.json or YAML), for validation"
    )
    parser.add_argument(
        "--undercloud-conf", metavar="<file>", help="The undercloud's configuration, for validation"
    )
    parser.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="<file>",
        help="Rules of your own, for validation; may be given again",
    )


def given_files(parsed_args: argparse.Namespace) -> GivenFiles:
    """What the options name, read; raises UndercloudError for a file that cannot be."""
    from undercloud.deploy.requests import GivenFile, GivenFiles  # noqa: PLC0415  (start-up)

    def given(file: str | None) -> GivenFile | None:
        return GivenFile(*reporting.read(file)) if file else None

    rules = tuple(GivenFile(*reporting.read(file)) for file in parsed_args.rules)
    return GivenFiles(given(parsed_args.nodes), given(parsed_args.undercloud_conf), rules)


def operator() -> str:
    """Who asks, for the record: the person behind sudo, if there is one, and the machine."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
