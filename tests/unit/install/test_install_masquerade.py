"""Masquerading and net_config_override of undercloud.conf: what is made of them, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.install.test_install_ironic import site
from undercloud.diagnostics import Report, Severity
from undercloud.install.configuration import site as site_of
from undercloud.install.masquerade import Masquerade, table
from undercloud.install.parts import all_parts
from undercloud.install.parts.masquerade import Masquerading
from undercloud.install.parts.network import Network
from undercloud.install.site import Site
from undercloud.validation.undercloud_conf import read

TWO = """\
[DEFAULT]
local_ip = 192.0.2.1/24
subnets = ctlplane-subnet, leaf
enable_routed_networks = true
[ctlplane-subnet]
cidr = 192.0.2.0/24
[leaf]
cidr = 198.51.100.0/24
masquerade = true
"""
SIX = "[DEFAULT]\nlocal_ip = fd00::1/64\n[ctlplane-subnet]\ncidr = fd00::/64\nmasquerade = true\n"


def told(directory: Path, text: str) -> Site:
    return site_of(read(text, "undercloud.conf", Report()), directory, directory, frozenset())


def test_only_subnets_that_ask_for_it_and_only_to_the_world(tmp_path: Path) -> None:
    here = told(tmp_path, TWO)
    assert "masquerade" in [part.name for part in all_parts(here)]
    (process,) = Masquerading(here).processes()
    wanted = Masquerade.read(process.command[-3:])
    assert wanted.record.is_relative_to(tmp_path)
    rules = [line for line in table(wanted).splitlines() if line.startswith("ip saddr")]
    assert rules == [
        "ip saddr 198.51.100.0/24 ip daddr 192.0.2.0/24 return",
        "ip saddr 198.51.100.0/24 ip daddr 198.51.100.0/24 return",
        "ip saddr 198.51.100.0/24 masquerade",
    ]


@pytest.mark.parametrize("text", [TWO.replace("true\n", "false\n"), ""])
def test_unless_asked_for_there_is_none(tmp_path: Path, text: str) -> None:
    assert "masquerade" not in [part.name for part in all_parts(told(tmp_path, text))]


@pytest.mark.parametrize(
    ("user", "text", "expected"),
    [(0, TWO, []), (1000, TWO, [("only root", 9)]), (0, SIX, [("fd00::/64", 5)])],
)
def test_what_cannot_be_masqueraded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, text: str, expected: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    found = list(Masquerading(told(tmp_path, text)).problems())
    assert [(one.code, one.locations[0].line) for one in found] == [
        ("INST-008", line) for _, line in expected
    ]
    assert all(part in one.message for one, (part, _) in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("local", "severity", "why"),
    [
        ("203.0.113.1/24", Severity.ERROR, "only br-ctlplane is made"),
        ("127.24.0.1/24", Severity.WARNING, "is here already"),
    ],
)
def test_net_config_override_is_not_ignored_silently(
    tmp_path: Path, local: str, severity: Severity, why: str
) -> None:
    text = f"[DEFAULT]\nlocal_ip = {local}\nnet_config_override = /root/net.json\n"
    found = [one for one in Network(told(tmp_path, text)).problems() if one.code == "INST-009"]
    assert [(one.severity, one.locations[0].line, why in one.message) for one in found] == [
        (severity, 3, True)
    ]
    assert not [one for one in Network(site(tmp_path)).problems() if one.code == "INST-009"]
