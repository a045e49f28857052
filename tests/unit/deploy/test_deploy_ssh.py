"""The system's ssh against nobody; against real nodes it runs in the functional tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from undercloud.deploy import failures, ssh, workspace
from undercloud.deploy.compiling import Node
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.workspace import Workspace


def never() -> bool:
    return False


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Workspace]:
    with workspace.opened(tmp_path, tmp_path / "state", "s", "d") as made:
        made.known_hosts.write_text("")
        yield made


@pytest.fixture
def closed() -> Node:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return Node("nobody", "127.0.0.1", port=listener.getsockname()[1])


def test_nobody_answers(private: Workspace, closed: Node) -> None:
    client, access = ssh.OpenSsh(), SshAccess(connect_timeout=2)
    assert client.scan(closed, 2, never) == {}
    answer = client.run(closed, access, private, "true", never)
    assert answer.code == 255
    assert "Connection refused" in answer.error
    assert failures.explain("nobody", answer.error).code == "DEP-010"


def test_who_is_not_a_node_says_so(private: Workspace) -> None:
    """Something that listens but does not speak SSH: it is given up within the time to connect."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = Node("mute", "127.0.0.1", port=silent.getsockname()[1])
        answer = ssh.OpenSsh().run(node, SshAccess(connect_timeout=1), private, "true", never)
    assert answer.code == 255
    assert failures.explain("mute", answer.error).code == "DEP-010"


def test_who_is_waited_for_in_vain_is_given_up_when_asked(private: Workspace) -> None:
    """A node that takes its time, and an operator who does not."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = Node("mute", "127.0.0.1", port=silent.getsockname()[1])
        begun = time.monotonic()
        threading.Timer(0.3, asked.set).start()
        answer = ssh.OpenSsh().run(node, SshAccess(connect_timeout=30), private, "true", asked.is_set)
        assert ssh.OpenSsh().scan(node, 30, asked.is_set) == {}
    assert answer.code == 255
    assert 0.2 < time.monotonic() - begun < 5


def test_only_known_keys_are_accepted_and_nothing_is_asked(private: Workspace) -> None:
    words = ssh.options(SshAccess(private_key="/my key"), private, 60)
    chosen = dict(word.split("=", 1) for word in words[1::2])
    assert (chosen["StrictHostKeyChecking"], chosen["BatchMode"]) == ("yes", "yes")
    assert chosen["UserKnownHostsFile"] == f'"{private.known_hosts}"'
    assert chosen["IdentityFile"] == '"/my key"'
    given = ssh.options(SshAccess(known_hosts="/etc/known"), private, 0)
    assert 'UserKnownHostsFile="/etc/known"' in given
    assert not [word for word in given if word.startswith("Control")]
