"""Our own templates on several nodes: what a member of a cluster starts with, what the members agree on."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.unit.playbooks.own_cloud import SAMPLES, compiled, parameters, stock_roles
from undercloud.playbooks.compiler import Compilation

DATA = "/var/lib/config-data"
BALANCER = """
- name: Balancer
  tags: [primary]
  networks: {StorageMgmt: {subnet: storage_mgmt_subnet}, InternalApi: {subnet: internal_api_subnet}}
  ServicesDefault: ['OS::TripleO::Services::HAproxy', 'OS::TripleO::Services::Keepalived']
"""
CASES = sorted((Path(__file__).parent / "cases" / "mariadb_start").glob("*.yaml"))


def _cloud(directory: Path, roles: dict[str, int]) -> Compilation:
    nodes = [
        {
            "name": role,
            "count": count,
            "defaults": {"managed": False},
            "instances": [
                {
                    "hostname": f"{role.lower()}-{index}",
                    "networks": [{"network": "ctlplane", "fixed_ip": f"192.168.24.{first + index}"}],
                }
                for index in range(count)
            ],
        }
        for first, (role, count) in zip(range(10, 90, 10), roles.items(), strict=False)
    ]
    texts = "".join(BALANCER if role == "Balancer" else stock_roles(role) for role in roles)
    networks = SAMPLES / "isolation.yaml"
    return compiled(directory, texts, nodes, parameters(), networks=networks).raise_for_errors()


def _file(cloud: Compilation, host: str, path: str) -> str:
    entries = cloud.desired.hosts[host].entries("files")
    text: str
    (text,) = (entry.content for _, name, entry in entries if name == f"{DATA}/{path}")
    return text


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return _cloud(tmp_path_factory.mktemp("three"), {"Controller": 3})


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return _cloud(tmp_path_factory.mktemp("one"), {"Controller": 1})


def test_every_script_is_one_that_its_shell_reads(three: Compilation, one: Compilation) -> None:
    scripts = [
        entry.content
        for cloud in (three, one)
        for host in cloud.desired.hosts.values()
        for _, _, entry in host.entries("files")
        if entry.content.startswith("#!")
    ]
    assert len(scripts) > 20
    for text in scripts:
        shell = text.splitlines()[0].removeprefix("#!")
        look = ["-c", "import ast, sys; ast.parse(sys.stdin.read())"] if "python" in shell else ["-n"]
        done = subprocess.run([shell, *look], input=text, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_members_name_each_other(three: Compilation) -> None:
    for index in range(3):
        host, address = f"controller-{index}", three.topology.hosts[index].ips["internal_api"]  # type: ignore[union-attr]
        galera = _file(three, host, "mysql/etc/mysql/mariadb.conf.d/99-undercloud-cluster.cnf")
        assert f"wsrep_node_address = {address}\n" in galera
        assert len(re.findall(r"gcomm://(.*)", galera)[0].split(",")) == 3
        bus = _file(three, host, "rabbitmq/etc/rabbitmq/rabbitmq.conf")
        assert [line.rpartition("@")[2] for line in bus.splitlines() if "rabbit@" in line] == [
            "controller-0",
            "controller-1",
            "controller-2",
        ]
        # All but the first wait for a member instead of beginning a cluster of their own.
        assert ("discovery_retry_limit" in bus) == (index > 0)
        balancer = _file(three, host, "haproxy/etc/haproxy/haproxy.cfg")
        assert len(re.findall(r"server controller-\d 172\.17\.0\.\d+:5000 check", balancer)) == 3


def test_one_virtual_router_a_network_on_all_nodes(tmp_path: Path) -> None:
    """Whatever other networks a node is on: members of one virtual address must agree on its number."""
    cloud = _cloud(tmp_path, {"Controller": 2, "Balancer": 1})
    found: dict[str, set[tuple[str, str]]] = {}
    for host, state in cloud.desired.hosts.items():
        if any(name == "keepalived" for _, name, _ in state.entries("containers")):
            text = _file(cloud, host, "keepalived/etc/keepalived/keepalived.conf.in")
            for network, router, priority in re.findall(
                r"vrrp_instance (\w+) .*?virtual_router_id (\d+)\s+priority (\d+)", text, re.DOTALL
            ):
                found.setdefault(network, set()).add((router, priority))
    assert {len({router for router, _ in each}) for each in found.values()} == {1}
    assert {network: len(each) for network, each in found.items()} == {
        "ctlplane": 3,
        "external": 2,
        "internal_api": 3,
        "storage": 2,
        "storage_mgmt": 3,
    }, "every member has a priority of its own"
    assert len({router for each in found.values() for router, _ in each}) == len(found)


@pytest.fixture
def peer() -> Iterator[int]:
    """The port of a member that answers its clients."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_how_a_database_starts(
    path: Path, three: Compilation, one: Compilation, peer: int, tmp_path: Path
) -> None:
    """mariadb-start as it is, with other paths and addresses, and a mariadbd that says how it was called."""
    case = yaml.safe_load(path.read_text())
    data = tmp_path / "data"
    for name in case["directories"]:
        (data / name).mkdir(parents=True)
    if "grastate" in case:
        (data / "grastate.dat").write_text(f"version: 2.1\nsafe_to_bootstrap: {case['grastate']}\n")
    (tmp_path / "mariadbd").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "mariadbd").chmod(0o755)
    cloud, host = (one, "controller-0") if case.get("alone") else (three, f"controller-{case['index']}")
    port = str(peer) if case["answers"] else "1"
    script = _file(cloud, host, "mysql/usr/local/bin/mariadb-start").replace("/var/lib/mysql", str(data))
    script = re.sub(r'peers="[^"]+"', 'peers="127.0.0.1"', script).replace("/$peer/3306", f"/$peer/{port}")
    script = script.replace("sleep 1", "sleep 0.01")
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout.split()) == (case["status"], case["arguments"])
    assert case.get("says", "") in done.stderr
    assert (data / "grastate.dat").exists() == ("grastate" in case and not case.get("alone"))
