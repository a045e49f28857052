"""The HTTP server that machines and BMCs fetch ramdisks, boot media and images from: it lists nothing."""

from __future__ import annotations

import argparse
import http.server
import logging
import socket
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files below one directory, by their exact names."""

    def list_directory(self, path: Any) -> None:  # noqa: ARG002
        """The names of boot media are not for everybody: no directory is shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_head(self) -> Any:
        """Nothing whose name begins with a dot is there: those files are about to be replaced."""
        asked = Path(self.translate_path(self.path)).relative_to(self.directory)
        if any(part.startswith(".") for part in asked.parts):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """To the process's own log."""
        LOG.info("%s %s", self.address_string(), format % args)


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection; IPv6 where the address is one."""

    daemon_threads = True

    def __init__(self, address: str, port: int, directory: Path) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), partial(Handler, directory=str(directory)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(
        prog="python -m undercloud.baremetal.service.fileserver", description=__doc__
    )
    parser.add_argument("--address", required=True, help="the one address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="what is served")
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with Server(parsed.address, parsed.port, parsed.directory) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
