"""Ironic's environment, database and health, with pip and its programs replaced."""

from __future__ import annotations

import contextlib
import http.server
import json
import sqlite3
import ssl
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from undercloud.baremetal.service import environment
from undercloud.baremetal.service.ironic import IronicService
from undercloud.baremetal.service.settings import IronicSettings
from undercloud.diagnostics import UndercloudError
from undercloud.images import tls

DBSYNC = """\
#!/bin/sh
echo "$OS_DATABASE__CONNECTION $3" >>{calls}
[ ! -e {fails} ] || {{ echo "no such host" >&2; exit 1; }}
touch "${{OS_DATABASE__CONNECTION#sqlite:///}}"
"""


@pytest.fixture
def settings(tmp_path: Path, unused_port: int) -> IronicSettings:
    made = tls.ensure(tmp_path / "tls", ["127.0.0.1"], server="ironic")
    directory = tmp_path / "ironic"
    pem = (made.certificate, made.key, made.authority)
    return IronicSettings(directory, tmp_path / "files", "127.0.0.1", *pem, port=unused_port)


@pytest.fixture
def unused_port() -> int:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])


@pytest.fixture
def service(settings: IronicSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IronicService:
    """With an environment that holds a replaced ironic-dbsync."""

    def install(venv: Path, _wanted: tuple[str, ...], _say: object) -> bool:
        program = venv / "bin/ironic-dbsync"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(DBSYNC.format(calls=tmp_path / "calls", fails=tmp_path / "fails"))
        program.chmod(0o755)
        return True

    monkeypatch.setattr(environment, "ensure", install)
    return IronicService(settings, "a long secret")


def test_a_database_is_made_whole_and_then_upgraded(service: IronicService, tmp_path: Path) -> None:
    service.prepare()
    service.prepare()
    directory = service.settings.directory
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"sqlite:///{directory}/ironic.sqlite.new create_schema",
        f"sqlite:///{directory}/ironic.sqlite upgrade",
    ]
    with contextlib.closing(sqlite3.connect(service.settings.sqlite)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_database_that_was_begun_only_is_not_taken_for_one(service: IronicService, tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    with pytest.raises(UndercloudError, match=r"INST-071(.|\n)*no such host"):
        service.prepare()
    assert not service.settings.sqlite.exists()
    (tmp_path / "fails").unlink()
    service.prepare()
    assert service.settings.sqlite.exists()


def test_preparing_again_changes_no_file(service: IronicService) -> None:
    service.prepare()
    files = [path for path in service.settings.directory.iterdir() if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    service.prepare()
    changed = {path.name for path in files if path.stat().st_mtime_ns != before[path]}
    assert not changed - {"ironic.sqlite"}  # the replaced program touches it


def test_the_password_is_kept_from_others_and_its_hash_fits(service: IronicService) -> None:
    service.prepare()
    settings = service.settings
    client = json.loads(settings.client.read_text())
    assert client["endpoint"] == f"https://127.0.0.1:{settings.port}"
    name, _, hashed = settings.passwords.read_text().strip().partition(":")
    assert name == client["username"]
    assert bcrypt.checkpw(client["password"].encode(), hashed.encode())
    assert {stat.S_IMODE(path.stat().st_mode) for path in (settings.client, settings.passwords)} == {0o600}
    assert stat.S_IMODE(settings.directory.stat().st_mode) == 0o700


class Drivers(http.server.BaseHTTPRequestHandler):
    status = 200
    content: Any = {}
    asked: dict[str, str]

    def do_GET(self) -> None:
        type(self).asked = dict(self.headers)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(self.content).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def answers(settings: IronicSettings) -> Iterator[type[Drivers]]:
    """An API of which only the answer is Ironic's."""
    handler = type("Handler", (Drivers,), {})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate, settings.key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", settings.port), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


HEALTH: dict[str, tuple[int, Any, str]] = {
    "a conductor": (200, {"drivers": [{"name": "redfish", "hosts": ["undercloud"]}]}, ""),
    "no conductor": (200, {"drivers": []}, "no conductor drives machines"),
    "another password": (401, {}, "does not answer as it should"),
    "something else": (200, {"hello": "world"}, "does not answer as it should"),
}


@pytest.mark.parametrize(("status", "content", "expected"), HEALTH.values(), ids=HEALTH)
def test_health(
    answers: type[Drivers], settings: IronicSettings, status: int, content: Any, expected: str
) -> None:
    answers.status, answers.content = status, content
    said = IronicService(settings, "secret").healthy()
    assert said == "" if not expected else expected in said
    assert answers.asked["Authorization"].startswith("Basic ")


def test_nobody_answers(settings: IronicSettings) -> None:
    assert "does not answer" in IronicService(settings, "secret").healthy()


def test_an_environment_is_made_once_for_what_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / "venv"
    runs: list[list[str]] = []

    def run(command: list[str], _log: Path, _say: object) -> None:
        venv.mkdir(exist_ok=True)
        runs.append(command)

    monkeypatch.setattr(environment, "_run", run)
    assert environment.ensure(venv, ("ironic>=1",), print)
    assert not environment.ensure(venv, ("ironic>=1",), print)
    assert environment.ensure(venv, ("ironic>=2",), print)
    assert [command[1:3] for command in runs] == [["-m", "venv"], ["-m", "pip"]] * 2


def test_an_environment_that_others_share_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, venv = tmp_path / "shared", tmp_path / "venv"
    shared.mkdir()
    (shared / ".stamp").write_text("what others want")
    venv.symlink_to(shared)
    monkeypatch.setattr(environment, "_run", lambda *_: venv.mkdir(exist_ok=True))
    assert environment.ensure(venv, ("ironic>=2",), print)
    assert (shared / ".stamp").read_text() == "what others want"
    assert not venv.is_symlink()


def test_pip_that_fails_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no route to the index\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    for _ in range(2):
        with pytest.raises(
            UndercloudError, match=r"INST-070(.|\n)*exit status 3(.|\n)*no route to the index"
        ):
            environment.ensure(tmp_path / "venv", ("ironic",), print)


def test_it_is_told_how_pip_gets_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\necho Collecting ironic\nsleep 0.3\n[ $2 = pip ] || install -D $0 $4/bin/python\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(environment, "_HEARTBEAT", 0.1)
    said: list[str] = []
    assert environment.ensure(tmp_path / "venv", ("ironic",), said.append)
    assert "Collecting ironic" in said
