"""`overcloud host key delete`: the next contact with a node is the first one again."""

from __future__ import annotations

import argparse

from undercloud.cli import running
from undercloud.diagnostics import Finding, UndercloudError


class HostKeyDelete(running.WithEngine):
    """Forget the SSH host key of a node that was installed anew; the next contact pins its new key.

    Do this only where you know why the key changed: a wrong key can also mean a wrong machine.
    """

    examples = (("a node was installed anew", "overcloud host key delete 192.168.24.11"),)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: addresses, port."""
        parser = super().get_parser(prog_name)
        parser.add_argument("address", nargs="+", metavar="<address>", help="The node's SSH address")
        parser.add_argument("--port", type=int, default=22, metavar="<port>", help="Its port (default: 22)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Forget each key; one that was never known is an error, the others are forgotten all the same."""
        with self.engine() as engine:
            unknown = [
                address
                for address in parsed_args.address
                if not engine.forget_host_key(address, parsed_args.port)
            ]
        if unknown:
            raise UndercloudError(
                *(
                    Finding(
                        "CLI-022",
                        f"no host key of {address} port {parsed_args.port} is known",
                        fix="see the nodes' addresses with: openstack overcloud status",
                    )
                    for address in unknown
                )
            )
