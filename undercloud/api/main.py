"""`undercloud-api`, the service in one process or the API alone; `undercloud-engine`, an engine alone."""

from __future__ import annotations

import argparse
import getpass
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence

# Before anything of OpenStack's: it chooses threads, and nothing may choose eventlet later.
from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)

from undercloud.api import server, users  # noqa: E402
from undercloud.api.access import READER, ROLES  # noqa: E402
from undercloud.conf import Settings, load  # noqa: E402
from undercloud.deploy import workers  # noqa: E402
from undercloud.deploy.native import open_engine  # noqa: E402
from undercloud.diagnostics import UndercloudError  # noqa: E402


def api(words: Sequence[str] | None = None) -> int:
    """Run the API; the exit status."""
    parser = _parser("The undercloud's REST API, with its engine unless [messaging] transport_url is set.")
    parser.add_argument(
        "--add-user", metavar="NAME", help="Add a user (or change one) and end; asks for a password"
    )
    parser.add_argument("--role", choices=ROLES, default=READER, help="The user's role (default: reader)")
    return _told(parser.parse_args(words), _api)


def engine(words: Sequence[str] | None = None) -> int:
    """Run engines that answer over RabbitMQ; the exit status."""
    parser = _parser("Engines of the undercloud, for an API in another process.")
    parser.add_argument(
        "--workers", type=int, choices=range(1, 65), default=1, metavar="N", help="Processes (default: 1)"
    )
    return _told(parser.parse_args(words), _engine)


def _parser(what: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument(
        "--config-file", default="", help="Default: /etc/undercloud/undercloud.conf, if it is there"
    )
    parser.add_argument("--state-dir", default="", help="Default: the configuration's")
    return parser


def _told(given: argparse.Namespace, run: Callable[[argparse.Namespace, Settings], None]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        run(given, load(given.state_dir, given.config_file))
    except UndercloudError as error:
        for finding in error.findings:
            sys.stderr.write(f"{finding}\n")
        return 1
    return 0


def _api(given: argparse.Namespace, settings: Settings) -> None:
    if given.add_user:
        file = settings.api.users(settings.paths.state_dir)
        users.put_user(file, given.add_user, _password(), given.role)
        sys.stdout.write(f"{given.add_user} has the role {given.role} ({file})\n")
        return
    local = None if settings.messaging.transport_url else open_engine(settings)
    try:
        running = server.prepare(settings, local)
    except BaseException:
        if local is not None:
            local.close()
        raise
    stopped = _on_signals()
    threading.Thread(target=_stop_after, args=(stopped, running), daemon=True).start()
    sys.stdout.write(f"undercloud-api listens on {running.address}\n")
    sys.stdout.flush()
    try:
        running.run()
    finally:
        running.close()


def _engine(given: argparse.Namespace, settings: Settings) -> None:
    if not settings.messaging.transport_url:
        raise UndercloudError.of(
            "DEP-032",
            "an engine by itself needs [messaging] transport_url",
            fix="Set it to RabbitMQ, rabbit://USER:PASSWORD@HOST:5672/, or run undercloud-api alone.",
        )
    workers.run(settings, open_engine, given.workers)


def _stop_after(stopped: threading.Event, running: server.Running) -> None:
    stopped.wait()
    running.stop()


def _on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _password() -> str:
    """From the terminal, twice; from a pipe, the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise UndercloudError.of("API-023", "the two passwords differ", fix="Run it again.")
    return password


if __name__ == "__main__":
    sys.exit(api())
