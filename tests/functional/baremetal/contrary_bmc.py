"""A BMC that misbehaves: something in between that answers late, wrongly or not at all, or forgets to act."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator

import requests

_PASSED = ("Authorization", "Content-Type", "If-Match", "X-Auth-Token")
_RETURNED = ("Content-Type", "ETag", "Location", "X-Auth-Token", "WWW-Authenticate")
_RESET = "/Actions/ComputerSystem.Reset"


class Contrary:
    """How it behaves: seconds of ``delay``; ``mood`` is none, broken, babbling, silent or lazy.

    Broken answers 500, babbling no JSON, silent hangs up; lazy says yes to a change of the power and does
    nothing. ``asked`` counts requests.
    """

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.delay = 0.0
        self.mood = ""
        self.asked = 0


def _handler(bmc: Contrary) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            bmc.asked += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(bmc.delay)
            if bmc.mood == "silent":
                self.close_connection = True
            elif bmc.mood == "broken":
                self._answer(500, b'{"error": {"code": "Base.1.0.GeneralError", "message": "it burns"}}')
            elif bmc.mood == "babbling":
                self._answer(200, b"<html>Please upgrade your browser</html>")
            elif bmc.mood == "lazy" and self.path.endswith(_RESET):
                self._answer(204)
            else:
                self._forward(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - as its parent wants them

        def _forward(self, body: bytes) -> None:
            passed = {name: self.headers[name] for name in _PASSED if name in self.headers}
            answer = requests.request(
                self.command, bmc.behind + self.path, data=body, headers=passed, timeout=60
            )
            returned = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
            self._answer(answer.status_code, answer.content, returned)

        def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {"Content-Type": "application/json"}).items():
                self.send_header(name, value)
            if status != http.HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != http.HTTPStatus.NO_CONTENT:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def contrary(behind: str) -> Iterator[tuple[Contrary, str]]:
    """Such a BMC in front of another one, and its address."""
    bmc = Contrary(behind)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(bmc))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield bmc, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
