"""The checks of nodes as playbooks have them: real Ansible, sockets and processes, a network of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.functional.collection.conftest import STACK, RealNode

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own is root's"),
]
SECRET = "correct horse battery"
DEMANDS: dict[str, Any] = {
    "version": 1,
    "stack": STACK,
    "name": "localhost",
    "role": "Controller",
    "memory": 1,
    "disk": {"/": 1},
    "networks": {
        "ctlplane": {"address": "192.0.2.1", "prefix": 24, "mtu": 1500, "vlan": None, "peers": ["192.0.2.2"]}
    },
    "vips": {},
    "ports": [{"port": 11211, "protocol": "tcp", "address": "", "service": "memcached"}],
    "endpoints": [],
    "images": [],
}

# A machine at the other end of a cable, which ends with the shell that laid it.
SCENE = """
set -e
unshare --net sleep 300 & other=$!
trap 'kill $other' EXIT
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
there() { nsenter -t $other -n "$@"; }
ip link set lo up
ip link add near0 type veth peer name far0 netns $other
ip address add 192.0.2.1/24 dev near0; ip link set near0 up
there ip address add 192.0.2.2/24 dev far0; there ip link set far0 up
"""


class Node:
    """This machine with a network of its own, checked by a playbook."""

    def __init__(self, node: RealNode, directory: Path) -> None:
        self.node = node
        self.directory = directory
        (directory / "secrets.json").write_text(json.dumps({"svc/pw": SECRET}))
        self.state: dict[str, Any] = {}

    def run(self, module: str, demands: dict[str, Any], scene: str = "", *words: str, **options: Any) -> Any:
        """Run a task in the scene; its findings by code, and all that was printed."""
        hosts = {"localhost": {"steps": self.state}}
        for name, value in (("demands", demands), ("state", {"version": 1, "hosts": hosts})):
            (self.directory / f"{name}.json").write_text(json.dumps(value))
        files = {name: f"{{{{ playbook_dir }}}}/{name}.json" for name in ("demands", "state", "secrets")}
        task = {f"undercloud.deploy.{module}": {**files, **options}, "register": "done"}
        keep = {"content": "{{ done | to_json }}", "dest": str(self.directory / "result")}
        told = {"ansible.builtin.copy": keep, "check_mode": False}
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [{"block": [task], "always": [told]}],
        }
        (self.directory / "play.yaml").write_text(json.dumps([play]))
        ansible = Path(sys.executable).parent / "ansible-playbook"
        script = f"{SCENE}\n{scene}\n{ansible} play.yaml {' '.join(words)} || true\n"
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", script],
            cwd=self.directory,
            env={**self.node.environment, "PATH": f"{ansible.parent}:{self.node.environment['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert (self.directory / "result").exists(), done.stdout + done.stderr
        result = json.loads((self.directory / "result").read_text())
        assert SECRET not in done.stdout + done.stderr + json.dumps(result)
        return {one["code"]: one for one in result["findings"]}, result


@pytest.fixture
def checked(node: RealNode, tmp_path: Path) -> Node:
    return Node(node, tmp_path)


LISTEN = f"""
{sys.executable} -c 'import socket, time
door = socket.create_server(("0.0.0.0", 11211))
time.sleep(200)' & taken=$!
trap 'kill $other $taken' EXIT
sleep 1
"""


def test_a_good_node(checked: Node) -> None:
    found, result = checked.run("preflight", DEMANDS, "", "--check")
    assert [code for code, one in found.items() if one["severity"] == "error"] == []
    assert "Linux" in found["NODE-130"]["message"]
    assert (result["changed"], result["failed"]) == (False, False)


def test_everything_that_is_wrong_at_once(checked: Node) -> None:
    demands = {
        **DEMANDS,
        "memory": 1 << 30,
        "disk": {"/": 1 << 40},
        "names": ["no-such-name.invalid"],
        "images": ["127.0.0.1:1/a:1"],
        "time_servers": ["192.0.2.2"],
    }
    ctlplane = {**DEMANDS["networks"]["ctlplane"], "peers": ["192.0.2.2", "192.0.2.9"]}
    missing = {**ctlplane, "address": "198.51.100.1", "peers": []}
    demands["networks"] = {"ctlplane": ctlplane, "tenant": missing}
    duplicate = "there ip address add 192.0.2.1/32 dev lo"
    found, result = checked.run("preflight", demands, LISTEN + duplicate)
    errors = {code for code, one in found.items() if one["severity"] == "error"}
    assert {"NODE-104", "NODE-105", "NODE-107", "NODE-109", "NODE-115", "NODE-117", "NODE-118"} <= errors
    assert found["NODE-103"]["severity"] == "warning"
    assert "python" in found["NODE-117"]["message"]
    assert (result["failed"], result["finding"]["severity"]) == (True, "error")


def test_a_cable_that_is_too_small_and_a_neighbour_that_is_silent(checked: Node) -> None:
    peers = {**DEMANDS["networks"]["ctlplane"], "peers": ["192.0.2.2", "192.0.2.9"]}
    demands = {**DEMANDS, "networks": {"ctlplane": peers}}
    found, _ = checked.run("preflight", demands, "there ip link set far0 mtu 1400")
    assert "192.0.2.2" in found["NODE-113"]["message"]
    assert "192.0.2.9" in found["NODE-114"]["message"]


def test_what_is_forced_passes(checked: Node) -> None:
    found, result = checked.run("preflight", DEMANDS, LISTEN, gate={"force": ["NODE-117"]})
    assert (found["NODE-117"]["severity"], found["NODE-117"]["forced"]) == ("warning", True)
    assert result["failed"] is False


def test_validations_and_addresses_of_a_deployed_node(checked: Node) -> None:
    checked.state = {
        "2": {
            "validations": [
                {"name": "Good", "command": ["test", "<<secret:svc/pw>>", "=", SECRET]},
                {
                    "name": "Bad",
                    "command": ["sh", "-c", "echo <<secret:svc/pw>>; false"],
                    "delay": 0,
                    "code": "OPS-001",
                },
                {"name": "Deep", "command": ["false"], "group": "deep", "delay": 0},
            ],
            "containers": {"memcached": {"kind": "service"}},
        }
    }
    demands = {
        **DEMANDS,
        "vips": {"ctlplane": {"address": "192.0.2.100", "holders": ["192.0.2.1", "192.0.2.2"]}},
    }
    demands["endpoints"] = [
        {"name": "cache", "mode": "tcp", "path": "", "address": "192.0.2.1", "port": 11211, "tls": False},
        {"name": "api", "mode": "http", "path": "/v3", "address": "192.0.2.1", "port": 81, "tls": False},
    ]
    found, result = checked.run("verify", demands, LISTEN, groups=["post-deployment"])
    assert set(found) == {"OPS-001", "NODE-206", "NODE-207", "NODE-208"}
    assert "<<secret:svc/pw>>" in "".join(found["OPS-001"]["log"]), "what it printed, without the secret"
    assert "api does not answer" in found["NODE-207"]["message"]
    assert result["failed"] is True
    two = "ip address add 192.0.2.100/32 dev near0; there ip address add 192.0.2.100/32 dev far0"
    found, _ = checked.run("verify", demands, LISTEN + two, final=True)
    assert set(found) == {"NODE-206", "NODE-207"}
    assert "is here and on" in found["NODE-206"]["message"]
    found, _ = checked.run("verify", demands, LISTEN, groups=["deep"])
    assert set(found) == {"NODE-015"}
