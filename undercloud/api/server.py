"""The server process: HTTP with TLS on threads, and the engine with it unless that is elsewhere."""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undercloud.api.access import Access
from undercloud.api.answering import Answering
from undercloud.api.answers import Answers
from undercloud.api.app import make_app
from undercloud.api.audit import Audit
from undercloud.api.authentication import choose
from undercloud.api.calls import Service
from undercloud.api.connections import Adapter, Server
from undercloud.api.document import Document
from undercloud.api.library import Library
from undercloud.api.limiting import Limits
from undercloud.api.metrics import Metrics
from undercloud.api.recent import Recent
from undercloud.api.validations import Validations
from undercloud.conf import Settings
from undercloud.db.database import Database, open_database
from undercloud.deploy import background, rpc
from undercloud.deploy.background import Background
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import WholeEngine
from undercloud.diagnostics import UndercloudError
from undercloud.images import tls
from undercloud.plan import archive

_LOG = logging.getLogger(__name__)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_PAGED = 10.0  # seconds that the pages of a list of machines are of one moment


@dataclass(frozen=True)
class Running:
    """What a server holds; ``close`` gives all of it back."""

    server: Server
    service: Service
    audit: Audit
    rpc_server: rpc.Server | None
    background: tuple[Background, ...]

    @property
    def address(self) -> str:
        """Where it listens: a URL, or the path of a socket."""
        bound = self.server.bind_addr
        if isinstance(bound, str):
            return bound
        host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        return f"https://{host}:{bound[1]}"

    def run(self) -> None:
        """Answer requests until ``stop``."""
        self.server.serve()

    def stop(self) -> None:
        """Answer no more; safe to be called from a signal handler's thread."""
        self.server.stop()

    def close(self) -> None:
        """Give everything back; deployments of an engine in this process are left to the next one."""
        for part in self.background:
            part.stop()
        self.service.validations.close()
        if self.rpc_server is not None:
            self.rpc_server.stop()
        self.service.engine.close()
        self.service.database.close()
        self.audit.close()


def prepare(settings: Settings, local: LocalEngine | None) -> Running:
    """A server that listens, ready to run; ``local`` is the engine of this process, None for one elsewhere.

    Raises UndercloudError for a configuration, database, key, file of users or certificate that cannot be
    used.
    """
    options = settings.api
    limits = Limits(options.rate_limit, options.login_limit, min(options.event_streams, options.threads - 1))
    authentication = choose(settings, limits)
    document = Document()
    access = Access(document.operations.values(), options.policy_file)
    database = open_database(
        settings.database.connection,
        settings.paths.database,
        settings.paths.key_file,
        settings.database.busy_timeout,
    )
    transport = rpc.open_transport(settings)
    rpc_server = rpc.Server(settings, transport, local, socket.gethostname()) if local else None
    engine = rpc.RpcEngine(settings, database, transport, local.leave if local else transport.cleanup)
    answering = None if local else Answering(settings, database, transport)
    service = _service(settings, database, engine, document, limits, answering=answering)
    audit = Audit(settings.paths.state_dir / "log" / "audit.log")
    server = _server(settings, make_app(service, access, authentication, audit))
    beside = background.beside(local, settings.deployment.heartbeat) if local else ()
    for part in (*((rpc_server,) if rpc_server else ()), *beside):
        part.start()
    return Running(server, service, audit, rpc_server, beside)


def _service(
    settings: Settings,
    database: Database,
    engine: WholeEngine,
    document: Document,
    limits: Limits,
    *,
    answering: Answering | None,
) -> Service:
    return Service(
        settings=settings,
        database=database,
        engine=engine,
        document=document,
        library=Library(database),
        answers=Answers(database),
        validations=Validations(database, engine),
        metrics=Metrics(),
        limits=limits,
        machines=Recent(_PAGED),
        answering=answering,
    )


def _server(settings: Settings, application: Any) -> Server:
    options = settings.api
    bind = options.unix_socket or (options.host, options.port)
    server = Server(bind, application, options.threads)
    server.max_request_body_size = archive.Limits(options.upload_limit << 20).unpacked
    if not options.unix_socket:
        server.ssl_adapter = _tls(settings)
    try:
        if options.unix_socket:
            _listen_privately(Path(options.unix_socket), server)
        else:
            server.prepare()
    except OSError as error:
        raise UndercloudError.of(
            "API-026",
            f"nothing can listen on {bind}: {error.strerror or error}",
            fix="Choose another with [api] host and port, or end what listens there.",
        ) from error
    return server


def _listen_privately(path: Path, server: Server) -> None:
    """The directory lets in nobody else, so that the socket is private from its first moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o077:
        raise UndercloudError.of(
            "API-027",
            f"the directory {path.parent} is open to others, and so would be the socket in it",
            fix="Choose a path in a directory of mode 0700.",
        )
    server.prepare()
    path.chmod(0o600)


def _tls(settings: Settings) -> Adapter:
    options = settings.api
    if options.certificate:
        certificate, key = options.certificate, options.key or options.certificate
    else:
        names = dict.fromkeys((*_LOCAL, socket.gethostname(), *_named(options.host), *options.names))
        own = tls.ensure(settings.paths.state_dir / "api" / "tls", list(names))
        certificate, key = str(own.certificate), str(own.key)
    try:
        return Adapter(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UndercloudError.of(
            "API-028",
            f"the certificate {certificate} or its key cannot be used: {error}",
            fix="Name both with [api] certificate and key, or leave them out for one of our own.",
        ) from error


def _named(host: str) -> tuple[str, ...]:
    return () if host in {"0.0.0.0", "::", ""} else (host,)  # noqa: S104 - compared, not bound to
