"""HTTP over TLS on cheroot: hands are shaken step by step, as the client's words come in.

cheroot's own adapter shakes hands in the one thread that accepts and hands out connections: a client that
opens one and says nothing would keep everybody waiting for as long as it is given. Here a connection takes a
thread only while there is something to read, and waits where idle ones do for the rest of its handshake.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl.builtin import BuiltinSSLAdapter

from undercloud.api import problems
from undercloud.diagnostics import UndercloudError

_SAID = b"This port speaks only HTTPS.\n"
_NOT_TLS = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(_SAID),
    _SAID,
)
_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
)
_LOG = logging.getLogger(__name__)
_SHUTDOWN = 5  # seconds that requests have to end
_IDLE = 256  # connections kept open between two requests; cheroot's 10 make a busy client shake hands anew


class Adapter(BuiltinSSLAdapter):
    """TLS 1.2 or newer."""

    def __init__(self, certificate: str, key: str) -> None:
        super().__init__(certificate, key)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap(self, sock: Any) -> tuple[Any, dict[str, str]]:
        """The socket with TLS that is still to be agreed on, and what a request is told of it."""
        wrapped = self.context.wrap_socket(sock, do_handshake_on_connect=False, server_side=True)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class _Request(HTTPRequest):
    """Tells of a body that is too long as the application tells of what is wrong with a request."""

    def simple_response(self, status: str, msg: str = "") -> None:
        """What is refused before the application sees it."""
        if not status.startswith("413"):
            super().simple_response(status, msg)
            return
        self.close_connection = True
        most = self.server.max_request_body_size
        _, body = problems.problem(
            UndercloudError.of("API-009", "the body is too large", fix=f"Send at most {most} bytes.")
        )
        self.conn.wfile.write(_TOO_LARGE % (problems.CONTENT_TYPE.encode(), len(body), body))


class _Connection(HTTPConnection):
    """Shakes hands before its first request; whoever does not in time, or speaks no TLS, is cut off."""

    RequestHandlerClass = _Request
    _agreed = False

    def __init__(self, server: Server, *words: Any) -> None:
        super().__init__(server, *words)
        self._until = time.monotonic() + server.timeout

    def communicate(self) -> bool:
        if not self._agreed and isinstance(self.socket, ssl.SSLSocket):
            try:
                self._agreed = self._agree(self.socket)
            except OSError as error:
                _LOG.info("%s did not agree on TLS: %s", self.remote_addr, error)
                if getattr(error, "reason", "") == "HTTP_REQUEST":
                    socket.socket.sendall(self.socket, _NOT_TLS)  # as it came: without TLS
                return False
            if not self.socket.pending():
                return True
        return bool(super().communicate())  # type: ignore[no-untyped-call]

    def _agree(self, tls: ssl.SSLSocket) -> bool:
        """Go on with the handshake as far as the client came; whether that was all of it. Raises OSError."""
        if time.monotonic() > self._until:
            raise TimeoutError("it took too long")
        tls.settimeout(0)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            tls.settimeout(self.server.timeout)
        return True


class Server(wsgi.Server):
    """Answers on threads."""

    ConnectionClass = _Connection
    keep_alive_conn_limit = _IDLE

    def __init__(self, bind: tuple[str, int] | str, application: Any, threads: int) -> None:
        super().__init__(
            bind, application, numthreads=threads, server_name="undercloud", shutdown_timeout=_SHUTDOWN
        )

    def process_conn(self, conn: _Connection) -> None:
        """A new connection waits for its first byte where idle ones do, not in a thread."""
        if conn.last_used is None:
            self.put_conn(conn)
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """To our log; cheroot's own is standard error, with a traceback for each client that hangs up."""
        _LOG.log(level, "%s", msg, exc_info=traceback and level >= logging.ERROR)
