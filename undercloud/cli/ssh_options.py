"""The options that say how the nodes are entered."""

from __future__ import annotations

import argparse
from pathlib import Path

from undercloud.cli import errors
from undercloud.deploy.requests import SshAccess


def add_ssh_options(parser: argparse.ArgumentParser) -> None:
    """Add them in a group of their own."""
    group = parser.add_argument_group("the way into the nodes")
    group.add_argument(
        "--overcloud-ssh-user",
        default="",
        metavar="<user>",
        help="Who enters by SSH (default: what the deployment file says, else SSH's own choice)",
    )
    group.add_argument(
        "--overcloud-ssh-key", metavar="<file>", help="The private key to enter with (default: SSH's own)"
    )
    group.add_argument(
        "--known-hosts",
        metavar="<file>",
        help="Host keys of the nodes; without it a node's key is pinned at first contact",
    )


def ssh_access(parsed_args: argparse.Namespace) -> SshAccess:
    """The way in that the options name; raises UndercloudError (CLI-002) for a file that is not there."""
    return SshAccess(
        user=parsed_args.overcloud_ssh_user,
        private_key=_file("--overcloud-ssh-key", parsed_args.overcloud_ssh_key),
        known_hosts=_file("--known-hosts", parsed_args.known_hosts),
    )


def _file(option: str, named: str | None) -> str:
    if not named:
        return ""
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise errors.usage(f"{option}: there is no file {path}", "name a file that is there")
    return str(path)
