"""The provisioning network of an undercloud, made for real in a network namespace of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functional.install.conftest import CONF, INSTALL, Machine

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made by root"),
]
_NAMESPACE = f"uc-test-{os.getpid()}"


def ip(*words: str) -> Any:
    done = subprocess.run(
        ["ip", "-json", "-netns", _NAMESPACE, *words], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout or "[]")


@pytest.fixture
def namespace() -> Iterator[None]:
    subprocess.run(["ip", "netns", "add", _NAMESPACE], check=True)
    try:
        ip("link", "set", "lo", "up")
        ip("link", "add", "eth1", "type", "veth", "peer", "name", "cable")
        ip("link", "set", "cable", "up")
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", _NAMESPACE], check=True)


def soon(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def within(namespace: str, *words: str) -> str:
    command = ["ip", "netns", "exec", namespace, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def apart(namespace: None, machine: Machine) -> Iterator[Machine]:
    """The machine, with a network of its own that has one card without an address."""
    machine.within = ("ip", "netns", "exec", _NAMESPACE)
    (machine.directory / "undercloud.conf").write_text(CONF.replace("127.66.0.", "192.168.24."))
    yield machine
    machine.openstack("undercloud", "uninstall", "--yes", "--no-backup")


def test_the_bridge_is_made_kept_and_taken_away(apart: Machine) -> None:
    apart.install()
    assert [row["Part"] for row in apart.status().values()] == ["network", "registry", "api"]
    (bridge,) = ip("address", "show", "br-ctlplane")
    assert ("192.168.24.1", 24) in {(each["local"], each["prefixlen"]) for each in bridge["addr_info"]}
    (card,) = ip("link", "show", "eth1")
    assert card["master"] == "br-ctlplane"
    assert apart.install()["started"] == "nothing differed"

    # Somebody's hand is undone.
    ip("address", "flush", "dev", "br-ctlplane")
    soon(lambda: any(one.get("local") == "192.168.24.1" for one in ip("address", "show")[-1]["addr_info"]))
    assert apart.plans() == []

    apart.done("undercloud", "uninstall", "--yes", "--no-backup")
    assert "br-ctlplane" not in {link["ifname"] for link in ip("link", "show")}
    assert "master" not in ip("link", "show", "eth1")[0]


def test_a_card_with_addresses_is_left_alone(apart: Machine) -> None:
    ip("address", "add", "198.51.100.7/24", "dev", "eth1")
    conf = apart.directory / "undercloud.conf"
    conf.write_text(
        conf.read_text().replace("[DEFAULT]\n", "[DEFAULT]\nnet_config_override = /root/net.json\n")
    )
    refused = apart.openstack(*INSTALL[:-2])
    assert (refused.returncode, {"INST-002", "INST-009"} <= set(refused.stdout.split())) == (1, True)
    assert "198.51.100.7/24" in refused.stdout

    # An address that the operator gave is theirs.
    ip("address", "add", "192.168.24.1/24", "dev", "eth1")
    installed = apart.openstack(*INSTALL)
    assert (installed.returncode, "INST-009" in installed.stderr) == (0, True), "it warns"
    assert "network" not in apart.status()
    assert "br-ctlplane" not in {link["ifname"] for link in ip("link", "show")}


_NODE, _WORLD = f"{_NAMESPACE}-node", f"{_NAMESPACE}-world"
_LISTEN = """
import socket
with socket.create_server(("198.51.100.2", 7777)) as server:
    print("listens", flush=True)
    print(server.accept()[1][0])
"""
_CALL = "import socket; socket.create_connection(('198.51.100.2', 7777), timeout=10).close()"


@pytest.fixture
def neighbours(namespace: None) -> Iterator[None]:
    """A node on the provisioning network, and the world, which has no way back to that network."""
    for name in (_NODE, _WORLD):
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        ip("link", "set", "cable", "netns", _NODE)
        ip("link", "add", "uplink", "type", "veth", "peer", "name", "port")
        ip("link", "set", "port", "netns", _WORLD)
        ip("address", "add", "198.51.100.1/24", "dev", "uplink")
        ip("link", "set", "uplink", "up")
        for name, card, address in (
            (_NODE, "cable", "192.168.24.50/24"),
            (_WORLD, "port", "198.51.100.2/24"),
        ):
            within(name, "ip", "address", "add", address, "dev", card)
            within(name, "ip", "link", "set", card, "up")
        within(_NODE, "ip", "route", "add", "default", "via", "192.168.24.1")
        within(_NAMESPACE, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
        yield
    finally:
        for name in (_NODE, _WORLD):
            subprocess.run(["ip", "netns", "delete", name], check=True)


def forwards() -> bool:
    return within(_NAMESPACE, "cat", "/proc/sys/net/ipv4/ip_forward").strip() == "1"


def masquerades() -> bool:
    return "192.168.24.0/24 masquerade" in within(_NAMESPACE, "nft", "list", "ruleset")


def keeper(machine: Machine) -> int:
    """The process of masquerading, 0 while none runs."""
    rows = json.loads(machine.openstack("undercloud", "status", "-f", "json").stdout)
    return next(row["PID"] or 0 for row in rows if row["Process"] == "masquerade")


def table() -> str:
    """Our table with the numbers that nft gives what it makes: one that is made anew has others."""
    return within(_NAMESPACE, "nft", "--handle", "list", "table", "ip", "undercloud")


def test_nodes_reach_the_world_by_the_undercloud(neighbours: None, apart: Machine) -> None:
    conf = apart.directory / "undercloud.conf"
    without = conf.read_text()
    conf.write_text(f"{without}masquerade = true\n")
    apart.install()
    shown = apart.status()["masquerade"]
    assert (shown["Healthy"], shown["Says"]) == (True, "192.168.24.0/24")
    listening = ["ip", "netns", "exec", _WORLD, sys.executable, "-c", _LISTEN]
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as world:
        assert world.stdout is not None
        try:
            assert world.stdout.readline() == "listens\n"
            within(_NODE, sys.executable, "-c", _CALL)
            assert world.stdout.readline() == "198.51.100.1\n", "the undercloud's address, not the node's"
        finally:
            world.kill()
    assert apart.install()["started"] == "nothing differed"

    # Somebody's hand is undone; what is somebody else's stays.
    within(_NAMESPACE, "nft", "add table ip others; delete table ip undercloud")
    within(_NAMESPACE, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    soon(lambda: forwards() and masquerades())

    # What ends its process, and an upgrade, leave the very same rules.
    made, ended = table(), keeper(apart)
    os.kill(ended, signal.SIGTERM)
    soon(lambda: keeper(apart) not in {0, ended})
    assert (forwards(), table()) == (True, made)
    apart.done("undercloud", "upgrade", "--no-backup")
    assert (forwards(), table()) == (True, made)

    # Switched off, it goes, and with it the forwarding that was off before.
    conf.write_text(without)
    apart.install()
    assert (forwards(), masquerades(), "masquerade" in apart.status()) == (False, False, False)

    # On again while others forward, too: an uninstallation leaves theirs.
    within(_NAMESPACE, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    conf.write_text(f"{without}masquerade = true\n")
    apart.install()
    apart.done("undercloud", "uninstall", "--yes", "--no-backup")
    assert (forwards(), masquerades()) == (True, False)
    assert "table ip others" in within(_NAMESPACE, "nft", "list", "ruleset")
