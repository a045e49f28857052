"""The registry's HTTP API, spoken to a server of our own over real TLS."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.images import tls
from undercloud.images.remote import Registry

REPOSITORIES = [f"undercloud/image-{number:04}" for number in range(2500)]
ANSWERS = {
    "/v2/": {},
    "/v2/undercloud/keystone/tags/list": {"name": "undercloud/keystone", "tags": ["b", "a"]},
    "/v2/undercloud/empty/tags/list": {"name": "undercloud/empty", "tags": None},
    "/v2/undercloud/keystone/manifests/a": {},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if self.headers["Authorization"] != "Basic " + base64.b64encode(b"me:geheim").decode():
            self.answer(401, {"errors": []})
        elif path == "/v2/_catalog":
            self.answer(200, self.catalogue(dict(part.split("=") for part in query.split("&"))))
        elif path == "/v2/broken/tags/list":
            self.answer(500, {"errors": []})
        elif path == "/v2/odd/tags/list":
            self.answer(200, ["no", "object"])
        elif path in ANSWERS:
            self.answer(200, ANSWERS[path])
        else:
            self.answer(404, {"errors": []})

    do_HEAD = do_GET  # noqa: N815

    @staticmethod
    def catalogue(query: dict[str, str]) -> dict[str, list[str]]:
        assert int(query["n"]) <= 1000, "docker-registry refuses more"
        last = query.get("last", "").replace("%2F", "/")
        rest = [name for name in REPOSITORIES if name > last]
        return {"repositories": rest[: int(query["n"])]}

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, tls.Certificates]]:
    certificates = tls.ensure(tmp_path_factory.mktemp("tls"), ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", certificates
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def registry(served: tuple[str, tls.Certificates]) -> Registry:
    return Registry(served[0], served[1].authority, username="me", password="geheim")


def test_what_is_there(registry: Registry) -> None:
    registry.check()
    assert registry.tags("undercloud/keystone") == ("a", "b")
    assert registry.tags("undercloud/empty") == ()
    assert registry.tags("undercloud/nothing") == ()
    assert registry.has("undercloud/keystone", "a")
    assert not registry.has("undercloud/keystone", "c")


def test_the_catalogue_is_read_page_by_page(registry: Registry) -> None:
    assert list(registry.repositories()) == REPOSITORIES


def test_refusals_are_told_apart(served: tuple[str, tls.Certificates], registry: Registry) -> None:
    endpoint, certificates = served
    cases = {
        Registry(endpoint, certificates.authority, username="me", password="wrong"): ("IMG-021", "user 'me'"),
        Registry(endpoint, certificates.authority): ("IMG-021", "asks for a user name"),
        Registry(endpoint, username="me", password="geheim"): ("IMG-020", "CERTIFICATE_VERIFY_FAILED"),
        Registry(endpoint.replace("127.0.0.1", "localhost"), certificates.authority): (
            "IMG-020",
            "localhost",
        ),
        Registry("127.0.0.1:1", certificates.authority): ("IMG-020", "Connection refused"),
        Registry(endpoint, certificates.key): ("IMG-020", "certificate authority"),
    }
    for client, (code, said) in cases.items():
        with pytest.raises(UndercloudError) as caught:
            client.check()
        assert caught.value.findings[0].code == code
        assert said in caught.value.findings[0].message
        assert "geheim" not in str(caught.value)


def test_what_is_no_registry_is_told(registry: Registry) -> None:
    for name in ("broken", "odd"):
        with pytest.raises(UndercloudError, match="IMG-022"):
            registry.tags(name)


def test_the_password_is_not_shown_but_in_the_auth_file(registry: Registry) -> None:
    assert "geheim" not in repr(registry)
    auth = json.loads(registry.auth_file())["auths"][registry.endpoint]["auth"]
    assert base64.b64decode(auth) == b"me:geheim"
    assert json.loads(Registry("a:1").auth_file()) == {"auths": {}}
