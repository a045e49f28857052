"""Who gets in, what they may, how often; and what is written down of it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from keystonemiddleware import auth_token

from tests.unit.api.conftest import PASSWORD, Client, Serve
from undercloud.api import audit as audit_log
from undercloud.api import server, users
from undercloud.api.access import ADMIN, MEMBER, READER, Access, Principal
from undercloud.api.authentication import Keystone, choose
from undercloud.api.document import Document
from undercloud.api.limiting import Limits
from undercloud.conf import load
from undercloud.diagnostics import UndercloudError

NOBODY = {"auth": None}
DOMAIN = {"id": "default", "name": "Default"}
TOKEN = {
    "token": {
        "methods": ["password"],
        "user": {"id": "1", "name": "anna", "domain": DOMAIN},
        "project": {"id": "2", "name": "operations", "domain": DOMAIN},
        "roles": [{"id": "3", "name": "reader"}],
        "catalog": [],
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2126-01-01T00:00:00.000000Z",
    }
}
"""As Keystone tells of a token that is right."""
UPLOAD: dict[str, Any] = {"data": b"x", "headers": {"Content-Type": "application/x-tar"}}


def audit(client: Client) -> list[dict[str, Any]]:
    file = client.world.settings.paths.state_dir / "log" / "audit.log"
    assert file.stat().st_mode & 0o777 == 0o600
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_operation_has_a_role_and_is_closed_to_those_below(shared: Client) -> None:
    ranks = {"public": 0, READER: 1, MEMBER: 2, ADMIN: 3}
    fill = {
        "plan": "p",
        "stack": "s",
        "version": "1",
        "deployment": "0" * 32,
        "validation": "0" * 32,
        "address": "a",
        "node": "n",
    }
    document = shared.running.service.document
    for path, item in document.content["paths"].items():
        for method in {"get", "post", "put", "patch", "delete"} & set(item):
            operation = document.operations[item[method]["operationId"]]
            url = path.format(**fill)
            for name, rank in {"": 0, "reader": 1, "member": 2, "admin": 3}.items():
                if rank >= ranks[operation.role] and operation.name != "getHealth":
                    continue
                if rank >= ranks[operation.role]:
                    assert shared.ask(method, url, **NOBODY).status_code == 200
                    continue
                asked = shared.as_user(name) if name else shared
                answer = asked.ask(method, url, **(NOBODY if not name else {}))
                assert answer.status_code == (403 if name else 401), (operation.name, name, answer.text)
                assert ("WWW-Authenticate" in answer.headers) == (not name)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Bearer x",
        "Basic " + "A" * 5000,
    ],
)
def test_a_header_that_says_nothing(shared: Client, header: str) -> None:
    answer = shared.ask("GET", "/v1/plans", headers={"Authorization": header}, auth=lambda request: request)
    assert answer.status_code == 401


def test_wrong_passwords_are_counted(serve: Serve) -> None:
    client = serve({"login_limit": "3/minute"})
    for _ in range(3):
        assert client.codes("GET", "/v1/plans", 401, auth=("admin", "wrong")) == ["API-005"]
    answer = client.ask("GET", "/v1/plans", auth=("admin", "wrong"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert [entry["status"] for entry in audit(client)] == [401, 401, 401, 429]
    assert "wrong" not in json.dumps(audit(client))


def test_requests_are_counted_by_user(serve: Serve) -> None:
    client = serve({"rate_limit": "5/hour"})
    statuses = [client.ask("GET", "/v1/plans").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert client.as_user("reader").ask("GET", "/v1/plans").status_code == 200


def test_the_audit_log_says_who_did_what(client: Client) -> None:
    client.upload()
    client.get("/v1/plans")
    client.as_user("reader").ask("POST", "/v1/plans/overcloud/versions", **UPLOAD)
    client.ask("DELETE", "/v1/plans/overcloud?x=secret")
    told = [(e["who"], e["operation"], e["status"], e.get("code")) for e in audit(client)]
    assert told == [
        ("admin", "uploadVersion", 201, None),
        ("reader", "uploadVersion", 403, "API-006"),
        ("admin", "deletePlan", 400, "API-001"),
    ]
    assert "secret" not in json.dumps(audit(client))


def test_reading_what_holds_passwords_is_written_down(client: Client) -> None:
    client.upload()
    reads = {
        "/v1/plans/overcloud/versions/1/files": None,
        "/v1/plans/overcloud/versions/1/file?path=site.yaml": "getFile",
        "/v1/plans/overcloud/versions/1/archive": "getArchive",
    }
    for path in reads:
        assert client.ask("GET", path).status_code == 200, path
    told = [entry["operation"] for entry in audit(client)]
    assert told == ["uploadVersion", *filter(None, reads.values())]


def test_the_audit_log_makes_way_for_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_SIZE", 1000)
    monkeypatch.setattr(audit_log, "_OLDER", 2)
    kept = audit_log.Audit(tmp_path / "log" / "audit.log")
    for number in range(50):
        kept.record(who="", address="", method="GET", path=f"/{number}", operation="", status=401)
    kept.close()
    files = sorted((tmp_path / "log").iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size <= 1000 for file in files)
    assert '"path": "/49"' in files[0].read_text().splitlines()[-1]


def test_the_usual_limit_allows_the_reads_that_are_promised(tmp_path: Path) -> None:
    options = load(state_dir=str(tmp_path), config_file="", environment={}).api
    promised = 1_000 * 60
    limits = Limits(options.rate_limit, options.login_limit, 1)
    for _ in range(promised):
        limits.request("anna")


def test_a_verified_password_is_remembered_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "users"
    users.put_user(file, "anna", PASSWORD, "member")
    now = [100.0]
    known = users.Users(file, 300, lambda: now[0])
    assert known.verify("anna", PASSWORD) == Principal("anna", ("member",))
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for _ in range(100):
        assert known.verify("anna", PASSWORD)
    assert checked == []
    assert known.verify("anna", PASSWORD + "x") is None
    assert known.verify("nobody", PASSWORD) is None
    assert len(checked) == 2, "a name that is unknown takes as long"
    now[0] += 301
    assert known.verify("anna", PASSWORD)
    assert len(checked) == 3
    users.put_user(file, "anna", "another password", "reader")
    assert known.verify("anna", PASSWORD) is None, "what was remembered went with the file"
    assert known.verify("anna", "another password") == Principal("anna", ("reader",))
    assert PASSWORD not in file.read_text()


@pytest.mark.parametrize(
    ("lines", "mode", "code"),
    [
        (None, 0o600, "API-020"),
        ("", 0o644, "API-021"),
        ("anna:plaintext:admin\n", 0o600, "API-022"),
        ("anna:$2b$12$" + "a" * 53 + ":root\n", 0o600, "API-022"),
    ],
)
def test_a_file_of_users_that_cannot_be_trusted(
    tmp_path: Path, lines: str | None, mode: int, code: str
) -> None:
    file = tmp_path / "users"
    if lines is not None:
        file.write_text(lines)
        file.chmod(mode)
    with pytest.raises(UndercloudError) as caught:
        users.Users(file, 300)
    assert caught.value.findings[0].code == code


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [("a:b", PASSWORD, "admin"), ("a", "short", "admin"), ("a", "x" * 73, "admin"), ("a", PASSWORD, "root")],
)
def test_a_user_that_cannot_be(tmp_path: Path, name: str, password: str, role: str) -> None:
    with pytest.raises(UndercloudError) as caught:
        users.put_user(tmp_path / "users", name, password, role)
    assert caught.value.findings[0].code == "API-023"
    assert not (tmp_path / "users").exists()


def test_an_operators_rules_win(tmp_path: Path) -> None:
    document = Document()
    (tmp_path / "policy.yaml").write_text('"undercloud:deletePlan": "role:owner"\n')
    access = Access(document.operations.values(), str(tmp_path / "policy.yaml"))
    operation = document.operations["deletePlan"]
    access.require(operation, Principal("x", ("owner",)))
    with pytest.raises(UndercloudError) as caught:
        access.require(operation, Principal("x", ("admin",)))
    assert caught.value.findings[0].code == "API-006"
    access.require(document.operations["listPlans"], Principal("x", ("admin",)))


class _Local(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def test_without_authentication_only_through_a_private_socket(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    client = serve({"auth": "none", "unix_socket": path})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert client.running.address == str(path)
    connection = _Local(str(path))
    connection.request("GET", "/v1/plans")
    assert json.loads(connection.getresponse().read()) == {"plans": []}


def test_no_authentication_on_a_port_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.conf"
    file.write_text("[api]\nauth = none\n")
    settings = load(state_dir=str(tmp_path), config_file=str(file), environment={})
    with pytest.raises(UndercloudError) as caught:
        choose(settings, Limits("1/minute", "1/minute", 1))
    assert caught.value.findings[0].code == "API-024"


def test_keystone_decides_and_a_client_cannot_claim_it_did(tmp_path: Path) -> None:
    settings = load(state_dir=str(tmp_path), environment={})
    keystone = Keystone(settings, Limits("9/minute", "2/hour", 1))
    confirmed = {
        "HTTP_X_IDENTITY_STATUS": "Confirmed",
        "HTTP_X_ROLES": "reader, member",
        "HTTP_X_USER_NAME": "anna",
        "HTTP_X_PROJECT_NAME": "admin",
        "HTTP_X_PROJECT_DOMAIN_NAME": "Default",
    }
    found = keystone.who(confirmed)
    assert found is not None
    assert (found.name, found.roles) == ("anna", ("reader", "member"))
    assert keystone.who({}) is None
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return [b""]

    around = keystone.around(application)
    assert isinstance(around, auth_token.AuthProtocol)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_NAME": "x",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "https",
        **confirmed,
    }
    list(around(environ, lambda *_: None))
    assert keystone.who(seen[0]) is None, "the middleware took the client's own headers away"


@pytest.mark.parametrize(
    ("project", "domain", "counts"),
    [
        ("operations", "cloud", True),
        ("operations", "Default", False),
        ("admin", "Default", False),
        ("admin", "cloud", False),
        ("operations", None, False),
        (None, None, False),  # of a domain, of the whole system, or of nothing
    ],
)
def test_only_roles_in_the_configured_project_count(
    tmp_path: Path, project: str | None, domain: str | None, counts: bool
) -> None:
    file = tmp_path / "x.conf"
    file.write_text("[api]\nkeystone_project = operations\nkeystone_domain = cloud\n")
    settings = load(state_dir=str(tmp_path), config_file=str(file), environment={})
    keystone = Keystone(settings, Limits("9/minute", "2/hour", 1))
    environ = {
        "HTTP_X_IDENTITY_STATUS": "Confirmed",
        "HTTP_X_ROLES": "admin",
        "HTTP_X_USER_NAME": "anna",
        "HTTP_X_PROJECT_NAME": project,
        "HTTP_X_PROJECT_DOMAIN_NAME": domain,
    }
    found = keystone.who({name: value for name, value in environ.items() if value is not None})
    assert found is not None
    document = Document()
    access = Access(document.operations.values(), str(tmp_path / "policy.yaml"))
    if counts:
        access.require(document.operations["deletePlan"], found)
        return
    with pytest.raises(UndercloudError) as caught:
        access.require(document.operations["listPlans"], found)
    assert str(caught.value.findings[0].message) == (
        "anna may not do this: it takes the role reader in the project operations of the domain cloud"
    )


class _Asked:
    """Keystone's side of the middleware: what it was asked, and what it says."""

    def __init__(self, keystone: Keystone, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens: list[str] = []
        self.away = False
        self.good = "good"
        monkeypatch.setattr(auth_token.AuthProtocol, "fetch_token", self._fetch)
        self._keystone = keystone
        self._seen: dict[str, Any] = {}
        self._around = keystone.around(self._application)

    def _fetch(self, token: str, **_options: Any) -> Any:
        self.tokens.append(token)
        try:
            if self.away:
                raise auth_token.ksm_exceptions.ServiceError
        except auth_token.ksm_exceptions.ServiceError:
            raise auth_token.ksm_exceptions.InvalidToken from None
        if token != self.good:
            raise auth_token.ksm_exceptions.InvalidToken
        return TOKEN

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self._seen = environ
        start_response("200 OK", [])
        return [b""]

    def said(self, address: str, **headers: str) -> str:
        """The name of who asks, or the code of the error."""
        asked = {f"HTTP_X_{name.upper()}": value for name, value in headers.items()}
        place = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "1"}
        environ = {**place, "wsgi.url_scheme": "https", "REMOTE_ADDR": address, **asked}
        list(self._around(environ, lambda *_: None))
        try:
            found = self._keystone.who(self._seen)
        except UndercloudError as error:
            return error.findings[0].code
        return found.name if found else ""


def test_wrong_tokens_are_counted_before_keystone_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystone = Keystone(load(state_dir=str(tmp_path), environment={}), Limits("9/minute", "2/hour", 1))
    asked = _Asked(keystone, monkeypatch)
    here, elsewhere = "192.0.2.1", "192.0.2.2"
    assert asked.said(here, auth_token="good") == "anna"
    asked.away = True
    assert asked.said(here, auth_token="good") == "API-011", "which is nobody's fault"
    asked.away = False
    wrong = [
        asked.said(here, auth_token="guessed"),
        asked.said(here, storage_token="guessed"),
        asked.said(here, auth_token="guessed", identity_status="Confirmed", user_name="anna"),
    ]
    assert wrong == ["API-005", "API-005", "API-007"]
    assert asked.tokens == ["good", "good", "guessed", "guessed"]
    assert asked.said(here, auth_token="good") == "anna", "it need not suffer from a neighbour's"
    assert asked.said(elsewhere, auth_token="guessed") == "API-005"
    assert asked.said(here, service_token="guessed") == ""
    assert asked.tokens[4:] == ["good", "guessed"]
    asked.good = "another"
    revoked = [asked.said(here, auth_token="good") for _ in range(2)]
    assert revoked == ["API-005", "API-007"], "once it was taken back it is as any other"


def test_a_certificate_that_is_none(tmp_path: Path, user_lines: bytes) -> None:
    file = tmp_path / "x.conf"
    (tmp_path / "bad.pem").write_text("nonsense")
    file.write_text(f"[api]\nport = 0\nauth = keystone\ncertificate = {tmp_path}/bad.pem\n")
    settings = load(state_dir=str(tmp_path / "state"), config_file=str(file), environment={})
    with pytest.raises(UndercloudError) as caught:
        server.prepare(settings, None)
    assert caught.value.findings[0].code == "API-028"


def test_an_unknown_path_tells_nobody_anything(shared: Client) -> None:
    assert shared.codes("GET", "/v1/secret", 404, auth=None) == ["API-003"]
    answer = shared.ask("PUT", "/v1/plans")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    began = time.monotonic()
    assert shared.ask("GET", "/v1/%ff%fe").status_code == 400
    assert time.monotonic() - began < 10


def test_a_changed_rule_holds_after_a_second(tmp_path: Path) -> None:
    document, now = Document(), [100.0]
    file = tmp_path / "policy.yaml"
    file.write_text("{}\n")
    access = Access(document.operations.values(), str(file), lambda: now[0])
    operation, anna = document.operations["getDeployment"], Principal("anna", ("reader",))
    access.require(operation, anna)
    file.write_text('"undercloud:getDeployment": "role:member"\n')
    os.utime(file, (0, 2_000_000_000))
    now[0] += 1.1
    with pytest.raises(UndercloudError):
        access.require(operation, anna)
    access.require(operation, Principal("anna", ("member",)))
    with pytest.raises(UndercloudError):
        access.require(operation, anna)
