"""HTTP over TLS on cheroot: hands are shaken step by step, as the client's words come in.

cheroot's own adapter shakes hands in the one thread that accepts and hands out connections: a client that
opens one and says nothing would keep everybody waiting for as long as it is given. Here a connection takes a
thread only while there is something to read, and waits where idle ones do for the rest of its handshake.

cheroot waits some seconds for each byte, and reads what is left of a body into memory before it answers. Here
a whole request has so many seconds, and more only as fast as it comes; what nobody read is thrown away.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from typing import Any

from cheroot import makefile, wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl.builtin import BuiltinSSLAdapter

from undercloud.api import bodies, problems

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
_HEADERS = 64 << 10  # bytes of a request's first line and headers
_RATE = 16 << 10  # bytes a second: a client that sends as fast as this may take longer than ``timeout``
_PIECE = 64 << 10  # bytes that are thrown away at once
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
        if status.startswith("413") and msg.startswith("The headers"):
            status = "431 Request Header Fields Too Large"
        if not status.startswith("413"):
            super().simple_response(status, msg)
            return
        self.close_connection = True
        most = self.server.max_request_body_size
        _, body = problems.problem(bodies.too_large(most))
        self.conn.wfile.write(_TOO_LARGE % (problems.CONTENT_TYPE.encode(), len(body), body))

    def send_headers(self) -> None:
        """What is left of a body goes first, else the next request would begin with it."""
        if not self.close_connection:
            self.close_connection = not self._emptied()
        super().send_headers()

    def _emptied(self) -> bool:
        """Throw away what nobody read; whether that was all. Chunks are not: they may be of any size.

        It takes ``timeout`` at most, however fast it comes: who was refused has no right to a thread.
        """
        if self.chunked_read:
            return bool(self.rfile.closed)
        until = time.monotonic() + self.server.timeout
        try:
            while self.rfile.remaining and time.monotonic() < until and self.rfile.read(_PIECE):
                pass
        except OSError:
            return False
        return not self.rfile.remaining


class _Reads(socket.SocketIO):
    """Reads from a client that may make us wait so long for a request, and longer the more it sends."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, "r")
        self._patience = self._waited = 0.0
        self._came = 0

    def begin(self, patience: float) -> None:
        """A request begins."""
        self._patience, self._waited, self._came = patience, 0.0, 0

    def readinto(self, buffer: Any) -> int | None:
        if self._waited > self._patience + self._came / _RATE:
            raise TimeoutError("timed out")  # as cheroot knows it
        began = time.monotonic()
        try:
            count = super().readinto(buffer)
        finally:
            self._waited += time.monotonic() - began
        self._came += count or 0
        return count


class _Reader(makefile.StreamReader):
    """cheroot's, over such reads."""

    def __init__(self, reads: _Reads) -> None:
        super(makefile.StreamReader, self).__init__(reads)
        self.bytes_read = 0


class _Connection(HTTPConnection):
    """Shakes hands before its first request; whoever does not in time, or speaks no TLS, is cut off."""

    RequestHandlerClass = _Request
    _agreed = False

    def __init__(self, server: Server, *words: Any) -> None:
        super().__init__(server, *words)
        self._until = time.monotonic() + server.timeout
        self._reads = _Reads(self.socket)
        self.rfile = _Reader(self._reads)

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
        self._reads.begin(self.server.timeout)
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
    max_request_header_size = _HEADERS

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
