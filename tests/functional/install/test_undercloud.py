"""The life of an undercloud: installed, used, killed, backed up, taken away, brought back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from tests.functional.install.conftest import CONF, INSTALL, Machine
from tests.unit.db import servers

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed"),
]


def test_installed_used_killed_backed_up_removed_and_brought_back(machine: Machine) -> None:
    told = machine.install()
    assert told["api"] == "https://127.66.0.1:13989"
    assert sorted(told["started"].split()) == ["api", "registry"]
    assert {row["State"] for row in machine.status().values()} == {"running"}

    # The same again changes nothing, and no process.
    before = machine.status()
    assert machine.install()["started"] == "nothing differed"
    assert {name: row["PID"] for name, row in machine.status().items()} == {
        name: row["PID"] for name, row in before.items()
    }

    # Used at once, over TLS with a password, by its name.
    machine.done("--undercloud", "undercloud", "overcloud", "plan", "create", "--stack", "lab")
    assert machine.plans() == ["lab"]
    ca = str(machine.etc / "ca.crt")
    assert requests.get(f"{told['api']}/v1/plans", verify=ca, timeout=30).status_code == 401
    assert requests.get("https://127.66.0.1:8787/v2/", verify=ca, timeout=30).status_code == 401

    # A killed process comes back.
    for name in ("api", "registry"):
        old = machine.status()[name]["PID"]
        os.kill(old, signal.SIGKILL)
        assert _until_healthy(machine, name) != old
    assert machine.plans() == ["lab"]

    # Restoring over one that runs is refused, and changes nothing.
    archive = machine.directory / "backup.tar.gz"
    machine.done("undercloud", "backup", "--output", str(archive))
    assert archive.stat().st_mode & 0o777 == 0o600
    refused = machine.openstack("undercloud", "restore", str(archive))
    assert (refused.returncode, "INST-033" in refused.stderr) == (2, True)

    # Gone, with a backup, and back again on a machine that has nothing of it, with the operator's settings.
    settings = machine.etc / "undercloud.conf.d/mine.conf"
    settings.parent.mkdir()
    settings.write_text("[api]\nport = 13990\n")
    assert machine.install()["api"] == "https://127.66.0.1:13990"
    pids = [row["PID"] for row in machine.status().values()]
    last = machine.directory / "last.tar.gz"
    said = machine.done("undercloud", "uninstall", "--yes", "--backup", str(last))
    assert str(last) in said
    assert not machine.state.exists()
    assert [path.name for path in machine.etc.iterdir()] == ["undercloud.conf.d"], "the operator's own stays"
    shutil.rmtree(machine.etc)
    assert not (machine.directory / "home/.config/undercloud/underclouds.yaml").exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _words(pid)]
    assert machine.openstack("undercloud", "status").returncode == 2
    machine.done("undercloud", "restore", str(last))
    assert settings.read_text() == "[api]\nport = 13990\n"
    assert machine.plans() == ["lab"]
    assert "13990" in machine.status()["api"]["Says"]
    assert all(row["Healthy"] for row in machine.status().values())


def test_an_installation_that_was_killed_anywhere_goes_on(machine: Machine) -> None:
    for line in (
        "registry: certificate",
        "api: certificate",
        "api: database",
        "processes",
        "registry: https",
    ):
        machine.killed_at(line, *INSTALL)
    passwords = {file: file.read_text() for file in machine.state.glob("secrets/*")}
    told = machine.install()
    assert all(row["Healthy"] for row in machine.status().values())
    assert {file: file.read_text() for file in passwords} == passwords, "made once"
    machine.done("--undercloud", "undercloud", "overcloud", "plan", "create", "--stack", "lab")
    assert machine.plans() == ["lab"]
    assert told["api"] == "https://127.66.0.1:13989"


@pytest.mark.long
def test_with_real_ironic(machine: Machine) -> None:
    """Its Python packages are fetched, which takes minutes."""
    text = CONF.replace("enable_ironic = false", "enabled_hardware_types = redfish, ipmi")
    (machine.directory / "undercloud.conf").write_text(text)
    started = machine.install()["started"].split()
    assert {"api", "files", "ironic", "registry"} == set(started)
    assert all(row["Healthy"] for row in machine.status().values())
    assert machine.install()["started"] == "nothing differed"
    archive = machine.directory / "backup.tar.gz"
    machine.done("undercloud", "backup", "--output", str(archive))
    with tarfile.open(archive) as kept:
        assert {"state/undercloud.db", "state/ironic/ironic.sqlite"} <= set(kept.getnames())


def test_an_upgrade_makes_a_backup_and_starts_everything_anew(machine: Machine) -> None:
    machine.install()
    machine.done("--undercloud", "undercloud", "overcloud", "plan", "create", "--stack", "lab")
    before = {row["PID"] for row in machine.status().values()}
    saved = machine.directory / "before.tar.gz"
    told = json.loads(machine.done("undercloud", "upgrade", "--backup", str(saved), "-f", "json"))
    assert told["backup"] == str(saved)
    assert saved.exists()
    assert not before & {row["PID"] for row in machine.status().values()}
    assert machine.plans() == ["lab"]


def test_a_damaged_backup_is_refused_before_anything_is_changed(machine: Machine) -> None:
    machine.install()
    archive = machine.directory / "backup.tar.gz"
    machine.done("undercloud", "backup", "--output", str(archive))
    machine.done("undercloud", "uninstall", "--yes", "--no-backup")
    for number, damage in enumerate((_cut, _flip, _swap_key)):
        broken = machine.directory / f"broken-{number}.tar.gz"
        damage(archive, broken)
        refused = machine.openstack("undercloud", "restore", str(broken))
        assert refused.returncode == 2, damage
        assert ("VAULT-004" if damage is _swap_key else "INST-032") in refused.stderr, damage
        assert not machine.state.exists(), damage
        assert not machine.etc.exists(), damage


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_changed(machine: Machine) -> None:
    text = CONF.replace("local_ip = 127.66.0.1/24", "local_ip = 192.0.2.1/24\nlocal_mtu = big")
    (machine.directory / "undercloud.conf").write_text(text)
    refused = machine.openstack("undercloud", "install", "--config-dir", str(machine.etc))
    assert refused.returncode == 1
    assert "UC-003" in refused.stdout
    assert "UC-021" in refused.stdout

    (machine.directory / "undercloud.conf").write_text(CONF.replace("127.66.0.", "192.0.2."))
    (machine.directory / "home/blocked").write_text("")
    words = ("--config-dir", str(machine.directory / "home/blocked/etc"))
    refused = machine.openstack("undercloud", "install", *words)
    assert refused.returncode == 1
    assert "INST-001" in refused.stdout
    assert "INST-002" in refused.stdout
    assert not machine.state.exists()
    assert not machine.etc.exists()


def test_a_port_that_is_taken_is_named(machine: Machine) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.66.0.1", 13989))
        other.listen()
        refused = machine.openstack("undercloud", "install", "--config-dir", str(machine.etc))
    assert refused.returncode == 1
    assert "INST-003" in refused.stdout
    assert "13989" in refused.stdout


def test_what_does_not_work_after_its_start_is_told_with_what_it_said(machine: Machine) -> None:
    machine.install()
    override = machine.etc / "undercloud.conf.d"
    override.mkdir()
    (override / "wrong.conf").write_text("[api]\nrate_limit = often\n")
    stopped = machine.openstack("undercloud", "install")
    assert stopped.returncode == 2
    assert "often" in stopped.stderr, stopped.stderr
    assert machine.status(status=1)["api"]["Healthy"] is False

    # The operator mends it, and the installation goes on.
    (override / "wrong.conf").write_text("[api]\nrate_limit = 100/second\n")
    assert machine.install()["started"] == "api"
    assert machine.status()["api"]["Healthy"] is True


def _until_healthy(machine: Machine, name: str) -> int:
    deadline = time.monotonic() + 60
    while True:
        row = next(
            row
            for row in json.loads(machine.openstack("undercloud", "status", "-f", "json").stdout)
            if row["Process"] == name
        )
        if row["Healthy"]:
            return int(row["PID"])
        assert time.monotonic() < deadline, row
        time.sleep(1)


def _words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _cut(archive: Path, broken: Path) -> None:
    broken.write_bytes(archive.read_bytes()[:-200])


def _flip(archive: Path, broken: Path) -> None:
    """One letter of one file differs; size and archive are as they should be."""
    name = "state/registry/htpasswd"
    _rewritten(archive, broken, name, lambda data: data.replace(b"undercloud", b"undercloul"))


def _swap_key(archive: Path, broken: Path) -> None:
    """Another key, and a manifest that was made to agree."""
    key = Fernet.generate_key() + b"\n"

    def manifest(data: bytes) -> bytes:
        told = json.loads(data)
        told["members"]["state/secret.key"].update(size=len(key), sha256=hashlib.sha256(key).hexdigest())
        return json.dumps(told).encode()

    between = broken.with_suffix(".between")
    _rewritten(archive, between, "manifest.json", manifest)
    _rewritten(between, broken, "state/secret.key", lambda _data: key)


def _rewritten(archive: Path, broken: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    with tarfile.open(archive) as old, tarfile.open(broken, "w:gz") as new:
        for entry in old.getmembers():
            stream = old.extractfile(entry)
            data = stream.read() if stream else b""
            if entry.name == name:
                data = change(data)
                entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))


def test_playbooks_that_outlive_the_engine_end_with_the_undercloud(machine: Machine) -> None:
    """A real keeper, which waits for what it is to keep; that of another undercloud goes on."""
    machine.install()
    keepers = []
    for name, state in (("ours", machine.state), ("theirs", machine.directory / "state-of-another")):
        directory = machine.directory / name
        directory.mkdir()
        os.mkfifo(directory / "run.json")
        words = [sys.executable, "-m", "undercloud.deploy.keeper", str(directory)]
        environment = {**machine.environment, "UNDERCLOUD_RUN": f"{state}:overcloud"}
        keepers.append(subprocess.Popen(words, env=environment))
    ours, theirs = keepers
    try:
        said = machine.openstack("undercloud", "uninstall", "--yes", "--no-backup")
        assert said.returncode == 0, said.stdout + said.stderr
        assert ours.wait(10) == -signal.SIGTERM
        assert theirs.poll() is None
        assert f"deleting {machine.state}" in said.stderr
        assert not machine.state.exists()
    finally:
        for keeper in keepers:
            keeper.kill()
            keeper.wait()


@pytest.mark.parametrize("kind", ["postgresql", pytest.param("mariadb", marks=pytest.mark.long)])
def test_a_database_on_a_server_is_made_kept_and_put_back(machine: Machine, kind: str) -> None:
    if not servers.installed(kind):
        pytest.skip(f"the packages of {kind} are not installed")
    settings = machine.etc / "undercloud.conf.d/database.conf"
    archive = machine.directory / "backup.tar.gz"
    with servers.running(kind) as server:
        settings.parent.mkdir(parents=True)
        settings.write_text(f"[database]\nconnection = {server.new_database()}\n")
        machine.install()
        machine.done("--undercloud", "undercloud", "overcloud", "plan", "create", "--stack", "lab")
        told = machine.done("undercloud", "backup", "--output", str(archive), "-f", "json")
        assert json.loads(told)["databases"] == "state/database.sql"
        machine.done("--undercloud", "undercloud", "overcloud", "plan", "create", "--stack", "later")
        machine.done("undercloud", "uninstall", "--yes", "--no-backup")

        refused = machine.openstack("undercloud", "restore", str(archive))
        assert (refused.returncode, "INST-034" in refused.stderr) == (2, True), "the database is still there"
        assert not machine.state.exists()
        machine.done("undercloud", "restore", str(archive), "--replace")
        assert machine.plans() == ["lab"]
        (replaced,) = machine.state.parent.glob(f"{machine.state.name}.before-*.sql")
        assert "later" in replaced.read_text()
        assert not (machine.state / "database.sql").exists()

        # On a machine that has nothing of it, with an empty database elsewhere.
        machine.done("undercloud", "uninstall", "--yes", "--no-backup")
        settings.write_text(f"[database]\nconnection = {server.new_database()}\n")
        machine.done("undercloud", "restore", str(archive))
        assert machine.plans() == ["lab"]
        machine.done("undercloud", "uninstall", "--yes", "--no-backup")
