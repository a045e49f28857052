"""Connections: who says nothing holds up nobody, idle ones stay open, and only TLS is spoken."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import select
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.unit.api.conftest import PASSWORD, Client


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


@contextlib.contextmanager
def speaking(client: Client) -> Iterator[ssl.SSLSocket]:
    """A connection on which anything can be said, and on which nothing comes that is no answer."""
    context = ssl.create_default_context(cafile=client.authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(place(client), 60) as plain,
        context.wrap_socket(plain, server_hostname=place(client)[0]) as tls,
    ):
        yield tls


def answered(tls: ssl.SSLSocket) -> tuple[int, bytes, bool]:
    """Status and body of an answer, and whether the connection stays."""
    answer = http.client.HTTPResponse(tls)
    answer.begin()
    return answer.status, answer.read(), not answer.will_close


def test_a_body_that_nobody_wants_is_thrown_away_piece_by_piece(shared: Client) -> None:
    head = "POST /v1/plans/overcloud/versions HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\n"
    length = 48 << 20
    with speaking(shared) as tls:
        tracemalloc.start()
        tls.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        piece = bytes(1 << 20)
        for _ in range(length >> 20):
            tls.sendall(piece)
        assert answered(tls)[::2] == (401, True)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < length / 3, "it never was in memory as a whole"
        tls.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answered(tls)[0] == 200, "the next request begins after it"


def test_a_body_that_nobody_wants_is_not_listened_to_for_long(client: Client) -> None:
    head = "POST /v1/plans/overcloud/versions HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\n"
    with speaking(client) as tls:
        client.running.server.timeout = 1
        tls.sendall(f"{head}Content-Length: {100 << 20}\r\n\r\n".encode())
        began = time.monotonic()
        while not select.select([tls], [], [], 0.1)[0]:
            tls.sendall(bytes(64 << 10))  # far faster than what is taken for a trickle
            assert time.monotonic() - began < 10
        assert answered(tls)[::2] == (401, False)


def test_chunks_that_nobody_wants_end_the_connection(shared: Client) -> None:
    head = b"POST /v1/deployments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    smuggled = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    with speaking(shared) as tls:
        tls.sendall(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(smuggled), smuggled))
        assert answered(tls)[::2] == (401, False)
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            assert tls.recv(1) == b"", "no second answer"


@pytest.mark.parametrize(
    ("framed", "status", "code"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nno number\r\n", 400, "API-002"),
        (b"Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", 413, "API-009"),
        (b"Content-Length: 99999999999\r\n\r\n", 413, "API-009"),
    ],
)
def test_a_body_with_a_wrong_frame_is_told_so(shared: Client, framed: bytes, status: int, code: str) -> None:
    login = base64.b64encode(f"admin:{PASSWORD}".encode())
    head = b"POST /v1/deployments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with speaking(shared) as tls:
        tls.sendall(head + b"Authorization: Basic " + login + b"\r\n" + framed)
        told, body, stays = answered(tls)
    assert (told, json.loads(body)["findings"][0]["code"], stays) == (status, code, False)


def test_headers_without_an_end_are_refused(shared: Client) -> None:
    with speaking(shared) as tls:
        tls.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n" + b"X-More: and more\r\n" * 4000)
        assert answered(tls)[0] == 431


def trickle(tls: ssl.SSLSocket, words: bytes) -> float:
    """Say a letter at a time until it is answered or all is said; the seconds that took."""
    began = time.monotonic()
    for letter in words:
        if select.select([tls], [], [], 0.1)[0]:
            break
        tls.sendall(bytes([letter]))
    return time.monotonic() - began


def test_a_request_that_only_trickles_is_cut_off(client: Client) -> None:
    login = base64.b64encode(f"admin:{PASSWORD}".encode())
    head = b"POST /v1/deployments HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n" % login
    head += b"Content-Type: application/json\r\nContent-Length: 600\r\n\r\n"
    server = client.running.server
    usual = server.timeout
    with speaking(client) as tls:
        server.timeout = 1
        assert trickle(tls, head * 9) < 10
        assert answered(tls)[0] == 408
        assert tls.recv(1) == b"", "and that was all"
    server.timeout = usual
    with speaking(client) as tls:
        server.timeout = 1
        tls.sendall(head)
        assert trickle(tls, b" " * 600) < 10
        status, body, stays = answered(tls)
    assert (status, json.loads(body)["findings"][0]["code"], stays) == (408, "API-013", False)


def test_those_who_trickle_hold_up_others_for_seconds_only(client: Client) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(speaking(client)) for _ in range(30)]
        assert len(slow) > client.world.settings.api.threads
        server = client.running.server
        usual, server.timeout = server.timeout, 1
        for tls in slow:
            tls.sendall(b"GET /v1/health HTTP/1.1\r\n")
        time.sleep(0.5)  # all threads wait for them
        server.timeout = usual  # as long as others have to agree on TLS
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(0.3):
                for tls in slow:
                    with contextlib.suppress(OSError):
                        tls.sendall(b"X")

        thread = threading.Thread(target=go_on)
        thread.start()
        stack.callback(thread.join)
        stack.callback(over.set)
        began = time.monotonic()
        assert client.ask("GET", "/v1/health").status_code == 200
        assert time.monotonic() - began < 30
