"""Serving a registry: its configuration, and Debian's docker-registry itself where it is installed."""

from __future__ import annotations

import dataclasses
import shutil
import socket
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from undercloud.diagnostics import UndercloudError
from undercloud.images import registry, served, tls
from undercloud.images.registry import RegistrySettings, Server
from undercloud.images.remote import Registry


@pytest.fixture
def safe(tmp_path: Path) -> RegistrySettings:
    certificates = tls.ensure(tmp_path / "tls", ["127.0.0.1"])
    htpasswd = tmp_path / "htpasswd"
    htpasswd.write_text(registry.htpasswd_line("me", "geheim"))
    return RegistrySettings(
        tmp_path / "registry",
        port=free_port(),
        certificate=certificates.certificate,
        key=certificates.key,
        htpasswd=htpasswd,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parsed(settings: RegistrySettings) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(registry.configuration(settings))
    return found


def test_configuration(safe: RegistrySettings) -> None:
    found = parsed(safe)

    assert found["http"]["addr"] == f"127.0.0.1:{safe.port}"
    assert found["http"]["tls"] == {
        "certificate": str(safe.certificate),
        "key": str(safe.key),
        "minimumtls": "tls1.2",
    }
    assert found["auth"]["htpasswd"]["path"] == str(safe.htpasswd)
    assert found["storage"]["filesystem"]["rootdirectory"] == str(safe.storage / "data")


def test_loopback_may_go_without_tls(tmp_path: Path) -> None:
    for address in ("127.0.0.1", "::1", "localhost"):
        found = parsed(RegistrySettings(tmp_path, address))
        assert "tls" not in found["http"]
        assert "auth" not in found
    assert parsed(RegistrySettings(tmp_path, "::1"))["http"]["addr"] == "[::1]:8787"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"certificate": None}, "belong together"),
        ({"certificate": None, "key": None}, "a certificate is needed"),
        ({"htpasswd": None}, "a password file is needed"),
        ({"htpasswd": Path("/nowhere/htpasswd")}, "/nowhere/htpasswd is not there"),
    ],
)
def test_outside_it_is_safe_or_not_at_all(safe: RegistrySettings, change: dict[str, Any], said: str) -> None:
    open_to_all = dataclasses.replace(safe, address="192.168.24.1")
    registry.configuration(open_to_all)

    with pytest.raises(UndercloudError, match="IMG-025") as caught:
        registry.configuration(dataclasses.replace(open_to_all, **change))
    assert said in str(caught.value)


def test_unless_it_is_said_to_be_insecure(tmp_path: Path) -> None:
    settings = RegistrySettings(tmp_path, "192.168.24.1", insecure=True)

    assert "tls" not in parsed(settings)["http"]


def test_a_renewed_certificate_is_a_changed_configuration(safe: RegistrySettings, tmp_path: Path) -> None:
    before = registry.configuration(safe)

    tls.ensure(tmp_path / "tls", ["127.0.0.1", "other.example.org"])

    assert registry.configuration(safe) != before


def test_htpasswd_is_bcrypt() -> None:
    name, _, hashed = registry.htpasswd_line("me", "geheim").strip().partition(":")

    assert name == "me"
    assert bcrypt.checkpw(b"geheim", hashed.encode())


def test_the_password_is_made_once_and_moves_with_the_registry(tmp_path: Path) -> None:
    first = served.ensure(tmp_path / "r")
    again = served.ensure(tmp_path / "r")
    moved = served.ensure(tmp_path / "r", "192.168.24.1", 5000, ["undercloud.example.org"])

    assert first == again
    assert served.load(tmp_path / "r") == moved.client
    assert served.settings_of(tmp_path / "r") == moved.settings
    assert moved.client.endpoint == "192.168.24.1:5000"
    assert moved.client.password == first.client.password
    assert len(first.client.password) >= 32
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "r").rglob("*") if path.is_file()} == {0o600}
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o700
    registry.configuration(moved.settings)


def test_nothing_was_set_up(tmp_path: Path) -> None:
    assert served.load(tmp_path) is None
    assert served.settings_of(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"endpoint": "a:1"}'])
def test_a_spoilt_client_file_is_told_not_replaced(tmp_path: Path, text: str) -> None:
    served.ensure(tmp_path)
    (tmp_path / "client.json").write_text(text)

    with pytest.raises(UndercloudError, match="IMG-034"):
        served.ensure(tmp_path)
    assert (tmp_path / "client.json").read_text() == text


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "undercloud", ""])
def test_an_address_that_clients_cannot_use(tmp_path: Path, address: str) -> None:
    with pytest.raises(UndercloudError, match="IMG-025"):
        served.ensure(tmp_path / "r", address)
    assert not (tmp_path / "r").exists()


def test_without_the_program(safe: RegistrySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(UndercloudError, match="IMG-011"):
        Server(safe).start()


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed")
class TestServer:
    """The real program, without images."""

    def test_it_serves_with_tls_and_password_until_it_is_stopped(self, tmp_path: Path) -> None:
        made = served.ensure(tmp_path / "r", port=free_port())
        server = Server(made.settings)

        with server.running():
            made.client.check()
            assert made.client.repositories() == ()
            pid = server.pid()
            server.start()
            assert server.pid() == pid
            # another command finds it again
            assert Server(made.settings).pid() == pid
            with pytest.raises(UndercloudError, match="IMG-021"):
                dataclasses.replace(made.client, password="x").check()

        assert server.pid() is None
        with pytest.raises(UndercloudError, match="IMG-020"):
            made.client.check()

    def test_a_changed_configuration_is_served_anew(self, tmp_path: Path) -> None:
        first = served.ensure(tmp_path / "r", port=free_port())
        Server(first.settings).start()
        moved = served.ensure(tmp_path / "r", port=free_port())

        with Server(moved.settings).running():
            moved.client.check()
            with pytest.raises(UndercloudError, match="Connection refused"):
                first.client.check()

    def test_a_port_in_use_is_told(self, safe: RegistrySettings) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", safe.port))
            other.listen()
            with pytest.raises(UndercloudError, match="another program serves"):
                Server(safe).start()

        assert Server(safe).pid() is None

    def test_an_address_of_another_machine_is_told(self, safe: RegistrySettings) -> None:
        with pytest.raises(UndercloudError, match="cannot assign requested address"):
            Server(dataclasses.replace(safe, address="192.0.2.1")).start()

    def test_a_pid_that_was_given_to_another_is_left_alone(self, safe: RegistrySettings) -> None:
        safe.storage.mkdir()
        (safe.storage / "registry.pid").write_text("1\n")

        assert Server(safe).pid() is None
        Server(safe).stop()
        assert Path("/proc/1").exists()

    def test_variables_do_not_override_the_file(
        self, safe: RegistrySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REGISTRY_HTTP_ADDR", f"127.0.0.1:{free_port()}")

        with Server(safe).running(), pytest.raises(UndercloudError, match="asks for a user name"):
            Registry(safe.endpoint, tmp_path / "tls/ca.crt").check()
