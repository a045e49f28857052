"""`undercloud registry start`, `stop` and `show`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, image_options

if TYPE_CHECKING:
    from undercloud.images.registry import Server

Shown = tuple[Sequence[str], Sequence[Any]]


class RegistryStart(base.ShowOne):
    """Serve the undercloud's registry, with TLS and a password; both are made at the first start and kept."""

    examples = (
        ("for this machine only", "undercloud registry start"),
        ("for the nodes", "undercloud registry start --address 192.168.24.1"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser, with where it listens."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--address",
            metavar="<address>",
            help="The one address to listen on (default: as at the last start; 127.0.0.1 at the first)",
        )
        parser.add_argument(
            "--port", metavar="<port>", type=int, help="Default: as at the last start; 8787 at the first"
        )
        parser.add_argument(
            "--name", metavar="<name>", action="append", default=[], help="One more name for its certificate"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Start it and show how it is reached."""
        from undercloud.images import served  # noqa: PLC0415  (start-up)
        from undercloud.images.registry import PORT, Server  # noqa: PLC0415

        _refuse_installed(self.app)
        directory = image_options.state_directory(self.app) / "registry"
        last = served.settings_of(directory)
        address = parsed_args.address or (last.address if last else "127.0.0.1")
        port = parsed_args.port or (last.port if last else PORT)
        server = Server(served.ensure(directory, address, port, parsed_args.name).settings)
        server.start()
        return _shown(server)


class RegistryStop(base.Ours):
    """Stop the undercloud's registry; its images stay."""

    examples = (("stop it", "undercloud registry stop"),)

    def take_action(self, parsed_args: argparse.Namespace) -> None:  # noqa: ARG002
        """Stop it, if it runs."""
        _refuse_installed(self.app)
        _server(self.app).stop()


class RegistryShow(base.ShowOne):
    """Show how the undercloud's registry is reached and whether it runs; the password stays in its file."""

    examples = (
        ("its address and state", "undercloud registry show"),
        ("only the address, for a script", "undercloud registry show -f value -c registry"),
    )

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:  # noqa: ARG002
        """Its state."""
        return _shown(_server(self.app))


def _refuse_installed(app: Any) -> None:
    """The registry of an installed undercloud is one of its processes, which are kept running."""
    from undercloud.install import installation  # noqa: PLC0415  (start-up)

    directory = image_options.state_directory(app)
    if installation.recorded(directory) is not None:
        raise errors.usage(
            f"the registry belongs to the undercloud that is installed in {directory}",
            "See how it is: openstack undercloud status. Its settings: openstack undercloud install",
        )


def _server(app: Any) -> Server:
    from undercloud.images import served  # noqa: PLC0415  (start-up)
    from undercloud.images.registry import Server  # noqa: PLC0415

    directory = image_options.state_directory(app) / "registry"
    settings = served.settings_of(directory)
    if settings is None:
        raise errors.usage(
            f"no registry was ever set up in {directory}",
            "Start one: openstack undercloud registry start",
        )
    return Server(settings)


def _shown(server: Server) -> Shown:
    from undercloud.images.served import USERNAME  # noqa: PLC0415  (start-up)

    directory = server.settings.storage
    values = {
        "registry": server.settings.endpoint,
        "running": server.answers(),
        "ca": str(directory / "tls/ca.crt"),
        "username": USERNAME,
        "password_in": str(directory / "client.json"),
        "log": str(server.log),
    }
    return tuple(values), tuple(values.values())
