"""Connections: who says nothing holds up nobody, idle ones stay open, and only TLS is spoken."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
import requests

from tests.unit.api.conftest import Client


def place(client: Client) -> tuple[str, int]:
    host, _, port = client.running.address.removeprefix("https://").partition(":")
    return host, int(port)


@pytest.fixture
def silent(shared: Client) -> Iterator[list[socket.socket]]:
    """More clients that connect and say nothing than there are threads."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(place(shared), 10)) for _ in range(40)]


def test_clients_that_say_nothing_hold_up_nobody(shared: Client, silent: list[socket.socket]) -> None:
    assert len(silent) > shared.world.settings.api.threads
    began = time.monotonic()
    assert shared.ask("GET", "/v1/health").status_code == 200
    assert time.monotonic() - began < 9, "a handshake that never comes is waited for ten seconds"


def test_connections_stay_open_between_requests(shared: Client) -> None:
    context = ssl.create_default_context(cafile=shared.authority)
    opened = [http.client.HTTPSConnection(*place(shared), context=context, timeout=30) for _ in range(20)]
    for connection in opened * 2:
        connection.request("GET", "/v1/health")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("Connection")) == (200, None)
    kept = [connection.sock for connection in opened]
    assert all(kept), "the server closed none"
    for connection in opened:
        connection.close()


def test_a_request_without_tls_is_told_so(shared: Client) -> None:
    answer = requests.get(shared.running.address.replace("https:", "http:"), timeout=30)
    assert (answer.status_code, answer.text) == (400, "This port speaks only HTTPS.\n")


def test_old_tls_and_rubbish_are_cut_off(shared: Client) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(place(shared), 10) as plain,
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
    ):
        context.wrap_socket(plain)
    with socket.create_connection(place(shared), 10) as plain:
        plain.sendall(b"\x00rubbish\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while plain.recv(4096):
                pass
    assert shared.ask("GET", "/v1/health").status_code == 200
