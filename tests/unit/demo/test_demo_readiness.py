"""What the demo says of a machine that it cannot run on."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.demo import cli, readiness
from tools.demo.cloud import GIB
from tools.demo.containers import ContainerDemo
from tools.demo.machines import MachineDemo
from tools.demo.readiness import Facts

GOOD = Facts(
    disk=20 * GIB,
    memory=6 * GIB,
    loop_devices=True,
    addresses=[("lo", "127.0.0.1/8"), ("eth0", "192.0.2.7/24"), ("ul12345-eth0", "192.168.24.1/24")],
)
SUBNETS = ["192.168.24.0/24"]
CASES: dict[str, tuple[dict[str, Any], bool, list[str]]] = {
    "nothing": ({}, True, []),
    "full": ({"disk": GIB // 2}, False, ["0.5 GiB are free on this disk, and 1 GiB are wanted"]),
    "room for a second run": ({"disk": 2 * GIB}, False, []),
    "no room for a first": ({"disk": 2 * GIB}, True, ["2.0 GiB are free on this disk, and 5 GiB are wanted"]),
    "several": (
        {"memory": GIB, "loop_devices": False},
        True,
        [
            "1.0 GiB of memory are free, and 2 GiB are wanted",
            "there is no /dev/loop-control, and the nodes' disks are files",
        ],
    ),
    "the same network": (
        {"addresses": [("eth0", "192.168.24.77/24")]},
        True,
        ["the demo's network 192.168.24.0/24 is in use: eth0 has the address 192.168.24.77/24"],
    ),
    "a network around it": (
        {"addresses": [("eth0", "192.168.1.2/16")]},
        True,
        ["the demo's network 192.168.24.0/24 is in use: eth0 has the address 192.168.1.2/16"],
    ),
}


@pytest.mark.parametrize(("change", "first", "told"), CASES.values(), ids=CASES)
def test_problems(change: dict[str, Any], first: bool, told: list[str]) -> None:
    found = readiness.problems(replace(GOOD, **change), SUBNETS, ContainerDemo.needs, first=first)
    assert [problem.text for problem in found] == told
    assert all(problem.fix for problem in found)


def test_virtual_machines_want_more_memory_and_no_loop_devices() -> None:
    facts = replace(GOOD, loop_devices=False)
    (problem,) = readiness.problems(facts, SUBNETS, MachineDemo.needs, first=True)
    assert problem.text == "6.0 GiB of memory are free, and 11 GiB are wanted"


def test_this_machine_is_looked_at(tmp_path: Path) -> None:
    facts = readiness.look(tmp_path / "not" / "there" / "yet")
    assert facts.disk > 0
    assert facts.memory > 0
    assert ("lo", "127.0.0.1/8") in facts.addresses


def test_nothing_is_made_on_a_machine_that_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(readiness, "look", lambda _: replace(GOOD, disk=0))
    assert cli.main([]) == 1
    said = capsys.readouterr().out
    assert "0.0 GiB are free" in said
    assert "fix: make room" in said
    assert "==>" not in said
