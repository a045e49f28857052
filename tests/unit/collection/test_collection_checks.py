"""Checks of a node before a deployment: a case is a file, what differs from a good node and what is told."""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.undercloud.deploy.plugins.module_utils import (
    checks_access,
    checks_facts,
    checks_gate,
    checks_judge,
    checks_ports,
    checks_registry,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.checks_catalogue import CATALOGUE
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError

CASES = sorted((Path(__file__).parent / "checks").glob("*.yaml"))
FACTS: dict[str, Any] = {
    "python": [3, 11, 2],
    "kernel": "6.1.0",
    "hostname": "controller-0",
    "cgroup": "v2",
    "selinux": "off",
    "apparmor": "on",
    "cpus": 8,
    "memory": 16000,
    "virtualisation": {"cpu": True, "kvm": True},
    "stack": "",
    "podman": "4.3.1",
    "clock": {"before": 1000.0, "node": 1001.0, "after": 1002.0},
    "links": {
        "eth0": {"mtu": 1500, "up": True, "mac": "02:00:00:00:00:01", "vlan": None},
        "eth1": {"mtu": 9000, "up": True, "mac": "02:00:00:00:00:02", "vlan": 20},
    },
    "addresses": {
        "192.0.2.11": {"link": "eth0", "prefix": 24, "duplicate": False},
        "172.17.0.11": {"link": "eth1", "prefix": 24, "duplicate": False},
    },
    "unfinished": {},
}
DEMANDS: dict[str, Any] = {
    "version": 1,
    "stack": "overcloud",
    "name": "controller-0",
    "role": "Controller",
    "memory": 1000,
    "disk": {"/": 128, "/var/lib/containers": 1024},
    "networks": {
        "ctlplane": {
            "address": "192.0.2.11",
            "prefix": 24,
            "mtu": 1500,
            "vlan": None,
            "peers": ["192.0.2.12"],
        },
        "internal_api": {
            "address": "172.17.0.11",
            "prefix": 24,
            "mtu": 9000,
            "vlan": 20,
            "peers": ["172.17.0.12"],
        },
    },
    "vips": {"ctlplane": {"address": "192.0.2.100", "holders": ["192.0.2.11"]}},
    "ports": [
        {"port": 11211, "protocol": "tcp", "address": "", "service": "memcached"},
        {"port": 5000, "protocol": "tcp", "address": "192.0.2.100", "service": "keystone of haproxy"},
    ],
    "images": ["registry.example:5000/a:1"],
}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    facts, demands = {**FACTS, **case.get("facts", {})}, {**DEMANDS, **case.get("demands", {})}
    found = [one.as_dict() for one in checks_judge.judge(facts, demands)]
    assert found[-1 if facts["hostname"].startswith("controller-0") else -2]["code"] == "NODE-130"
    told = [one for one in found if one["code"] != "NODE-130"]
    wanted = case["findings"]
    assert [(one["code"], one["severity"]) for one in told] == [(code, heavy) for code, heavy, _ in wanted]
    for one, (_, _, words) in zip(told, wanted, strict=True):
        assert words in one["message"]
        assert one["fix"]


def test_every_code_of_the_catalogue_has_a_case() -> None:
    told = {code for file in CASES for code, _, _ in yaml.safe_load(file.read_text())["findings"]}
    after = {"validations", "vips", "endpoints", "containers", "vip-moves"}
    assert told | {"NODE-130"} == {code for code, (check, _, _) in CATALOGUE.items() if check not in after}


def test_the_gate_lets_pass_what_is_forced() -> None:
    error = {"code": "NODE-117", "severity": "error", "message": "m", "fix": "f"}
    warning = {**error, "code": "NODE-114", "severity": "warning"}
    stopped = checks_gate.result([error, warning], {"force": ["NODE-114"]})
    assert (stopped["failed"], stopped["finding"], stopped["changed"]) == (True, error, False)
    assert stopped["msg"] == "NODE-117 m"
    for gate in ({"force": ["NODE-117"]}, {"errors_pass": True}):
        passed = checks_gate.result([error, warning], gate)
        assert "failed" not in passed
        assert passed["findings"] == [{**error, "severity": "warning", "forced": True}, warning]
    fatal = checks_gate.result([warning], {"warnings_stop": True})
    assert fatal["finding"] == {**warning, "severity": "error"}
    assert "failed" not in checks_gate.result([warning], {"warnings_stop": True, "force": ["NODE-114"]})
    assert checks_gate.broken(NodeError.of("NODE-017", "no file", "name it"))["finding"]["code"] == "NODE-017"


def test_access_to_registries_comes_from_the_desired_state() -> None:
    step = {
        "files": {
            "/etc/undercloud/registry-auth.json": {"content": '{"auths": "<<secret:a>>"}'},
            "/etc/containers/certs.d/reg.example:5000/ca.crt": {"content": "PEM"},
            "/etc/containers/registries.conf.d/50-undercloud.conf": {
                "content": '[[registry]]\nlocation = "old:5000"\ninsecure = true\n'
            },
        }
    }
    document = {"hosts": {"ctl-0": {"steps": {"0": step}}}}
    assert checks_access.access_of(document, "ctl-0", {"a": "s3cret"}) == {
        "auth": '{"auths": "s3cret"}',
        "certificates": {"reg.example:5000": "PEM"},
        "insecure": ["old:5000"],
    }
    with pytest.raises(NodeError):
        checks_access.access_of(document, "ctl-0", {})


def proc(directory: Path, pid: int, inode: int, cgroup: str) -> str:
    """A /proc with one process that listens on 0.0.0.0:11211, and a connection that does not."""
    (directory / "net").mkdir(parents=True)
    head = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    )
    row = "   {}: {}:2BCB 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1\n"
    rows = row.format(0, "00000000", "0A", inode) + row.format(1, "0100007F", "01", inode + 1)
    (directory / "net" / "tcp").write_text(head + rows)
    (directory / str(pid) / "fd").mkdir(parents=True)
    (directory / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    (directory / str(pid) / "comm").write_text("nc\n")
    (directory / str(pid) / "cgroup").write_text(cgroup)
    return str(directory)


@pytest.mark.parametrize(
    ("cgroup", "unit", "container", "ours"),
    [
        ("0::/system.slice/evil.service\n", "evil.service", "", False),
        (f"1:name=systemd:/machine.slice/libpod-{'a' * 64}.scope\n0::/\n", "", "a" * 64, True),
        (f"0::/machine.slice/libpod-{'b' * 64}.scope/container\n", "", "b" * 64, False),
        ("0::/user.slice\n", "", "", False),
    ],
)
def test_who_listens(tmp_path: Path, cgroup: str, unit: str, container: str, ours: bool) -> None:
    root = proc(tmp_path / "proc", 44, 7001, cgroup)
    (found,) = checks_ports.listeners({11211, 80}, lambda: {"a" * 64: "memcached"}, root)
    assert (found["address"], found["port"], found["protocol"]) == ("0.0.0.0", 11211, "tcp")
    assert (found["pid"], found["program"]) == (44, "nc")
    assert (found["unit"], found["container"], found["ours"]) == (unit, container, ours)
    assert checks_ports.listeners({80}, dict, root) == []


def test_who_listens_on_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        ports = {door.getsockname()[1]: door.getsockname()[0] for door in (four, six)}
        found = {one["port"]: one for one in checks_ports.listeners(ports, dict)}
    assert {port: one["address"] for port, one in found.items()} == ports
    assert {one["pid"] for one in found.values()} == {os.getpid()}


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry with one image and one user."""

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def answer(self) -> None:
        known = f"Basic {base64.b64encode(b'me:word').decode()}"
        status = 200 if self.headers.get("Authorization") == known else 401
        if status == 200 and self.path not in {"/v2/", "/v2/a/b/manifests/1", "/v2/a/b/manifests/sha256:1"}:
            status = 404
        self.send_response(status)
        self.send_header("Docker-Content-Digest", "sha256:1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_registry_is_asked_for_images(registry: str) -> None:
    auth = json.dumps({"auths": {registry: {"auth": base64.b64encode(b"me:word").decode()}}})
    access = {"auth": auth, "insecure": [registry]}
    good, gone, by_digest = (f"{registry}/a/b{end}" for end in (":1", ":2", ":9@sha256:1"))
    assert checks_registry.by_registry([good, "b", "library/x"]) == {registry: [good]}
    told = checks_registry.ask(registry, [good, gone, by_digest], access)
    assert told == {"error": "", "images": {good: "", gone: "it is not there", by_digest: ""}}
    wrong = {"auth": auth.replace(registry, "other"), "insecure": [registry]}
    assert checks_registry.ask(registry, [good], wrong)["images"] == {good: "it refuses our password"}
    assert "SSL" in checks_registry.ask(registry, [good], {})["error"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert (
        "refused"
        in checks_registry.ask(f"127.0.0.1:{port}", [], {"insecure": [f"127.0.0.1:{port}"]})["error"]
    )


def test_what_hangs_or_fails_is_told_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_facts, "PATIENCE", 0.5)
    monkeypatch.setattr(checks_facts, "_names", lambda names: threading.Event().wait(30))
    monkeypatch.setattr(checks_facts, "_network", lambda demands: 1 / 0)
    begin = time.monotonic()
    facts = checks_facts.gather({"disk": {"/no/such/path": 1}}, {})
    assert time.monotonic() - begin < 5
    assert facts["unfinished"]["names"] == "no end within 0.5 s"
    assert "ZeroDivisionError" in facts["unfinished"]["network"]
    assert facts["disk"]["/no/such/path"]["mount"] == "/"
    assert facts["memory"] > 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets are root's")


def two_ends(case: str) -> Any:
    """What the checks see over a cable to another machine, in a network namespace of their own."""
    script = str(Path(__file__).with_name("two_ends.py"))
    command = ["unshare", "--net", sys.executable, script, case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_root
def test_echoes_of_two_sizes_over_a_real_cable() -> None:
    first, second = two_ends("sizes")
    assert first == {"good": {"192.0.2.2": "ok"}, "big": {"192.0.2.2": "small", "192.0.2.9": "silent"}}
    assert second == {"cut": {"192.0.2.2": "small"}}, "the far end is smaller than ours"


@needs_root
def test_who_else_has_an_address_over_a_real_cable() -> None:
    found, near, address, mtu = two_ends("owners")
    mac = near["192.0.2.2"]
    assert found == {"192.0.2.1": [mac], "192.0.2.100": [mac]}
    assert (address, mtu) == ({"link": "near0", "prefix": 24, "duplicate": False}, 3000)
