"""A BMC that speaks just enough Redfish to be found, and lets one user in."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "root", "calvin and hobbes"
_SYSTEM = "/redfish/v1/Systems/1"
_TOLD = {
    "/redfish/v1/": {"RedfishVersion": "1.6.0"},
    "/redfish/v1/Systems": {"Members": [{"@odata.id": _SYSTEM}]},
    _SYSTEM: {"Name": "rack 1", "EthernetInterfaces": {"@odata.id": f"{_SYSTEM}/cards"}},
    f"{_SYSTEM}/cards": {"Members": [{"@odata.id": f"{_SYSTEM}/cards/1"}]},
    f"{_SYSTEM}/cards/1": {"MACAddress": "52:54:00:00:00:07"},
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        let_in = self.path == "/redfish/v1/" or self.headers.get("Authorization") == f"Basic {login}"
        status = 401 if not let_in else 200 if self.path in _TOLD else 404
        self.send_response(status)
        self.end_headers()
        if status == 200:
            self.wfile.write(json.dumps(_TOLD[self.path]).encode())

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
