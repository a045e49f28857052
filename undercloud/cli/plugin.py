"""What python-openstackclient asks of a plugin; imported at every start of `openstack`, so it stays light.

The interface is that of https://docs.openstack.org/python-openstackclient/latest/contributor/plugins.html.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from undercloud.cli import offline

if TYPE_CHECKING:
    from undercloud.conf import Settings
    from undercloud.deploy.machines import WholeEngine

API_NAME = "undercloud"
API_VERSION_OPTION = "os_undercloud_api_version"
DEFAULT_API_VERSION = "1"
API_VERSIONS = ("1",)


def make_client(instance: Any) -> WholeEngine:
    """The Engine that this shell's commands speak to; ``instance`` is OSC's client manager."""
    remote = remote_name(instance)
    if remote:
        from undercloud.client.remote import RemoteEngine  # noqa: PLC0415  (heavy; few commands need it)
        from undercloud.client.settings import find  # noqa: PLC0415

        return RemoteEngine(find(remote, os.environ))
    from undercloud.deploy.native import open_engine  # noqa: PLC0415  (heavy; few commands need it)

    return open_engine(settings_of(instance))


def remote_name(instance: Any) -> str:
    """Which undercloud on another machine is meant; empty for this one's."""
    return str(instance._cli_options.config.get("undercloud") or "")  # noqa: SLF001


def settings_of(instance: Any) -> Settings:
    """The undercloud's own settings as the command line, the environment and the configuration file say."""
    from undercloud.conf import load  # noqa: PLC0415  (heavy; few commands need it)

    named = instance._cli_options.config.get("undercloud_state_dir")  # noqa: SLF001
    return load(state_dir=named or "")


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add our global options, and keep the operator's cloud settings out of our commands."""
    parser.add_argument(
        "--undercloud-state-dir",
        metavar="<directory>",
        default=os.environ.get("UNDERCLOUD_STATE_DIR"),
        help="Where undercloud keeps its database, keys and deployments (Env: UNDERCLOUD_STATE_DIR; "
        "default: /var/lib/undercloud for root, else ~/.local/state/undercloud)",
    )
    parser.add_argument(
        "--undercloud",
        metavar="<name>",
        default=os.environ.get("UNDERCLOUD"),
        help="An undercloud on another machine, out of underclouds.yaml (Env: UNDERCLOUD; default: this one)",
    )
    offline.install(parser)
    return parser
