"""The provisioning network of an undercloud, made for real in a network namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
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
    deadline = time.monotonic() + 30
    while not any(each.get("local") == "192.168.24.1" for each in ip("address", "show")[-1]["addr_info"]):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert apart.plans() == []

    apart.done("undercloud", "uninstall", "--yes", "--no-backup")
    assert "br-ctlplane" not in {link["ifname"] for link in ip("link", "show")}
    assert "master" not in ip("link", "show", "eth1")[0]


def test_a_card_with_addresses_is_left_alone(apart: Machine) -> None:
    ip("address", "add", "198.51.100.7/24", "dev", "eth1")
    refused = apart.openstack(*INSTALL[:-2])
    assert (refused.returncode, "INST-002" in refused.stdout) == (1, True)
    assert "198.51.100.7/24" in refused.stdout

    # An address that the operator gave is theirs.
    ip("address", "add", "192.168.24.1/24", "dev", "eth1")
    apart.install()
    assert "network" not in apart.status()
    assert "br-ctlplane" not in {link["ifname"] for link in ip("link", "show")}
