"""The packet filter of our own templates: what it lets in on which node, and that it locks nobody out."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.playbooks.own_cloud import SAMPLES, compiled, parameters, stock_roles
from undercloud.playbooks.compiler import Compilation

ROLES = {"ControllerOpenstack": "api-0", "DatabaseMessaging": "data-0"}
RULES, SCRIPT = "/etc/undercloud/firewall.nft", "/usr/local/sbin/undercloud-firewall"
CASES = sorted((Path(__file__).parent / "cases" / "firewall").glob("*.yaml"))


def _cloud(directory: Path, **values: Any) -> Compilation:
    addresses = [[{"network": "ctlplane", "fixed_ip": f"192.168.24.{number}"}] for number in (11, 12)]
    nodes = [
        {"name": role, "count": 1, "instances": [{"hostname": name, "managed": False, "networks": own}]}
        for (role, name), own in zip(ROLES.items(), addresses, strict=True)
    ]
    given = parameters(**{"ControlPlaneSubnetCidr": "192.168.24.0/24", **values})
    networks = SAMPLES / "internal-api.yaml"
    return compiled(directory, stock_roles(*ROLES), nodes, given, networks=networks).raise_for_errors()


def _files(cloud: Compilation, host: str) -> dict[str, str]:
    return {path: entry.content for _, path, entry in cloud.desired.hosts[host].entries("files")}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_rules(file: Path, tmp_path: Path) -> None:
    """A case: parameters, and by node the rules that are there (their comment tells which) or are not."""
    case = yaml.safe_load(file.read_text())
    cloud = _cloud(tmp_path, **case.get("parameters", {}))
    for host, wanted in case["nodes"].items():
        text = _files(cloud, host)[RULES]
        found = {
            comment: rule.strip() for rule, comment in re.findall(r'^(.*?) ?comment "(.*)"$', text, re.M)
        }
        assert {name: found.get(name) for name in wanted} == wanted, case["about"]
        assert text.rstrip().endswith("reject with icmpx admin-prohibited\n  }\n}")
        assert "{{" not in text
        _checked_by_nft(text)


def _checked_by_nft(text: str) -> None:
    """nft itself reads it, where it is installed and may look into a network of its own."""
    alone = ["unshare", "--net", "nft", "-D", "ssh_ports={ 22 }", "-c", "-f", "-"]
    if os.geteuid() == 0 and any(Path(place, "nft").exists() for place in ("/usr/sbin", "/usr/bin")):
        done = subprocess.run(alone, input=text, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_it_can_be_left_out(tmp_path: Path) -> None:
    cloud = _cloud(tmp_path, ManageFirewall=False)
    for host in ROLES.values():
        assert not {RULES, SCRIPT} & set(_files(cloud, host))
        assert not [name for _, name, _ in cloud.desired.hosts[host].entries("units") if "firewall" in name]


def _desk(**rule: Any) -> dict[str, Any]:
    return {"ExtraFirewallRules": {"009 desk": rule}}


@pytest.mark.parametrize(
    ("parameters", "peers", "says"),
    [
        ({}, [], ""),
        ({}, ["192.168.24.1"], ""),
        ({}, ["198.51.100.7", "[::ffff:192.168.24.1]"], ""),
        ({}, ["198.51.100.7"], "would lock out who is logged in over SSH, from 198.51.100.7"),
        ({}, ["[fe80::1%eth0]"], "would lock out"),
        ({"SshFirewallAllowAll": True}, ["198.51.100.7", "[2001:db8::7]"], ""),
        (
            {"ExtraFirewallRules": {"009 desk": {"dport": 22, "source": "198.51.100.0/24"}}},
            ["198.51.100.7"],
            "",
        ),
        (
            {"ExtraFirewallRules": {"009 desk": {"dport": [22], "source": ["10.0.0.0/8"]}}},
            ["198.51.100.7"],
            "lock",
        ),
    ],
)
def test_nobody_is_locked_out(
    parameters: dict[str, Any], peers: list[str], says: str, tmp_path: Path
) -> None:
    script = tmp_path / "undercloud-firewall"
    script.write_text(_files(_cloud(tmp_path, **parameters), "api-0")[SCRIPT])
    lines = [f"0      0      192.168.24.11:2222  {peer}:50022" for peer in peers]
    lines.append("0      0      192.168.24.11:5000  203.0.113.9:50023")
    for name, said in {"sshd": "port 2222\naddressfamily any", "ss": "\n".join(lines)}.items():
        _command(tmp_path / name, f"cat <<'END'\n{said}\nEND")
    _command(tmp_path / "nft", 'echo "$@" >> "$0.log"')

    done = subprocess.run(
        ["/usr/bin/python3", str(script)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert says in done.stderr
    assert done.returncode == (1 if says else 0), done.stderr
    log = tmp_path / "nft.log"
    assert log.exists() != bool(says)
    if not says:
        assert log.read_text() == f"-D ssh_ports={{ 22, 2222 }} -f {RULES}\n"


def _command(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
