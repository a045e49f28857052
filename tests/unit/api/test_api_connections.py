"""Connections: who says nothing holds up nobody, idle ones stay open, and only TLS is spoken."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator

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


def hello(shared: Client, version: ssl.TLSVersion) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """A client's side of TLS in memory, with its first words in the second one of the buffers."""
    context = ssl.create_default_context(cafile=shared.authority)
    context.minimum_version = context.maximum_version = version
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(came, goes, server_hostname=place(shared)[0])
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, came, goes


def test_half_a_handshake_holds_up_nobody(shared: Client, silent: list[socket.socket]) -> None:
    _, _, goes = hello(shared, ssl.TLSVersion.TLSv1_3)
    half = goes.read(100)
    for client in silent:
        client.sendall(half)
    began = time.monotonic()
    assert shared.ask("GET", "/v1/health").status_code == 200
    assert time.monotonic() - began < 9, "no thread waits for the other half"
    silent[0].settimeout(40)
    with contextlib.suppress(ConnectionResetError):
        assert silent[0].recv(1) == b"", "it is cut off in the end"


def test_a_handshake_without_a_request_holds_up_nobody(shared: Client, silent: list[socket.socket]) -> None:
    context = ssl.create_default_context(cafile=shared.authority)
    with contextlib.ExitStack() as stack:
        for client in silent:
            stack.enter_context(context.wrap_socket(client, server_hostname=place(shared)[0]))
        began = time.monotonic()
        assert shared.ask("GET", "/v1/health").status_code == 200
        assert time.monotonic() - began < 9


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_handshake_that_comes_bit_by_bit(shared: Client, version: ssl.TLSVersion) -> None:
    tls, came, goes = hello(shared, version)
    with socket.create_connection(place(shared), 10) as plain:

        def say() -> None:
            words = goes.read()
            for first in range(0, len(words), 100):
                plain.sendall(words[first : first + 100])
                time.sleep(0.05)

        def until_done(step: Callable[[], object]) -> object:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    say()
                    came.write(plain.recv(65536))

        until_done(tls.do_handshake)
        tls.write(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = until_done(lambda: tls.read(65536))
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 200 ")


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
